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

// trusted are the waiting commits that may pass: with Every those before the first that is not verified. A signed child
// does not make up for its parent.
func (t *turn) trusted() []Commit {
	if t.gate.Verify == api.VerifyEvery {
		for i, c := range t.waiting {
			if t.o.History.Unverified[c.Hash] != "" {
				return t.waiting[:i]
			}
		}
	}
	return t.waiting
}

// barred says which commit lets nobody pass; empty if none does.
func (t *turn) barred() api.Public {
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
