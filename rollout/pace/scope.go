package pace

import (
	"slices"
	"time"
)

// count is how many nodes the stage is about, and where they are.
type count struct {
	nodes, settled int // that are waited for, and of them those that have settled
	reached, early int
	unsettled      []string // that are waited for, by name
	onTheirWay     bool     // some of those have no old pod any more
}

// counted goes through the nodes.
func (c *course) counted() count {
	var n count
	for i := range c.places {
		if !c.places[i].late && c.anySet(func(s *set) bool { return c.reaches(s, i) }) {
			n.reached++
		}
		if c.at > 0 && c.places[i].stage > c.at &&
			c.anySet(func(s *set) bool { return !s.idle && s.sites[i].updated != nil }) {
			n.early++
		}
		if !c.anySet(func(s *set) bool { return c.waitsFor(s, i) }) {
			continue
		}
		n.nodes++
		if !c.anySet(func(s *set) bool { return c.waitsFor(s, i) && !s.sites[i].settled() }) {
			n.settled++
			continue
		}
		n.unsettled = append(n.unsettled, c.places[i].name)
		n.onTheirWay = n.onTheirWay || c.anySet(func(s *set) bool {
			return c.waitsFor(s, i) && !s.sites[i].settled() && s.sites[i].old == nil
		})
	}
	return n
}

func (c *course) anySet(is func(*set) bool) bool { return slices.ContainsFunc(c.sets, is) }

// reaches reports whether a DaemonSet is exposed to the commit on a node by now: the node is of this stage, or of one
// before it. The fix reaches the nodes with a broken commit, and those that have the commit already.
func (c *course) reaches(s *set, i int) bool {
	at := &s.sites[i]
	switch {
	case !at.meant:
		return false
	case c.at == 0:
		return !s.idle && (at.broken || at.old == nil)
	}
	return c.places[i].stage <= c.at
}

// waitsFor reports whether a DaemonSet must settle on a node before the stage is over. Of the stages before it only
// such nodes count as have not got the commit: they were away; and those of the one that settles still.
func (c *course) waitsFor(s *set, i int) bool {
	at := &s.sites[i]
	if !isWaitedFor(at.state) || c.places[i].late || !c.reaches(s, i) {
		return false
	}
	stage := c.places[i].stage
	return c.at == 0 || stage == c.at || at.updated == nil || !at.settled() && stage == c.behind
}

// lookBehind finds the stage before this one that settles still, and forgets it once it has. It is found by its name,
// since a new value of a label may have put others in between.
func lookBehind(c *course) {
	isIt := func(s stage) bool { return s.name == c.progress.Behind }
	if c.behind = 0; c.progress.Behind == "" || c.at == 0 {
		return
	}
	if i := slices.IndexFunc(c.stages[:c.at-1], isIt); i >= 0 {
		c.behind = i + 1
		for k := range c.places {
			isOne := func(s *set) bool { return c.waitsFor(s, k) && !s.sites[k].settled() }
			if c.places[k].stage == c.behind && c.anySet(isOne) {
				return
			}
		}
	}
	c.behind, c.progress.Behind = 0, ""
}

// keepsOut reports whether a pod of a stage may not go now, since two stages are on their way already: this one, and
// another one before it.
func keepsOut(c *course, stage int) bool {
	return c.at > 0 && stage != c.at && c.behind != 0 && stage != c.behind
}

// letIn notes that a pod of a stage goes.
func letIn(c *course, stage int) {
	if c.at > 0 && stage != c.at {
		c.behind, c.progress.Behind = stage, c.stages[stage-1].name
	}
}

// anyUnsettledBefore reports whether a node of an earlier stage has still to settle.
func anyUnsettledBefore(c *course) bool {
	for i := range c.places {
		isOne := func(s *set) bool { return c.waitsFor(s, i) && !s.sites[i].settled() }
		if c.places[i].stage < c.at && c.anySet(isOne) {
			return true
		}
	}
	return false
}

// reachedBefore is on how many nodes a DaemonSet is exposed to the commit that were reached before somebody changed the
// stages: what fails is held against those still.
func reachedBefore(c *course, s *set) int {
	exposed := 0
	for i := range s.sites {
		at := &s.sites[i]
		if !at.meant || c.places[i].late || s.idle {
			continue
		}
		if c.reaches(s, i) || at.updated != nil &&
			!at.updated.CreationTimestamp.Time.Before(s.Target.AppliedAt.Truncate(time.Second)) {
			exposed++
		}
	}
	return min(exposed, s.Reached)
}

// eachSet says how far the rollout is with each DaemonSet.
func (c *course) eachSet() []SetOutcome {
	var list []SetOutcome
	for _, s := range c.sets {
		o := SetOutcome{Namespace: s.Target.Namespace, Name: s.Target.Name}
		for i := range s.sites {
			if c.reaches(s, i) && !c.places[i].late {
				o.Reached++
			}
			if c.waitsFor(s, i) && !s.sites[i].settled() {
				o.Unsettled++
			}
		}
		o.Reached = max(o.Reached, reachedBefore(c, s))
		list = append(list, o)
	}
	return list
}
