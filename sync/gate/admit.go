package gate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/backoff"
)

// cannotCheck is why a commit waits that Git or the cluster could not be asked about; what they said follows.
const cannotCheck = "cannot be checked yet"

// admit lets the next commit through if nothing stands in its way.
func (t *turn) admit() {
	if t.o.History == nil {
		t.rollBack()
		return
	}
	candidate, before := t.candidate()
	goesBack := t.goesBack(candidate)
	t.reason = api.ForAll(t.obstacle())
	if t.reason.Private == "" && candidate == "" {
		t.reason = t.whyNone()
	}
	if t.reason.Private != "" || candidate == "" || goesBack {
		t.rollBack()
		return
	}
	if problem := t.o.History.Unverified[candidate]; problem != "" {
		t.distrust(candidate, problem)
		t.o.Again = false
		t.admit()
		return
	}
	p := t.prepared(candidate)
	switch {
	case p == nil:
		t.d.Prepare = candidate
	case p.Outcome == Unavailable:
		t.reason = api.Message{Private: cannotCheck + ": " + p.Problem.Private, Public: cannotCheck}
		t.wake(p.RetryAt)
	case p.Outcome == Early:
		t.reason = p.Problem
		t.wake(p.RetryAt)
		t.rollBack()
	case p.Outcome != Ready:
		t.fail(candidate, p)
		t.admit()
	default:
		t.letThrough(candidate, before, p)
	}
}

// letThrough passes a commit whose set is ready: a set that was applied before is not applied again.
func (t *turn) letThrough(candidate string, before []Commit, p *Prepared) {
	f := t.s.InFlight
	switch {
	case f != nil && f.Digest == p.Digest:
		t.unchanged(candidate, before, repeated{OwnMove(f), &f.Followers})
	case t.repeatsRolledBack(p):
		t.unchanged(candidate, before, repeated{RolledBackMove(f), &f.RollbackOf.Followers})
	case t.misfits(candidate, p):
		t.waitsForRoom(candidate, p)
	default:
		t.takeOff(candidate, before, p)
	}
}

// obstacle says why no commit may start; empty if one may.
func (t *turn) obstacle() api.Public {
	if why := t.suspended(); why != "" {
		return why
	}
	f := t.s.InFlight
	switch {
	case f == nil:
	case !f.State.Settled() && !t.supersedes(f):
		return waitsFor(f)
	case t.holds(f):
		return api.Public(fmt.Sprintf("held by %s, which %s, until it is released (daemongate release)",
			api.Short(f.Commit), inTrouble(f)))
	}
	if held := t.heldBack(); held != "" || t.overrides() {
		return held
	}
	return t.o.Window.Closed
}

// suspended says why nothing may be written but brakes; empty if it may.
func (t *turn) suspended() api.Public {
	switch {
	case t.o.StoppedForAll:
		return "all Syncs are suspended"
	case t.o.Suspended:
		return "the Sync is suspended"
	}
	return ""
}

func inTrouble(f *api.Flight) string {
	if f.Relapse != nil {
		return "has relapsed"
	}
	return "is stuck"
}

func waitsFor(f *api.Flight) api.Public {
	if b := f.RollbackOf; b != nil {
		return api.Public(fmt.Sprintf("waits for the rollback of %s to %s", api.Short(b.Commit), api.Short(f.Commit)))
	}
	return api.Public(fmt.Sprintf("waits for %s, which is rolling out", api.Short(f.Commit)))
}

// candidate returns the commit that is next and those that it would carry, oldest first.
func (t *turn) candidate() (string, []Commit) {
	if t.overrides() {
		return t.overridden()
	}
	if len(t.waiting) == 0 {
		return t.respecified(), nil
	}
	may := t.mayStart()
	if i := t.inTurn(may, false); i >= 0 {
		return may[i].Hash, may[:i]
	}
	if n := len(may); n > 0 && t.mayTry(may[n-1].Hash) {
		return may[n-1].Hash, may[:n-1]
	}
	if i := t.inTurn(may, true); i >= 0 { // no newer one passes it: room is looked for again
		return may[i].Hash, may[:i]
	}
	return "", nil
}

// inTurn is the index of the commit whose turn it is with order Each: the oldest that has not failed, of those that
// wait for room or of the others. It is -1 if there is none, or the newest goes first.
func (t *turn) inTurn(commits []Commit, misfits bool) int {
	f := t.s.InFlight
	if t.gate.Order != api.OrderEach || f != nil && (f.State == api.Stuck || f.RollbackOf != nil) {
		return -1
	}
	return slices.IndexFunc(commits, func(c Commit) bool {
		return t.failure(c.Hash) == nil && t.isMisfit(c.Hash) == misfits && !t.goesBehind(c.Hash)
	})
}

// respecified returns the head if it was last decided on for another spec, or was rolled back and a person asks for it:
// then it is a candidate again.
func (t *turn) respecified() string {
	if t.s.Head == "" || t.s.PassedGeneration == t.o.Generation && !t.retries() || !t.mayTry(t.s.Head) ||
		t.heldEverywhere(t.s.Head) != "" {
		return ""
	}
	return t.s.Head
}

// mayTry reports whether a commit has not failed, or may be tried again.
func (t *turn) mayTry(commit string) bool { return t.mayRetry(t.failure(commit)) }

