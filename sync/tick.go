package sync

import (
	"context"
	"fmt"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/summary"
)

// maxSteps bounds how often the gate is asked in one tick. Preparing, writing and pruning are a step each, and
// with order Each every waiting commit may be prepared once.
const maxSteps = 2 * gate.MaxFollowers

// tick is one turn of the loop: look, decide, remember, do; again, until there is nothing left to do.
func (c *Controller) tick(ctx context.Context, l *lane) error {
	if !l.sync.Spec.Suspend {
		c.sleep(l, l.source.Poll(l.sync, c.Now()))
	}
	for range maxSteps {
		o, err := c.observe(ctx, l)
		if err != nil {
			return err
		}
		state, d := gateOf(l.sync).Step(l.sync.Status.GateStatus, o)
		// A brake is its own record, on the DaemonSet: nothing is lost if it is pulled first, and fewer nodes are.
		c.brake(ctx, l, d.Brakes)
		if err := c.remember(ctx, l, o, state, d); err != nil {
			return err
		}
		c.handOver(ctx, l, d.Handovers)
		if d.Used {
			l.ready, l.again = nil, false
		}
		if d.Idle() && (len(o.Recorded) > 0 || len(l.recorded) > 0) {
			continue // what is there now has not been looked at
		}
		if d.Idle() {
			l.again = false
			c.sleep(l, d.Wake)
			return nil
		}
		c.do(ctx, l, d)
	}
	return fmt.Errorf("the gate does not come to rest after %d steps", maxSteps)
}

// do carries out a decision. Its results are looked at in the next step.
func (c *Controller) do(ctx context.Context, l *lane, d gate.Decision) {
	switch {
	case d.Prepare != "":
		if l.ready = c.doubted(ctx, l, d.Prepare); l.ready == nil {
			l.ready = c.prepare(ctx, l, d.Prepare)
		}
	case d.Apply != "":
		l.written = c.write(ctx, l)
		if l.written.Problem != "" {
			c.Teller.Tell(l.sync, troubleNews(fmt.Errorf("apply %s: %s", api.Short(d.Apply), l.written.Problem)))
		} else {
			warn(c.Teller, l.sync, l.flying.warnings)
		}
	case d.Prune:
		pruned, err := c.prune(ctx, l)
		if l.pruned = pruned; err != nil {
			c.Teller.Tell(l.sync, troubleNews(err))
		}
	case d.Compare:
		l.compared = c.compare(ctx, l)
	case d.Correct:
		l.corrected = c.correct(ctx, l, d.CorrectOnly)
	}
}

// gateOf is the gate that a spec asks for.
func gateOf(s *api.Sync) gate.Gate {
	order := s.Spec.Gate.Order
	if s.Spec.Source.Verify.Mode == api.VerifyTag {
		order = api.OrderLatest // no other commit than the one with the tag is vouched for
	}
	return gate.Gate{
		Order:    order,
		Verify:   s.Spec.Source.Verify.Mode,
		OnStuck:  s.Spec.Gate.OnStuck,
		Deadline: s.Spec.Gate.ProgressDeadline.Duration,
		Relapse:  relapseOf(s), OnRelapse: s.Spec.Gate.OnRelapse,
		Prune:   s.Spec.Apply.Prune == nil || *s.Spec.Apply.Prune,
		Correct: s.Spec.Apply.Drift != api.DriftReport,
	}
}

// sleep has the Sync's next turn come at the given time at the latest.
func (c *Controller) sleep(l *lane, until time.Time) {
	if !until.IsZero() {
		c.queue.AddAfter(l.key, max(until.Sub(c.Now()), time.Millisecond))
	}
}

// remember makes a decision durable, before anything of it is done, and tells about it.
func (c *Controller) remember(ctx context.Context, l *lane, o gate.Observation, state gate.State, d gate.Decision) error {
	before := l.sync.Status
	next := c.statusOf(l, o, state)
	c.keep(l, keptComplete, before.LastComplete)
	if state.InFlight != nil {
		c.keep(l, keptFlight, state.InFlight.Commit)
		c.keep(l, keptBefore, state.InFlight.Before)
	}
	if err := c.save(ctx, l, next); err != nil {
		return err
	}
	l.recorded = l.recorded[len(o.Recorded):]
	c.keep(l, keptComplete, state.LastComplete)
	for _, m := range d.Moves {
		c.Teller.Tell(l.sync, movedNews(m))
	}
	for _, news := range driftNews(l.sync, before.Drift, state.Drift) {
		c.Teller.Tell(l.sync, news)
	}
	warn(c.Teller, l.sync, gate.LeftoversWords(d.Leftovers))
	if words, changed := gate.HealthNews(before.GateStatus, state); changed {
		c.Teller.Tell(l.sync, healthNews(l.sync, words))
	}
	if len(d.Moves) == 0 && progressed(before.InFlight, state.InFlight) {
		c.Teller.Tell(l.sync, flightNews(l.sync, NewsProgressed, ""))
	}
	l.outbox.Add(l.sync, d.Moves, c.Now())
	return nil
}

// statusOf is the status of a Sync: the gate's memory, and what people are told of it, of the repository and the windows.
func (c *Controller) statusOf(l *lane, o gate.Observation, state gate.State) api.SyncStatus {
	next := *l.sync.Status.DeepCopy()
	next.GateStatus = state
	next.ObservedGeneration = l.sync.Generation
	l.openings.Note(&next, l.sync.Generation, len(l.sync.Spec.Windows), o.Now)
	l.source.Note(&next, o)
	summary.Write(&next, c.Now())
	return next
}
