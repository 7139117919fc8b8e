package sync

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// admit lets the next commit through if nothing stands in its way.
func (t *turn) admit() {
	if t.o.History == nil {
		return
	}
	candidate, before := t.candidate()
	if t.reason = t.obstacle(); t.reason != "" {
		return
	}
	if candidate == "" {
		t.reason = t.waitsForAnother()
		return
	}
	p := t.prepared(candidate)
	switch {
	case p == nil:
		t.d.Prepare = candidate
	case p.Outcome == Unavailable:
		t.reason = "cannot be checked yet: " + p.Problem
		t.wake(p.RetryAt)
	case p.Outcome == Early:
		t.reason = p.Problem
		t.wake(p.RetryAt)
	case p.Outcome != Ready:
		t.fail(candidate, p)
		t.admit()
	case t.s.InFlight != nil && t.s.InFlight.Digest == p.Digest:
		t.unchanged(candidate, before)
	default:
		t.takeOff(candidate, before, p)
	}
}

// obstacle says why no commit may start; empty if one may.
func (t *turn) obstacle() string {
	if t.o.Suspended {
		return "the Sync is suspended"
	}
	f := t.s.InFlight
	switch {
	case f == nil:
		return ""
	case !f.State.Settled():
		return fmt.Sprintf("waits for %s, which is rolling out", Short(f.Commit))
	case f.State == api.Stuck && t.gate.OnStuck == api.OnStuckHold && !f.Released:
		return fmt.Sprintf("held by %s, which is stuck, until it is released (daemongate release)", Short(f.Commit))
	}
	return ""
}

// candidate returns the commit that is next and those that it would carry, oldest first.
func (t *turn) candidate() (string, []Commit) {
	n := len(t.waiting)
	if n == 0 {
		return t.respecified(), nil
	}
	if t.gate.Order == api.OrderEach && (t.s.InFlight == nil || t.s.InFlight.State != api.Stuck) {
		for i, c := range t.waiting {
			if t.failure(c.Hash) == nil {
				return c.Hash, t.waiting[:i]
			}
		}
	}
	head := t.waiting[n-1]
	if !t.mayTry(head.Hash) {
		return "", nil
	}
	return head.Hash, t.waiting[:n-1]
}

// respecified returns the head if it was last decided on for another spec: then it is a candidate again.
func (t *turn) respecified() string {
	if t.s.Head == "" || t.s.PassedGeneration == t.o.Generation || !t.mayTry(t.s.Head) {
		return ""
	}
	return t.s.Head
}

// mayTry reports whether a commit has not failed, or may be tried again.
func (t *turn) mayTry(commit string) bool {
	f := t.failure(commit)
	if f == nil || f.Generation != t.o.Generation || t.o.Again {
		return true
	}
	if f.RetryAt == nil {
		return false
	}
	t.wake(f.RetryAt.Time)
	return !t.o.Now.Before(f.RetryAt.Time)
}

// waitsForAnother says what commits wait for whose head failed.
func (t *turn) waitsForAnother() string {
	if n := len(t.s.Failed); n > 0 {
		return fmt.Sprintf("waits for a commit that can be applied: %s failed", Short(t.s.Failed[n-1].Commit))
	}
	return ""
}

// fail notes that a commit could not be rendered or was refused. It carries nobody. What the cluster refused
// is tried again, after 30 s at first and 15 min at most; what is wrong in itself only with other inputs.
func (t *turn) fail(commit string, p *Prepared) {
	f := t.failure(commit)
	if f == nil {
		t.s.Failed = newest(append(t.s.Failed, api.FailedCommit{Commit: commit}), maxFollowers)
		f = &t.s.Failed[len(t.s.Failed)-1]
	}
	if f.Generation != p.Generation {
		f.Attempts = 0
	}
	news := f.Message != p.Problem
	f.Attempts++
	f.Generation, f.Message, f.RetryAt = p.Generation, p.Problem, nil
	if p.Outcome == Refused {
		retry := metav1.NewMicroTime(t.o.Now.Add(backoff(f.Attempts, 30*time.Second, 15*time.Minute)))
		f.RetryAt = &retry
	}
	t.o.Prepared, t.o.Again = nil, false
	if news {
		t.move(Move{Commit: commit, State: api.Failed, Message: p.Problem})
	}
}

// unchanged passes a commit whose set is the one last applied: it takes over that one's state.
func (t *turn) unchanged(commit string, before []Commit) {
	f := t.s.InFlight
	for _, follower := range t.followers(commit, before) {
		if follower.Commit == f.Commit {
			continue
		}
		t.move(Move{Commit: follower.Commit, State: follower.State, By: f.Commit, Outcome: f.State, Message: f.Message})
		if f.State == api.Stuck {
			f.Followers = newest(append(f.Followers, follower), maxFollowers)
		}
	}
	f.Generation = t.o.Generation
	t.pass(commit)
	if len(t.waiting) > 0 {
		t.admit()
	}
}

// followers are the commits that a repeated set settles: those carried, and the one that repeats it.
func (t *turn) followers(commit string, before []Commit) []api.Follower {
	return append(t.carried(before), api.Follower{Commit: commit, State: api.Unchanged})
}

// takeOff puts a commit in flight, and with it those that it carries.
func (t *turn) takeOff(commit string, before []Commit, p *Prepared) {
	f := &api.Flight{Commit: commit, Generation: p.Generation, Digest: p.Digest,
		Since: metav1.NewMicroTime(t.o.Now), Followers: newest(t.carried(before), maxFollowers)}
	t.s.InFlight = f
	t.flightMove(f, api.Applying, "")
	t.pass(commit)
	t.d.Apply = commit
}

// carried are the commits before the next one that have not failed.
func (t *turn) carried(before []Commit) []api.Follower {
	var list []api.Follower
	for _, c := range before {
		if t.failure(c.Hash) == nil {
			list = append(list, api.Follower{Commit: c.Hash, State: api.Carried})
		}
	}
	return list
}

// pass closes the range of commits up to and including one.
func (t *turn) pass(commit string) {
	t.s.Passed, t.s.PassedGeneration = commit, t.o.Generation
	t.waiting, _ = t.o.History.after(commit)
	t.s.Failed = keep(t.s.Failed, func(f api.FailedCommit) bool {
		for _, c := range t.waiting {
			if c.Hash == f.Commit {
				return true
			}
		}
		return false
	})
	t.reason = ""
	if len(t.waiting) > 0 {
		t.reason = t.obstacle()
	}
}

// Short abbreviates a commit hash for people.
func Short(commit string) string { return commit[:min(len(commit), 7)] }