func (t *turn) mayRetry(f *api.FailedCommit) bool {
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
func (t *turn) waitsForAnother() api.Public {
	if n := len(t.s.Failed); n > 0 {
		return api.Public(fmt.Sprintf("waits for a commit that can be applied: %s failed",
			api.Short(t.s.Failed[n-1].Commit)))
	}
	return ""
}

// fail notes that a commit could not be rendered or was refused. It carries nobody. What the cluster refused, or
// took too long to render, is tried again, after 30 s at first and 15 min at most; what is wrong in itself only with
// other inputs.
func (t *turn) fail(commit string, p *Prepared) {
	f := t.failure(commit)
	if f == nil {
		t.s.Failed = newest(append(t.s.Failed, api.FailedCommit{Commit: commit}), MaxFollowers)
		f = &t.s.Failed[len(t.s.Failed)-1]
	}
	news := f.Message != p.Problem.Private
	t.failedAgain(f, p)
	if news {
		t.move(Move{Commit: commit, State: api.Failed, Message: p.Problem})
	}
}

// failedAgain counts a failed attempt, and uses its result up.
func (t *turn) failedAgain(f *api.FailedCommit, p *Prepared) {
	if f.Generation != p.Generation {
		f.Attempts = 0
	}
	f.Attempts++
	f.Generation, f.Message, f.RetryAt = p.Generation, p.Problem.Private, nil
	if p.Outcome == Refused || p.Outcome == Slow {
		retry := metav1.NewMicroTime(t.o.Now.Add(backoff.After(f.Attempts, 30*time.Second, 15*time.Minute)))
		f.RetryAt = &retry
	}
	t.o.Prepared, t.o.Again = nil, false
}

// repeated is a set that was applied, and what became of it.
type repeated struct {
	Move
	followers *[]api.Follower
}

// unchanged passes a commit whose set was applied before: it takes over that one's state.
func (t *turn) unchanged(commit string, before []Commit, as repeated) {
	f := t.s.InFlight
	for _, follower := range t.followers(commit, before) {
		if follower.Commit == as.Commit {
			continue
		}
		t.follow([]api.Follower{follower}, as.Move)
		if as.State == api.Stuck || as.Relapsed || t.mayRelapse(f) {
			*as.followers = newest(append(*as.followers, follower), MaxFollowers)
		}
	}
	if as.Commit == f.Commit {
		f.Generation = t.o.Generation
		if f.State == api.Complete {
			f.RollbackOf = nil // from now on it is what Git asks for
		} else if f.RollbackOf != nil {
			f.RollbackOf.Retry = false
		}
	}
	t.pass(commit)
	if len(t.waiting) > 0 {
		t.admit()
	} else {
		t.rollBack()
	}
}

// followers are the commits that a repeated set settles: those carried, and the one that repeats it.
func (t *turn) followers(commit string, before []Commit) []api.Follower {
	return append(t.carried(before), api.Follower{Commit: commit, State: api.Unchanged})
}

// takeOff puts a commit in flight, and with it those that it carries.
func (t *turn) takeOff(commit string, before []Commit, p *Prepared) {
	f := &api.Flight{Commit: commit, Generation: p.Generation, Digest: p.Digest,
		Since: metav1.NewMicroTime(t.o.Now), Followers: newest(t.carried(before), MaxFollowers),
		Before: t.completeBefore(commit)}
	if last := t.s.InFlight; last != nil && last.RollbackOf != nil && last.RollbackOf.Commit == commit {
		f.Followers = newest(append(last.RollbackOf.Followers, f.Followers...), MaxFollowers)
	}
	f.MendsSince = mendsSince(t.s.InFlight)
	if last := t.s.InFlight; last != nil && !last.State.Settled() {
		if f.MendsSince == nil && t.isHeld(last) { // a person says that it is broken
			f.MendsSince = last.Since.DeepCopy()
		}
		f.Followers = newest(append(superseded(last), f.Followers...), MaxFollowers)
	}
	t.s.InFlight, t.s.Drift = f, nil
	t.flightMove(f, api.Applying, t.warning(p))
	t.pass(commit)
	t.d.Apply = commit
	t.plan(p)
}

// mendsSince is when the commit took off that was stuck or failing and that the next one takes over from, or the first
// of several in a row; nil if the last one was neither, or by no fault of its own.
func mendsSince(last *api.Flight) *metav1.MicroTime {
	switch {
	case last == nil || last.RollbackOf != nil || last.State == api.Complete:
		return nil
	case isBlameless(last) && last.Causes[0].Code == CauseStrategyKept: // it has come through everywhere
		return nil
	case last.MendsSince == nil && (last.State == api.Stuck && !isBlameless(last) || isFailing(last)):
		return last.Since.DeepCopy()
	}
	return last.MendsSince
}

// isFailing reports whether a paced flight has come to nodes and is not well there, though it is not stuck yet: more
// nodes fail than may, or alerts fire that began since.
func isFailing(f *api.Flight) bool {
	return f.State == api.RollingOut && f.Stage != nil &&
		(f.Stage.WaitsFor == api.StageFailing || f.Stage.Held == CauseAlertsFiring)
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
	t.s.Passed, t.s.PassedGeneration, t.s.Rewrite = commit, t.o.Generation, nil
	t.s.PassedRef = cmp.Or(t.o.History.Ref, t.s.PassedRef)
	t.spend(commit)
	t.waiting, _ = t.o.History.after(commit)
	t.s.Held.Commits = keep(t.s.Held.Commits, t.waits) // what was carried is not held, and so not Dropped later
	t.preflight()
	t.s.Failed = keep(t.s.Failed, func(f api.FailedCommit) bool {
		for _, c := range t.waiting {
			if c.Hash == f.Commit {
				return true
			}
		}
		return false
	})
	t.reason = api.Message{}
	if len(t.waiting) > 0 {
		t.reason = api.ForAll(t.obstacle())
	}
}
