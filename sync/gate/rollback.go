package gate

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// rollBack applies the last complete commit again in place of a stuck one. It is called when no commit that waits can
// go, and belongs to the commit in flight: no window holds it back.
func (t *turn) rollBack() {
	f, asked := t.s.InFlight, t.o.History != nil || t.o.Polled
	if t.suspended() != "" || !asked || !t.rollsBack(f) {
		return
	}
	target := t.s.LastComplete
	if target == "" || target == f.Commit {
		t.noWayBack(f, &Prepared{Outcome: Invalid, Generation: t.o.Generation, Problem: api.ForAll("no other commit " +
			"has been complete")})
		return
	}
	if !t.mayGoBack(f) {
		return
	}
	if p := t.prepared(target); p == nil {
		t.d.Prepare = target
	} else if t.isWayBack(f, p) {
		t.takeBack(f, p)
	}
}

// mayGoBack reports whether what is to be gone back to may be prepared. Where that could not be asked about, or it was
// too early, its time is waited for, also if a person asks to try again: a commit that waits is looked at meanwhile.
func (t *turn) mayGoBack(f *api.Flight) bool {
	if n := f.NoRollback; n != nil && n.Attempts == 0 && n.RetryAt != nil && n.Generation == t.o.Generation {
		t.wake(n.RetryAt.Time)
		return !t.o.Now.Before(n.RetryAt.Time)
	}
	return t.mayRetry(f.NoRollback)
}

// isWayBack reports whether what was prepared can be gone back to, and notes why not.
func (t *turn) isWayBack(f *api.Flight, p *Prepared) bool {
	switch {
	case p.Outcome != Ready:
		t.noWayBack(f, p)
	case p.Digest == f.Digest:
		t.noWayBack(f, &Prepared{Commit: p.Commit, Outcome: Invalid, Generation: p.Generation,
			Problem: api.ForAll("it asks for the same")})
	default:
		return true
	}
	return false
}

// rollsBack reports whether a flight is one that is to be rolled back. What was rolled back to, and is in trouble
// too, is not, and neither is one that is stuck by no fault of its own.
func (t *turn) rollsBack(f *api.Flight) bool {
	switch {
	case f == nil || f.RollbackOf != nil:
		return false
	case f.Relapse != nil:
		return t.gate.OnRelapse == api.OnRelapseRollback
	}
	return t.gate.OnStuck == api.OnStuckRollback && f.State == api.Stuck && !isBlameless(f)
}

// holds reports whether a flight in trouble lets nobody pass until it is released: where there is no way back,
// Rollback is Hold.
func (t *turn) holds(f *api.Flight) bool {
	switch {
	case f.RollbackOf != nil && f.RollbackOf.Retry:
		return false
	case f.Relapse != nil && f.Relapse.Released, f.Relapse == nil && (f.State != api.Stuck || f.Released):
		return false
	case f.Relapse != nil && t.gate.OnRelapse == api.OnRelapseHold, f.Relapse == nil &&
		t.gate.OnStuck == api.OnStuckHold:
		return true
	case !t.rollsBack(f):
		return false
	}
	n := f.NoRollback
	return t.s.LastComplete == "" || t.s.LastComplete == f.Commit || n != nil && n.Attempts > 0 &&
		n.Generation == t.o.Generation
}

// goesBack reports whether it was found that no commit that waits can go, and what is to be gone back to is ready. If
// that is not, it notes so: the candidate, which is prepared next, takes its place.
func (t *turn) goesBack(candidate string) bool {
	f, target := t.s.InFlight, t.s.LastComplete
	if candidate == "" || target == "" || target == candidate {
		return false
	}
	if t.suspended() != "" || !t.rollsBack(f) || !t.mayGoBack(f) {
		return false
	}
	p := t.prepared(target)
	return p != nil && t.isWayBack(f, p)
}

// takeBack puts the last complete commit in flight again. The one that is in trouble stays what it is, and so do
// those that follow it.
func (t *turn) takeBack(f *api.Flight, p *Prepared) {
	back := &api.Flight{Commit: p.Commit, Generation: p.Generation, Digest: p.Digest,
		Since: metav1.NewMicroTime(t.o.Now),
		RollbackOf: &api.StuckCommit{Commit: f.Commit, Relapsed: f.Relapse != nil, Digest: f.Digest,
			Message: trouble(f), Followers: f.Followers}}
	t.s.InFlight, t.s.Drift = back, nil
	t.flightMove(back, api.Applying, api.Message{})
	t.d.Apply = back.Commit
	t.plan(p)
	if t.reason = (api.Message{}); len(t.waiting) > 0 {
		t.reason = api.ForAll(t.obstacle())
	}
}

