package sync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/discreet"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/pacing"
	"github.com/daemongate/daemongate/sync/summary"
)

// maxSteps bounds how often the gate is asked in one tick. Writing and pruning are a step each.
const maxSteps = 2 * gate.MaxFollowers

// tick is one turn of the loop: look, decide, remember, do; again, until there is nothing left to do.
func (l *syncLoop) tick(ctx context.Context) error {
	if l.polls() {
		l.sleep(l.source.Poll(l.sync, l.Now()))
	}
	discreet.Withhold(l.sync)
	if err := keepTime(l, l.Now()); err != nil {
		return err
	}
	for range maxSteps {
		o, err := l.observe(ctx)
		if err != nil {
			return err
		}
		state, d := gateOf(l.sync).Step(l.sync.Status.GateStatus, o)
		// A brake is its own record, on the DaemonSet: nothing is lost if it is pulled first, and fewer nodes are.
		if l.flight != nil {
			l.flight.brake(ctx, d.Brakes)
		}
		if err := l.remember(ctx, o, state, d); err != nil {
			return err
		}
		l.handOver(ctx, d.Handovers)
		evictAll(ctx, l, d.Evictions)
		if d.Used {
			l.ready, l.retryRequested = nil, false
		}
		if !d.Idle() && l.do(ctx, d) || len(o.Recorded) > 0 || len(l.recorded) > 0 {
			continue // what is there now has not been looked at
		}
		l.rest(d)
		return nil
	}
	return fmt.Errorf("the gate does not come to rest after %d steps", maxSteps)
}

// errSetBack says that the clock goes otherwise than it went when what is kept in memory was dated.
var errSetBack = errors.New("the clock was set back: what is kept in memory is made anew, from the status")

// keepTime has nothing wait for a time that a clock has named which went ahead: neither what the status says nor what
// is kept in memory.
func keepTime(l *syncLoop, now time.Time) error {
	l.correctTimes(l.sync, now)
	if l.latest.After(now.Add(rollout.SkewTolerance)) {
		return errSetBack
	}
	l.latest = now
	return nil
}

// polls reports whether the repository may be asked. While the Sync is suspended it may until it has answered once
// after a restart, if a commit is rolling out: whoever pulls its brake needs to know its set.
func (l *syncLoop) polls() bool {
	if !l.sync.Spec.Suspend && l.Syncs.Stop.State().Reason() == "" {
		return true
	}
	history, _ := l.source.Last()
	return history == nil && l.flight != nil && !l.flight.status().IsComplete()
}

// rest ends a turn: nothing is left to do, or what there is takes its time beside the turns.
func (l *syncLoop) rest(d gate.Decision) {
	if d.Idle() {
		l.retryRequested = false
		l.endPreparing()
	}
	if l.flight != nil {
		pack(l.flight)
	}
	f := l.sync.Status.InFlight
	l.urgent.Store(f != nil && f.State != api.Complete) // in flight, or stuck: then the next one is its fix
	l.sleep(d.Wake)
}

// do carries out a decision. Its results are looked at in the next step. What is slow is done beside the turns of the
// Sync: then do reports false, and the Sync is woken when there is a result.
func (l *syncLoop) do(ctx context.Context, d gate.Decision) bool {
	if d.Prepare == "" {
		return l.flight.do(ctx, d)
	}
	l.prepares(d.Prepare)
	return false
}

// gateOf is the gate that a spec asks for.
func gateOf(s *api.Sync) gate.Gate {
	order := s.Spec.Gate.Order
	if s.Spec.Source.Verify.Mode == api.VerifyTag {
		order = api.OrderLatest // no other commit than the one with the tag is vouched for
	}
	return gate.Gate{
		Order:  order,
		Verify: s.Spec.Source.Verify.Mode, OnRewrite: s.Spec.Source.OnRewrite,
		OnStuck: s.Spec.Gate.OnStuck, Preflight: s.Spec.Gate.Preflight,
		Deadline: s.Spec.Gate.ProgressDeadline.Duration,
		Relapse:  relapseOf(s), OnRelapse: s.Spec.Gate.OnRelapse,
		Supersede: s.Spec.Rollout.Pace != nil && s.Spec.Rollout.Pace.Supersede,
		Prune:     s.Spec.Apply.Prune == nil || *s.Spec.Apply.Prune,
		Correct:   s.Spec.Apply.Drift != api.DriftReport,
	}
}

// sleep has the Sync's next turn come at the given time at the latest.
func (l *syncLoop) sleep(until time.Time) {
	if !until.IsZero() {
		l.queue.AddAfter(l.key, max(until.Sub(l.Now()), time.Millisecond))
	}
}

