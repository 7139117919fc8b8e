package gate

import (
	"fmt"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// trust fails the commits that bar the way because they are not verified, and forgets the failures of those that are by
// now.
func (t *turn) trust() {
	if t.o.History == nil {
		return
	}
	t.s.Failed = keep(t.s.Failed, func(f api.FailedCommit) bool {
		return !f.Unverified || t.o.History.Unverified[f.Commit] != ""
	})
	if t.gate.Verify != api.VerifyEvery {
		return
	}
	for _, c := range t.waiting {
		if problem := t.o.History.Unverified[c.Hash]; problem != "" {
			t.distrust(c.Hash, problem)
		}
	}
}

// trusted are the waiting commits that may pass: with Every those before the first that is not verified, and none of a
// history that is not known to go on from what passed. A signed child does not make up for its parent.
func (t *turn) trusted() []Commit {
	if t.gate.Verify != api.VerifyEvery {
		return t.waiting
	}
	if t.uprooted() != "" {
		return nil
	}
	for i, c := range t.waiting {
		if t.o.History.Unverified[c.Hash] != "" {
			return t.waiting[:i]
		}
	}
	return t.waiting
}

// uprooted says why a rewritten history does not go on from a commit that may be believed; empty if it does. What is
// not among its commits was not verified, and they hold all of it.
func (t *turn) uprooted() string {
	h := t.o.History
	problem := h.Unverified[h.Base]
	switch {
	case !h.Rewritten:
	case h.Unrelated != "":
		return fmt.Sprintf("%s %s", api.Short(h.Head), h.Unrelated)
	case problem != "":
		return fmt.Sprintf("%s goes on from %s, where the history was rewritten: %s", api.Short(h.Head),
			api.Short(h.Base), problem)
	}
	return ""
}

// barred says which commit lets nobody pass; empty if none does.
func (t *turn) barred() api.Public {
	if why := t.uprooted(); why != "" && t.gate.Verify == api.VerifyEvery && len(t.waiting) > 0 {
		return api.Public("nothing passes: " + why + "; accept it with its whole history by naming its head in " +
			"spec.source.verify.accept")
	}
	n := len(t.trusted())
	if n == len(t.waiting) {
		return ""
	}
	bar := t.waiting[n].Hash
	return api.Public(fmt.Sprintf("nothing passes %s: %s; sign it anew, or name it in spec.source.verify.accept",
		api.Short(bar), t.o.History.Unverified[bar]))
}

// distrust notes that a commit's signature does not count. It is tried again when it does.
func (t *turn) distrust(commit string, problem api.Public) {
	f := t.failure(commit)
	if f != nil && f.Unverified && f.Message == string(problem) && f.Generation == t.o.Generation {
		return
	}
	if f == nil {
		t.s.Failed = newest(append(t.s.Failed, api.FailedCommit{Commit: commit}), MaxFollowers)
		f = &t.s.Failed[len(t.s.Failed)-1]
	}
	news := f.Message != string(problem)
	*f = api.FailedCommit{Commit: commit, Generation: t.o.Generation, Message: string(problem), Unverified: true,
		Attempts: 1}
	if news {
		t.move(Move{Commit: commit, State: api.Failed, Message: api.ForAll(problem)})
	}
}
