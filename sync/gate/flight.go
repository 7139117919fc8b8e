package gate

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// fly brings the flight forward: its writing, its verdict, its pruning.
func (t *turn) fly() {
	f := t.s.InFlight
	if f == nil {
		return
	}
	t.release(f)
	if !t.rollsBack(f) {
		f.NoRollback = nil
	}
	t.written(f)
	if f.Unwritten() {
		t.halfJudged(f)
		t.write(f)
		return
	}
	t.drifted(f)
	t.promote(f)
	t.judged(f)
	t.relapse(f)
	t.prune(f)
	t.health(f)
	t.drift(f)
}

// judged takes in the verdict on the flight's workloads. Complete is final; Stuck ends only by Complete.
func (t *turn) judged(f *api.Flight) {
	if f.State == api.Complete {
		t.corrects(f)
		return
	}
	r, was := t.lookedAt(f), f.Causes
	if r == nil {
		return
	}
	f.Causes = r.Causes
	if t.suspended() == "" { // it writes, and belongs to the commit in flight: no window holds it back
		t.d.Handovers = r.Handovers
	}
	switch {
	case r.State == api.Complete:
		completed := metav1.NewMicroTime(t.o.Now)
		t.s.LastComplete, f.Completed = f.Commit, &completed
		t.flightMove(f, api.Complete, r.Message)
	case r.State == api.Stuck && t.correctable(r):
		t.accused, f.Message = true, r.Message
	case r.State == api.Stuck && (f.State != api.Stuck || leading(was) != leading(r.Causes)):
		t.flightMove(f, api.Stuck, r.Message)
	case r.State == api.RollingOut && f.State == api.Stuck:
		f.Causes = was
	case t.newStage && f.State == api.RollingOut:
		t.flightMove(f, api.RollingOut, r.Message)
	default:
		f.Message = r.Message
	}
}

// lookedAt takes in what is to be remembered of a look at the flight's workloads. It returns the look if that says
// how the flight is doing.
func (t *turn) lookedAt(f *api.Flight) *Rollout {
	r := t.o.Rollout
	if r == nil || r.Commit != f.Commit || r.Digest != f.Digest {
		return nil
	}
	f.Workloads, t.d.Brakes = slices.Clone(r.Workloads), t.brakes(r.Brakes) // a look is good for several turns
	t.staged(f, r)
	if !r.Wake.IsZero() {
		t.wake(r.Wake)
	}
	if r.Partial && r.State != api.Stuck {
		return nil
	}
	f.Nodes = r.Nodes
	return r
}

// brakes are the orders that may be carried out. A brake that is pulled saves nodes and does nothing else, so it always
// may be; one that is lifted lets further nodes be updated, so it waits while the Sync is suspended, as does a stage's
// name.
func (t *turn) brakes(orders []BrakeOrder) []BrakeOrder {
	if t.suspended() == "" {
		return orders
	}
	return slices.DeleteFunc(slices.Clone(orders), func(o BrakeOrder) bool { return !o.Pull || o.Paced && !o.Told })
}

// halfJudged takes in what a set does that could not be written whole yet: its pods are braked and may be stuck, so
// that a fix need not wait for the last attempt. It completes only when it has been written.
func (t *turn) halfJudged(f *api.Flight) {
	if f.Attempts == 0 {
		return
	}
	r := t.lookedAt(f)
	if r == nil {
		return
	}
	if was := leading(f.Causes); r.State == api.Stuck {
		if f.Causes = r.Causes; f.State != api.Stuck || was != leading(f.Causes) {
			t.flightMove(f, api.Stuck, r.Message)
		}
	}
}

// flightMove brings the flight and everyone who follows it to a state. A commit that is rolled back to was Complete and
// stays so: what becomes of going back is said of the stuck one.
func (t *turn) flightMove(f *api.Flight, state api.CommitState, message api.Message) {
	said := MessageOf(f)
	f.State, f.Message = state, message
	if f.RollbackOf == nil {
		t.move(Move{Commit: f.Commit, State: state, Message: MessageOf(f)})
		t.follow(f.Followers, Move{Commit: f.Commit, State: state, Message: MessageOf(f)})
		return
	}
	if said != MessageOf(f) {
		back := RolledBackMove(f)
		t.move(back)
		t.follow(f.RollbackOf.Followers, back)
	}
	t.follow(f.Followers, Move{Commit: f.Commit, State: state, Message: message})
	if state == api.Complete && len(f.Followers) > 0 {
		f.RollbackOf = nil
	}
}

// follow brings those who follow a commit along to where that one has moved.
func (t *turn) follow(followers []api.Follower, lead Move) {
	for _, m := range Following(followers, lead) {
		t.move(m)
	}
}

// Following are the moves of those who follow a commit along with its own.
func Following(followers []api.Follower, lead Move) []Move {
	var moves []Move
	m := lead
	m.By, m.Outcome, m.Subject, m.Author = lead.Commit, lead.State, "", ""
	for _, follower := range followers {
		m.Commit, m.State = follower.Commit, follower.State
		moves = append(moves, m)
	}
	return moves
}

// prune lets go, once, of what a completed commit no longer asks for. Pods of an older revision may still
// use it, so they go first; and who goes back to the commit before may need it, so a relapse keeps it.
func (t *turn) prune(f *api.Flight) {
	if f.State != api.Complete || f.Pruned {
		return
	}
	p := t.o.Pruned
	ours := p != nil && p.Commit == f.Commit && p.Digest == f.Digest
	switch {
	case !t.gate.Prune, ours && p.Done:
		f.Pruned = true
	case t.suspended() != "", f.Relapse != nil, t.o.Rollout == nil, t.o.Rollout.Commit != f.Commit, t.o.Rollout.OldPods,
		t.o.Rollout.Partial:
	case ours && p.NeedsRelease && !f.Released:
	case f.Correcting != nil:
	case ours && t.o.Now.Before(p.RetryAt):
		t.wake(p.RetryAt)
	default:
		t.d.Prune = true
	}
}

// leading is the cause that a verdict names first.
func leading(causes []api.Cause) string {
	if len(causes) == 0 {
		return ""
	}
	return causes[0].Code + " " + causes[0].Object
}

// SameCauses reports whether two lists name the same causes in the same order.
func SameCauses(a, b []api.Cause) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Code != b[i].Code || a[i].Object != b[i].Object {
			return false
		}
	}
	return true
}
