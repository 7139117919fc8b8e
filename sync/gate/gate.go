// Package gate decides which commit is applied next, and when, without I/O, clock or log.
//
// Gate.Step takes what is remembered and what was observed, and returns what is to be remembered and done.
package gate

import (
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Gate decides which commit is applied next and what became of the others.
//
//	            ┌──────────────── Failed (nothing was written)
//	            │
//	push ──► Held ──► Applying ──► RollingOut ──► Complete
//	            │          │           │             ▲
//	            │          └───────────┴──► Stuck ───┘
//	            ├──► Carried    by the commit applied in its place, also one in flight that is superseded: takes
//	            │               over that one's state
//	            ├──► Unchanged  its set is that of the last applied commit: takes over that one's state
//	            └──► Dropped    a rewritten history no longer reaches it
//
// With OnStuck Rollback the last Complete commit is put in flight again in place of one that is Stuck. Neither
// changes its state by that: the stuck one stays so and says what becomes of going back. A Complete commit that
// relapses stays Complete as well, says so, and holds or is rolled back by OnRelapse.
type Gate struct {
	Order   api.Order
	OnStuck api.OnStuck
	// Relapse is how long after Complete what ends again and again is told on the commit, and OnRelapse what is done
	// about it.
	Relapse   time.Duration
	OnRelapse api.OnRelapse
	// Deadline is how long writing a commit may be retried before it is Stuck/ApplyFailed.
	Deadline time.Duration
	// Preflight says what is done about a set whose pods would not fit.
	Preflight api.Preflight
	// OnRewrite says what a head may do that is no step forward.
	OnRewrite api.OnRewrite
	// Verify says which commits need a signature.
	Verify api.VerifyMode
	// Supersede lets a newer commit take over from a paced one that waits for its soak, an approval or a window.
	Supersede bool
	// Prune lets the objects go that a completed commit no longer asks for.
	Prune bool
	// Correct applies again what others have changed; otherwise it is only reported.
	Correct bool
}

// State is all that the gate remembers.
type State = api.GateStatus

// Step is the gate: from what is remembered and what is seen now to what is to be remembered and done.
// It performs no I/O and knows no clock but o.Now; the same arguments always give the same results, and
// s is not modified. The returned state is to be made durable before anything of the decision is done.
func (g Gate) Step(s State, o Observation) (State, Decision) {
	t := turn{gate: g, s: *s.DeepCopy(), o: o}
	t.waiting = t.see()
	t.trust()
	t.rewritten()
	t.preflight()
	t.record()
	t.fly()
	if t.d.Idle() {
		t.admit()
	} else {
		t.reason = api.ForAll(t.obstacle())
	}
	t.hold()
	t.wake(t.o.Window.Changes)
	return t.s, t.d
}

// turn is one Step being worked out.
type turn struct {
	gate Gate
	s    State
	o    Observation
	d    Decision

	// waiting are the commits after s.Passed, oldest first.
	waiting []Commit
	// reason is why they wait; empty if they do not.
	reason api.Message
	// tooLarge is the commit whose pods would not fit, if that is the reason.
	tooLarge string
	// accused is set if the rollout is held up by what may be drift.
	accused bool
	// newStage is set if a paced flight entered a stage just now, or waits for something else.
	newStage bool
	// disturbed is set if it was noticed just now that a complete commit's workloads are not as they completed.
	disturbed bool
}

// see takes in the history and returns the commits that wait, oldest first. What waited before and is no
// longer reachable is Dropped.
func (t *turn) see() []Commit {
	h := t.o.History
	if h == nil {
		return nil
	}
	t.s.Head = h.Head
	commits, known := h.after(t.s.Passed)
	if !known {
		t.o.History = nil
		return nil
	}
	reachable := map[string]bool{}
	for _, c := range commits {
		reachable[c.Hash] = true
	}
	for _, c := range t.s.Held.Commits {
		if !reachable[c] && c != t.s.Passed && t.failure(c) == nil {
			t.move(Move{Commit: c, State: api.Dropped, Message: api.ForAll("no longer reachable: the history was " +
				"rewritten")})
		}
	}
	t.s.Held.Commits = keep(t.s.Held.Commits, func(c string) bool { return reachable[c] })
	t.s.Failed = keep(t.s.Failed, func(f api.FailedCommit) bool { return reachable[f.Commit] || f.Commit == h.Head })
	return commits
}

// failure returns the record of a commit that failed after s.Passed, or nil.
func (t *turn) failure(commit string) *api.FailedCommit {
	for i := range t.s.Failed {
		if t.s.Failed[i].Commit == commit {
			return &t.s.Failed[i]
		}
	}
	return nil
}

// hold writes down who waits and why. While the next one is prepared, or what stands before it is pruned,
// or drift is looked after, nothing is said: the next turn knows more.
func (t *turn) hold() {
	if t.o.History == nil || t.d.Prepare != "" || t.d.Prune || t.d.Compare || t.d.Correct {
		return
	}
	was, reason := t.s.Held, t.reason
	known := map[string]bool{}
	for _, c := range was.Commits {
		known[c] = true
	}
	now := api.HeldCommits{}
	for _, c := range t.waiting {
		if reason.Private == "" || t.failure(c.Hash) != nil {
			continue
		}
		now.Count++
		now.Newest, now.Reason = c.Hash, reason.Private
		now.Commits = append(now.Commits, c.Hash)
		if !known[c.Hash] || was.Reason != reason.Private {
			t.move(Move{Commit: c.Hash, State: api.Held, Message: t.reasonOf(c.Hash)})
		}
	}
	if now.Count > 0 {
		now.Release = t.releases()
	}
	now.Commits = newest(now.Commits, MaxFollowers)
	t.s.Held = now
}

// move records that a commit came to a state.
func (t *turn) move(m Move) {
	m.At = t.o.Now
	if m.Subject == "" {
		c := t.o.History.commit(m.Commit)
		m.Subject, m.Author = c.Subject, c.Author
	}
	if m.State == api.Applying && t.overrides() && m.Commit == t.o.Override.Commit {
		m.Override = t.o.Override
	}
	t.d.Moves = append(t.d.Moves, m)
	t.s.History = remember(t.s.History, m)
}

// wake asks for another turn at the given time at the latest.
func (t *turn) wake(at time.Time) {
	if !at.After(t.o.Now) {
		return
	}
	if t.d.Wake.IsZero() || at.Before(t.d.Wake) {
		t.d.Wake = at
	}
}
