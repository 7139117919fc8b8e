package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/backoff"
	"github.com/daemongate/daemongate/sync/kept"
)

// delivery brings the reports of one Sync to its Git host, beside the gate: whatever the host does, nobody waits.
type delivery struct {
	box *Outbox
	// open returns the reporter. It is opened as late as possible: what keeps it from being opened is the host's
	// trouble.
	open  func(ctx context.Context) (Reporter, error)
	store reportStore
	// address makes of a report what is sent.
	address func(report) forge.Status
	trouble func(error)

	reporter    Reporter
	failures    int
	lastTrouble string    // that was told, while it lasts
	foreign     bool      // whether reports cannot be saved because the place for them is somebody else's
	notBefore   time.Time // nothing is sent before
}

// lookAgain is when it is looked again whether reports can be saved.
const lookAgain = 5 * time.Minute

// reportStore keeps reports over a restart.
type reportStore interface {
	read(ctx context.Context) ([]report, error)
	write(ctx context.Context, reports []report) error
}

// placeOf tells one place to report to from another: what one host was told, another one was not.
func placeOf(s *api.Sync, cluster string) string {
	r := s.Spec.Report
	return fmt.Sprintf("%q",
		[]string{s.Spec.Source.URL, string(r.Provider), r.URL, r.Repository, reportContext(s, cluster)})
}

// run delivers until ctx ends.
func (d *delivery) run(ctx context.Context) {
	for {
		again := d.turn(ctx)
		if !d.rest(ctx, again) {
			return
		}
	}
}

// rest returns at the given time, or when there is news; with no time, only then. It reports whether to go on.
func (d *delivery) rest(ctx context.Context, until time.Time) bool {
	var alarm <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-alarm:
	case <-d.box.news:
	}
	return ctx.Err() == nil
}

// turn saves what is new and sends a batch, and returns when the next turn is due; zero if only news can tell. What
// could not be saved is not sent: a restart would not know of it.
func (d *delivery) turn(ctx context.Context) time.Time {
	if err := d.save(ctx); err != nil {
		return d.later(ctx, err, 0)
	}
	next := d.send(ctx)
	if look := time.Now().Add(lookAgain); d.foreign && ctx.Err() == nil && (next.IsZero() || next.After(look)) {
		return look
	}
	return next
}

// save saves what is new. Where somebody else's object has the place of the Sync's own, that is told once while it
// lasts, and nothing is saved: it may stay there for ever, and is not to keep states from the host.
func (d *delivery) save(ctx context.Context) error {
	reports, unsaved := d.box.all()
	if !unsaved {
		return nil
	}
	err := d.store.write(ctx, reports)
	if foreign := (*kept.ForeignError)(nil); errors.As(err, &foreign) {
		if !d.foreign {
			d.foreign = true
			d.trouble(err)
		}
		return nil
	}
	if strange := (*kept.AlteredError)(nil); errors.As(err, &strange) {
		d.trouble(err)
		err = nil
	}
	if err == nil {
		d.foreign = false
		d.box.saved(reports)
	}
	return err
}

// send sends a batch.
func (d *delivery) send(ctx context.Context) time.Time {
	now := time.Now()
	batch, due := d.box.next(now)
	if len(batch) == 0 || now.Before(d.notBefore) {
		return whenToSend(due, d.notBefore, len(batch) > 0)
	}
	answer, err := d.tell(ctx, batch)
	if ctx.Err() != nil {
		return time.Time{}
	}
	if lost := d.box.settle(batch, answer, time.Now()); lost != nil {
		d.trouble(lost)
	}
	if err != nil {
		return d.later(ctx, err, answer.Pause)
	}
	d.failures, d.lastTrouble, d.notBefore = 0, "", time.Now().Add(answer.Pause)
	return d.notBefore
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
func (d *delivery) tell(ctx context.Context, batch []report) (forge.Answer, error) {
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

// later notes trouble, which is told when it begins and when it is another, and returns when to try again: after
// growing pauses, or when the host says.
func (d *delivery) later(ctx context.Context, err error, pause time.Duration) time.Time {
	if d.failures++; d.lastTrouble != err.Error() && ctx.Err() == nil {
		d.lastTrouble = err.Error()
		d.trouble(err)
	}
	d.notBefore = time.Now().Add(max(pause, backoff.After(d.failures, time.Second, 5*time.Minute)))
	return d.notBefore
}