// noWayBack notes on a stuck commit why it is not rolled back. What is only too early for that goes on waiting.
func (t *turn) noWayBack(f *api.Flight, p *Prepared) {
	if f.NoRollback == nil {
		f.NoRollback = &api.FailedCommit{Commit: p.Commit}
	}
	n := f.NoRollback
	news := n.Message != p.Problem.Private
	if p.Outcome == Unavailable || p.Outcome == Early {
		retry := metav1.NewMicroTime(p.RetryAt)
		n.Generation, n.Message, n.RetryAt = p.Generation, p.Problem.Private, &retry
		t.wake(p.RetryAt)
	} else if n.Attempts == 0 || n.RetryAt != nil || n.Generation != p.Generation || t.o.Again {
		t.failedAgain(n, p)
	}
	switch {
	case news && f.Relapse != nil:
		t.tellRelapse(f, false)
	case news:
		t.flightMove(f, api.Stuck, f.Message)
	}
}

// retries reports whether a person asks to try again what was rolled back.
func (t *turn) retries() bool {
	f := t.s.InFlight
	return f != nil && f.RollbackOf != nil && f.State.Settled() && (t.o.Again || f.RollbackOf.Retry)
}

// repeatsRolledBack reports whether a set is the one that was rolled back, and nobody asks to try it again.
func (t *turn) repeatsRolledBack(p *Prepared) bool {
	f := t.s.InFlight
	return f != nil && f.RollbackOf != nil && f.RollbackOf.Digest == p.Digest && !t.retries() &&
		t.s.PassedGeneration == t.o.Generation
}

// release takes in a person's word about the flight, or about what it was rolled back from. It is good for once.
func (t *turn) release(f *api.Flight) {
	commit, _, _ := strings.Cut(t.o.Released, " ")
	if commit == "" || t.o.Released == t.s.Released || !f.State.Settled() {
		return
	}
	switch {
	case commit == f.Commit && f.Relapse != nil && t.holds(f):
		f.Relapse.Released = true
	case commit == f.Commit:
		f.Released = true
	case f.RollbackOf != nil && commit == f.RollbackOf.Commit:
		f.RollbackOf.Retry = true
	default:
		return
	}
	t.s.Released = t.o.Released
}

// MessageOf is what people are told about a flight: the message of its state, and what becomes of a rollback. Of a
// rollback it is said on the stuck commit.
func MessageOf(f *api.Flight) api.Message {
	b := f.RollbackOf
	if b == nil {
		return OwnMessage(f)
	}
	target := api.Short(f.Commit)
	switch f.State {
	case "":
		return api.Message{}
	case api.Complete:
		m := b.Message.And(api.ForAll(api.Public("rolled back to " + target)))
		if f.Relapse != nil {
			m.Private += ", which " + trouble(f).Private
		}
		return m
	case api.Stuck:
		return b.Message.And(explained(api.Public("the rollback to "+target+" is stuck too"), f.Message.Private))
	}
	return b.Message.And(api.ForAll(api.Public("rolling back to " + target)))
}

// OwnMessage is the message of the state of a flight's own commit, and why it is not rolled back if it should be.
func OwnMessage(f *api.Flight) api.Message {
	n := f.NoRollback
	switch {
	case n == nil || f.State != api.Stuck && f.Relapse == nil:
		return trouble(f)
	case n.Attempts == 0:
		return trouble(f).And(explained(api.Public("the rollback to "+api.Short(n.Commit)+" waits"), n.Message))
	case n.Commit == "":
		return trouble(f).And(explained("not rolled back", n.Message+"; waits for daemongate release"))
	}
	return trouble(f).And(explained(api.Public("cannot be rolled back to "+api.Short(n.Commit)), n.Message+
		"; waits for daemongate release"))
}

// trouble is the message of a flight's state or, if it has relapsed, of that.
func trouble(f *api.Flight) api.Message {
	if f.Relapse == nil {
		return f.Message
	}
	m := api.Message{Private: relapsed + ": " + f.Relapse.Private, Public: relapsed}
	if f.Relapse.Public != "" {
		m.Public += ": " + f.Relapse.Public
	}
	return m
}

// explained is a text for everybody with an explanation, which may be empty, for those who may read the Sync: the
// cluster's own words may be in it.
func explained(text api.Public, explanation string) api.Message {
	m := api.ForAll(text)
	if explanation != "" {
		m.Private += ": " + explanation
	}
	return m
}