// wake has a loop's Sync have a turn at a given time at the latest; the zero time is now.
func wake(l *syncLoop, at time.Time) {
	if at.IsZero() {
		l.queue.Add(l.key)
	}
	l.sleep(at)
}

// remember makes a decision durable, before anything of it is done, and tells about it.
func (l *syncLoop) remember(ctx context.Context, o gate.Observation, state gate.State, d gate.Decision) error {
	before := l.sync.Status
	next := l.statusOf(o, state)
	l.keep(keptComplete, before.LastComplete)
	l.keep(keptPassed, state.Passed)
	if state.InFlight != nil {
		l.keep(keptFlight, state.InFlight.Commit)
		l.keep(keptBefore, state.InFlight.Before)
	}
	if err := l.save(ctx, next, mayWait(l, o, d)); err != nil {
		return err
	}
	l.follow()
	l.rendersSaved()
	l.recorded = slices.Clip(slices.Clone(l.recorded[len(o.Recorded):])) // those that are written need not be kept
	l.keep(keptComplete, state.LastComplete)
	var moved []gate.Move
	for i, m := range d.Moves {
		if !pacing.Restated(before.InFlight, m.Commit, m.By, cmp.Or(m.Outcome, m.State)) &&
			!overtaken(m, d.Moves[i+1:]) {
			moved = append(moved, m)
			l.Teller.Tell(l.sync, movedNews(m))
		}
	}
	l.notices.Add(l.sync, moved)
	for _, n := range stageNews(l.sync, before.InFlight) {
		l.Teller.Tell(l.sync, n)
	}
	if suspended, words, changed := summary.SuspensionNews(before, next); changed {
		l.Teller.Tell(l.sync, suspensionNews(suspended, words))
	}
	for _, news := range driftNews(l.sync, before.Drift, state.Drift) {
		l.Teller.Tell(l.sync, news)
	}
	warn(l.Teller, l.sync, gate.LeftoversWords(d.Leftovers))
	if words, changed := gate.HealthNews(before.GateStatus, state); changed {
		l.Teller.Tell(l.sync, healthNews(l.sync, words))
		l.outbox.AddHealth(l.sync, l.Now())
	}
	if len(d.Moves) == 0 && progressed(before.InFlight, state.InFlight) {
		l.Teller.Tell(l.sync, flightNews(l.sync, NewsProgressed, ""))
	}
	l.outbox.Add(l.sync, d.Moves, l.Now())
	return nil
}

// overtaken reports whether a commit that rolls out is Complete in the same step: it had nothing to roll out, and that
// is not told by itself.
func overtaken(m gate.Move, later []gate.Move) bool {
	if cmp.Or(m.Outcome, m.State) != api.RollingOut {
		return false
	}
	return slices.ContainsFunc(later, func(n gate.Move) bool {
		return n.Commit == m.Commit && cmp.Or(n.Outcome, n.State) == api.Complete
	})
}

// statusOf is the status of a Sync: the gate's memory, and what people are told of it, of the repository and the
// windows.
func (l *syncLoop) statusOf(o gate.Observation, state gate.State) api.SyncStatus {
	all := l.Syncs.Stop.State()
	told := l.sync.Status
	told.GateStatus = api.GateStatus{} // all of it is the gate's
	next := *told.DeepCopy()
	if next.GateStatus = state; slices.Equal(state.Inventory, l.sync.Status.Inventory) {
		next.Inventory = l.sync.Status.Inventory // one of them is enough, and what was found out of it holds
	}
	next.Left = l.drift.left(l.sync.Spec.Apply.ServiceAccountName, &next)
	next.ObservedGeneration = l.sync.Generation
	noteCluster(&next, l.there)
	next.Renders = l.rendersNow(l.Now())
	l.openings.Note(&next, l.sync.Generation, len(l.sync.Spec.Windows), o.Now)
	l.source.Note(&next, o)
	summary.NoteSpec(&next, specProblem(l.sync), o.Now)
	switch b := cmp.Or(l.barred(l.sync), l.bars(&next)); {
	case b == nil:
		summary.Write(&next, l.Now())
	case b.Passes:
		summary.Wait(&next, b.Reason, b.Message, l.Now())
	default:
		summary.Stall(&next, b.Reason, b.Message, l.Now())
	}
	summary.Suspend(&next, summary.Suspension{BySpec: l.sync.Spec.Suspend, Reason: all.Reason(), Text: all.Text()},
		l.Now())
	return next
}
