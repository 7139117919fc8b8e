// Package promotion says which commits may start after those who go before have let them through: other Syncs, or other
// clusters, on whose nodes a commit is tried first. It looks at nothing itself.
package promotion

import (
	"fmt"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// Before is what is known of one who goes before.
type Before struct {
	// Name is who it is, as in "Sync canary".
	Name string
	// Trouble is why nothing may start after it now, whatever it let through before; empty if nothing is the matter.
	Trouble api.Public
	// Words are what became of commits there.
	Words map[string]Word
}

// Word is what became of a commit. It is bound to the commit: what became of an older one says nothing of it.
type Word struct {
	State api.CommitState
	// By is the commit whose state this one takes over, and Outcome that state.
	By      string
	Outcome api.CommitState
	// Since is from when on it counts here, and Told when it was so by the clock of who says it.
	Since, Told time.Time
	// Relapsed is set of what was Complete and ends again.
	Relapsed bool
	// Ailing is set of what is Complete while something of it is not well.
	Ailing bool
	// Waits are the clusters that a Held commit waits for there, as a pattern; empty if that is not known.
	Waits string
}

// Rule is one of those to wait for, and how long a commit must have been Complete there.
type Rule struct {
	Before
	Soak time.Duration
	// Clusters are those that are waited for, instead; nil if it is a Sync.
	Clusters *ClusterRule
}

// Look says which of some commits, the oldest first, may start, as all rules let them, and for whom the others wait.
func Look(rules []Rule, commits []gate.Commit, now time.Time) *gate.Upstream {
	u := &gate.Upstream{Waits: map[string]api.Message{}}
	for _, r := range rules {
		waits := func(commit string) (api.Message, time.Time) { return r.waits(commit, now) }
		if r.Clusters != nil {
			waits = r.Clusters.look(commits).waits
		}
		for _, c := range commits {
			if u.Waits[c.Hash].Private != "" {
				continue
			}
			why, changes := waits(c.Hash)
			if why.Private == "" {
				continue
			}
			u.Waits[c.Hash] = why
			if !changes.IsZero() && (u.Changes.IsZero() || changes.Before(u.Changes)) {
				u.Changes = changes
			}
		}
	}
	return u
}

// waits says why a commit may not start yet by this rule; empty if it may. It changes by time alone then, if at all.
func (r Rule) waits(commit string, now time.Time) (why api.Message, changes time.Time) {
	says := func(format string, args ...any) api.Message {
		return api.ForAll(api.Public("waits for " + r.Name + fmt.Sprintf(format, args...)))
	}
	if r.Trouble != "" {
		return says(", which %s", r.Trouble), time.Time{}
	}
	w, known := r.Words[commit]
	state, since := w.comesTo(r.Words)
	switch {
	case !known:
		return says(" to have %s Complete", api.Short(commit)), time.Time{}
	case state != api.Complete:
		return says(", where %s is %s", api.Short(commit), state), time.Time{}
	case w.Relapsed:
		return says(", where %s has relapsed", api.Short(commit)), time.Time{}
	}
	if ripe := since.Add(r.Soak); now.Before(ripe) {
		return says(", where %s soaks until %s", api.Short(commit), ripe.UTC().Format(time.RFC3339)), ripe
	}
	return api.Message{}, time.Time{}
}

// comesTo is the state that counts, and since when: of a commit that takes over another's, that one's.
func (w Word) comesTo(all map[string]Word) (api.CommitState, time.Time) {
	if w.By == "" {
		return w.State, w.Since
	}
	if by, ok := all[w.By]; ok && by.By == "" && by.State == w.Outcome {
		return w.Outcome, by.Since
	}
	return w.Outcome, w.Since
}
