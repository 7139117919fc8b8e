package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/commitstatus"
	"github.com/daemongate/daemongate/sync/delivery"
)

// sender brings the reports of one Sync to its Git host.
type sender struct {
	delivery.Loop[[]report]

	box *Outbox
	// open returns the reporter. It is opened as late as possible: what keeps it from being opened is the host's
	// trouble.
	open func(ctx context.Context) (Reporter, error)
	// address makes of a report what is sent.
	address func(report) forge.Status

	reporter Reporter
}

func newSender(b *Outbox, write func(context.Context, []report) error, trouble func(error)) *sender {
	d := &sender{box: b}
	d.Loop = delivery.Loop[[]report]{News: b.news, Unsaved: b.all, Write: write, Saved: b.saved, Send: d.send,
		Trouble: trouble}
	return d
}

// placeOf tells one place to report to from another: what one host was told, another one was not.
func placeOf(s *api.Sync, cluster string) string {
	r := s.Spec.Report
	return fmt.Sprintf("%q",
		[]string{s.Spec.Source.URL, string(r.Provider), r.URL, r.Repository, commitstatus.Context(s, cluster)})
}

// send sends a batch.
func (d *sender) send(ctx context.Context) time.Time {
	now := time.Now()
	batch, due := d.box.next(now)
	if len(batch) == 0 || now.Before(d.NotBefore()) {
		return whenToSend(due, d.NotBefore(), len(batch) > 0)
	}
	answer, err := d.tell(ctx, batch)
	if ctx.Err() != nil {
		return time.Time{}
	}
	if lost := d.box.settle(batch, answer, time.Now()); lost != nil {
		d.Trouble(lost)
	}
	if err != nil {
		return d.Failed(ctx, err, answer.Pause)
	}
	return d.Went(answer.Pause)
}

// whenToSend is when there is something to send: what waits for its own time, and for the host's.
func whenToSend(due, notBefore time.Time, waiting bool) time.Time {
	switch {
	case waiting || !due.IsZero() && due.Before(notBefore):
		return notBefore
	}
	return due
}

// tell sends a batch.
func (d *sender) tell(ctx context.Context, batch []report) (forge.Answer, error) {
	if d.reporter == nil {
		reporter, err := d.open(ctx)
		if err != nil {
			return forge.Answer{}, err
		}
		d.reporter = reporter
	}
	var statuses []forge.Status
	for _, l := range batch {
		statuses = append(statuses, d.address(l))
	}
	answer := d.reporter.Report(ctx, statuses)
	return answer, answer.Trouble
}
