package pace

import (
	"fmt"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/words"
)

// absentFor is how long a node must have been not ready before a stage goes on without it. One that is so for a moment
// comes back.
const absentFor = time.Minute

// absence says why the rollout does not move on for the sake of nodes that are absent; empty if it may. Nobody waits
// for single ones. But a zone that has failed, or a control plane that has lost sight of its nodes, is no proof that
// the commit is well there: as many may be absent as may be when a rollout is complete.
func (c *course) absence() string {
	var absent, lately []string
	there := 0
	for i := range c.places {
		at := &c.places[i]
		if at.late {
			continue
		}
		there++
		since, is := c.absentSince(i)
		if !is {
			continue
		}
		absent = append(absent, at.name)
		lasts, reached := since.Add(absentFor), c.anySet(func(s *set) bool { return c.reaches(s, i) })
		if reached && lasts.After(c.in.Now) {
			lately = append(lately, at.name)
			c.wakeAt(lasts)
		}
	}
	if may := max(1, rollout.Portion(c.in.Options.AbsentBudget, there)); len(absent) > may {
		return fmt.Sprintf("%d of %s are absent, %d may be: %s", len(absent), words.Plural(there, "node"), may,
			words.FoldSome(absent))
	}
	switch {
	case len(lately) > 0:
		return fmt.Sprintf("not ready for less than %s: %s", absentFor, words.FoldSome(lately))
	case c.isUntried():
		return "none of the nodes of the stage is there to try the commit, and so nothing can soak"
	}
	return ""
}

// isUntried reports whether the stage is to soak and no node of it has got the commit: canaries that are all away prove
// nothing to the nodes after them. What the commit does not change proves nothing either. Where the stage has nodes of
// nothing else, there is nothing to be tried on them.
func (c *course) isUntried() bool {
	if c.at == 0 || c.isLast() || c.stages[c.at-1].soak == 0 || c.stages[c.at-1].nodes == 0 || c.in.Rollback || c.idle {
		return false
	}
	any := false
	for i := range c.places {
		if c.places[i].stage != c.at || c.places[i].late {
			continue
		}
		if c.isAnyUpdated(i) {
			return false
		}
		any = any || c.anySet(func(s *set) bool { return !s.idle && s.sites[i].meant })
	}
	return any
}

// absentSince is since when a node is absent to some DaemonSet, if it is.
func (c *course) absentSince(i int) (since time.Time, is bool) {
	for _, s := range c.sets {
		if at := &s.sites[i]; at.meant && at.state == rollout.IsAbsent {
			return at.since, true
		}
	}
	return since, false
}
