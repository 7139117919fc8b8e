package pace

import (
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// soakUntil is until when the stage soaks: it has been settled for so long then, and no container has ended meanwhile.
// Zero if it need not, or has. It counts from when the pods have settled, also if that was before the stage was
// reached. Pods of nodes that have gone absent since are no proof that the commit is well: they count from when it was.
func (c *course) soakUntil() time.Time {
	if c.at == 0 || c.stages[c.at-1].soak == 0 || c.in.Rollback || c.idle {
		return time.Time{}
	}
	var last time.Time
	any := false
	for i := range c.places {
		if c.places[i].stage != c.at || c.places[i].late {
			continue
		}
		for _, s := range c.sets {
			settled, counts := s.settledAt(i, c.in)
			if any = any || counts; counts && settled.IsZero() {
				settled = c.progress.Since
			}
			last = fact.Latest(last, settled)
		}
	}
	if until := last.Add(c.stages[c.at-1].soak); any && until.After(c.in.Now) {
		return until
	}
	return time.Time{}
}

// settledAt is since when the pod of the commit on a node has been settled, as far as it is, and whether there is one
// that counts. A container's end moves it.
func (s *set) settledAt(i int, in *Input) (settled time.Time, counts bool) {
	at := &s.sites[i]
	if !at.meant || at.updated == nil || !isWaitedFor(at.state) && at.state != rollout.IsAbsent {
		return settled, false
	}
	if since, ready := fact.ReadySince(at.updated); ready {
		settled = since.Add(in.Options.SettlesAfter(s.minReady, 0))
	}
	if settled.After(in.Now) {
		settled = in.Now
	}
	return settled, true
}

// settled reports whether the node has a settled pod of the commit.
func (at *site) settled() bool { return at.state == rollout.IsSettled }
