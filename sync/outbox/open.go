package outbox

import (
	"context"
	"errors"
	"time"

	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/commitstatus"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/kept"
)

// Reporter tells a Git host what became of commits. It may take its time, but ends with the context.
type Reporter interface {
	Report(ctx context.Context, statuses []forge.Status) forge.Answer
}

// Options say whose outbox it is and whom it tells.
type Options struct {
	Sync    *api.Sync
	Cluster string // as hosts are told of it
	// ConfigMaps hold the outboxes.
	ConfigMaps typedv1.ConfigMapsGetter
	// Reporter opens what tells the host.
	Reporter func(ctx context.Context, s *api.Sync) (Reporter, error)
	// Trouble is told what a person should know: each trouble once while it lasts.
	Trouble func(error)
}

// Open reads a Sync's outbox, and adds what its status remembers: a crash between the status and the outbox loses
// nothing. A Sync that reports nowhere has none: then it is nil, whose methods do nothing.
func Open(ctx context.Context, o Options) (*Outbox, error) {
	if p := o.Sync.Spec.Report.Provider; p == "" || p == api.ProviderNone {
		return nil, nil
	}
	s := o.Sync.DeepCopy()
	store := newStore(o.ConfigMaps, s, placeOf(s, o.Cluster))
	reports, err := store.read(ctx)
	if strange := (*kept.AlteredError)(nil); errors.As(err, &strange) {
		o.Trouble(err) // and is done without
	} else if err != nil {
		return nil, err
	}
	b := newOutbox(reports)
	b.recall(b.reportsOf(s, recorded(s)))
	if b.isAiling(s.Status.InFlight) != s.Status.Ailing.Lasting() {
		b.AddHealth(s, time.Now())
	}
	b.sender = newSender(b, store.write, o.Trouble)
	b.sender.open = func(ctx context.Context) (Reporter, error) { return o.Reporter(ctx, s) }
	b.sender.address = func(one report) forge.Status { return one.addressed(s, o.Cluster) }
	return b, nil
}

// Run delivers until ctx ends.
func (b *Outbox) Run(ctx context.Context) {
	if b != nil {
		b.sender.Run(ctx)
	}
}

// Add puts in what commits came to, and how far the one in flight is. One goroutine at a time may add.
func (b *Outbox) Add(s *api.Sync, moves []gate.Move, now time.Time) {
	if b == nil {
		return
	}
	reports := b.reportsOf(s, moves)
	if q := b.quarters.rise(s.Status.InFlight); q > 0 {
		r := progress(s.Status.InFlight.Commit, q, now)
		r.Description = commitstatus.Explained(r.Description, stageToTell(s.Status.InFlight))
		reports = append(reports, r)
	}
	b.put(reports)
}

// AddHealth adds whether what a completed commit wrote is well. It is told in notes, for the clusters that wait for
// this one; a Git host shows states of commits, and that is none.
func (b *Outbox) AddHealth(s *api.Sync, now time.Time) {
	f := s.Status.InFlight
	if b == nil || s.Spec.Report.Provider != api.ProviderNotes || !f.IsComplete() {
		return
	}
	m := gate.OwnMove(f)
	m.At = now
	reports := b.reportsOf(s, []gate.Move{m})
	for i := range reports {
		reports[i].Ailing = s.Status.Ailing.Lasting()
	}
	b.put(reports)
}

// isAiling reports whether it was added last of a flight's commit that it is not well.
func (b *Outbox) isAiling(f *api.Flight) bool {
	if f == nil {
		return false
	}
	i := b.index(f.Commit)
	return i >= 0 && b.reports[i].Ailing
}

// reportsOf are what a Git host is told about moves. A commit that changes nothing is told of only if the Sync asks for
// it, or if the host was told that the commit waits.
func (b *Outbox) reportsOf(s *api.Sync, moves []gate.Move) []report {
	var list []report
	for _, m := range moves {
		if m.State == api.Unchanged && !s.Spec.Report.Unchanged && !b.knows(m.Commit) {
			continue
		}
		r := b.reachedStage(s.Status.InFlight, reportOf(m, nodesToTell(s, m)))
		r.Cause = causeOf(s, m).Code
		list = append(list, r)
	}
	return list
}

// Waiting is how many commits have a state that the host has not taken yet.
func (b *Outbox) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, r := range b.reports {
		if !r.Sent {
			n++
		}
	}
	return n
}
