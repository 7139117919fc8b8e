package pace

import (
	"slices"
	"time"

	"github.com/daemongate/daemongate/rollout"
)

// Decide says how far a paced rollout is by one look at each of its DaemonSets, and which old pods may go. Whoever acts
// by it first keeps the outcome's Progress, and gives it back with the next look.
//
// Nothing goes while it is not known for each DaemonSet what a pod would be replaced by.
func Decide(in Input) Outcome {
	in.Options = in.Options.WithDefaults()
	f := gather(&in)
	stages := expand(in.Plan, f.places)
	if f.problem != "" {
		return Outcome{Progress: in.Progress, Of: max(len(stages), in.Progress.Index), Waits: ForNodes,
			Message: f.problem, Unknown: true, Strategies: f.strategies(false)}
	}
	c := begin(f, stages)
	c.assess()
	for (c.isDone() || overlaps(c)) && !c.isLast() && in.Paused == "" {
		c.moveOn()
		c.assess()
	}
	if in.Progress.Name == "" { // what held the rollout up before somebody changed its stages may do so still
		c.progress.Held, c.progress.HeldSince = in.Progress.Held, in.Progress.HeldSince
	}
	giveBack(c)
	return c.outcome()
}

// course is a rollout on its way through the stages.
type course struct {
	*fleet
	stages   []stage
	at       int // the stage that it is in, from 1; 0 is the fix
	progress Progress

	count               // of the nodes of the stage
	behind  int         // the stage before it that settles still; 0 if none does
	failing []overspent // DaemonSets of which more nodes fail than may
	absent  string      // why it does not go on without those that are absent
	soaks   time.Time   // until when the stage soaks; zero if it does not, or has
	queue   queue
	wake    time.Time
}

// begin takes the course up where the look before has left it.
func begin(f *fleet, stages []stage) *course {
	c := &course{fleet: f, stages: stages, progress: f.in.Progress}
	switch {
	case c.progress.Back:
		c.at = len(stages)
		c.progress.Name, c.progress.Index = stages[c.at-1].name, max(c.at, c.progress.Index)
	case c.progress.Name == "" && f.isAnyBroken():
		c.progress = Progress{Name: fixName, Since: f.in.Now}
	case c.progress.Name == "":
		c.enter(c.first())
	case c.progress.Name != fixName || c.progress.Index != 0:
		if c.at = c.progress.position(stages); stages[c.at-1].name != c.progress.Name {
			behind := c.progress.Behind
			c.enter(c.at) // the one that was reached has gone with its nodes
			c.progress.Behind = behind
		}
	}
	return c
}

// first is the stage that a rollout begins with. Where no old pod is left to be held back it is the last one.
func (c *course) first() int {
	if !c.isAnyOld() {
		return len(c.stages)
	}
	return 1
}

// moveOn goes to the next stage.
func (c *course) moveOn() {
	if c.at == 0 {
		c.enter(c.first())
		return
	}
	behind := ""
	if !c.hasSettled() {
		behind = c.stages[c.at-1].name // it overlaps
	}
	c.enter(c.at + 1)
	c.progress.Behind = behind
}

// enter begins a stage. Its index never falls, also where stages before it have gone with their nodes.
func (c *course) enter(at int) {
	c.at = at
	c.progress = Progress{Name: c.stages[at-1].name, Index: max(at, c.progress.Index), Since: c.in.Now}
}

// assess finds out what the stage still waits for.
func (c *course) assess() {
	c.wake = time.Time{}
	lookBehind(c)
	c.count = c.counted()
	c.failing = c.overspent()
	c.absent = c.absence()
	c.soaks = c.soakUntil()
	c.queue = c.lineUp()
	if !c.soaks.IsZero() {
		c.wakeAt(c.soaks)
	}
}

// isDone reports whether the stage is over: each of its nodes has settled, no old pod of it can still go, not too many
// fail or are absent, and it has soaked and was approved, if that is asked for.
func (c *course) isDone() bool {
	return c.hasSettled() && c.soaks.IsZero() && !c.needsApproval() && !(alarmed(c) && isAnyLeft(c))
}

// overlaps reports whether the next stage may begin although nodes of this one have not settled: no old pod of it is
// left to go, nothing fails, and all nodes of the stages before have settled, so that two are on their way at most.
func overlaps(c *course) bool {
	return c.at > 0 && c.stages[c.at-1].overlap && c.queue.isEmpty() && len(c.failing) == 0 && c.absent == "" &&
		!alarmed(c) && !anyUnsettledBefore(c)
}

// alarmed reports whether alerts hold the stage back. What mends a broken commit is not held back by what that one has
// brought about.
func alarmed(c *course) bool { return c.in.Alerts != "" && c.at > 0 && !c.in.Rollback }

func (c *course) hasSettled() bool {
	return c.settled == c.nodes && c.absent == "" && len(c.failing) == 0 &&
		c.queue.waiting == 0 && len(c.queue.delete) == 0
}

// needsApproval reports whether a person must let the rollout go on. Where no later stage has nodes there is nothing to
// let on.
func (c *course) needsApproval() bool {
	if c.at == 0 || !c.stages[c.at-1].approve || c.progress.Approved || c.in.Rollback || c.idle {
		return false
	}
	if c.stages[c.at-1].nodes == 0 {
		return false
	}
	return isAnyLeft(c)
}

// isAnyLeft reports whether a later stage has nodes.
func isAnyLeft(c *course) bool {
	return slices.ContainsFunc(c.stages[min(c.at, len(c.stages)):], func(s stage) bool { return s.nodes > 0 })
}

func (c *course) isLast() bool { return c.at == len(c.stages) }

// wakeAt asks for a look at an instant, if it is still to come.
func (c *course) wakeAt(t time.Time) {
	if t.After(c.in.Now) && (c.wake.IsZero() || t.Before(c.wake)) {
		c.wake = t
	}
}

// outcome is what the course comes to.
func (c *course) outcome() Outcome {
	c.progress.Begun = c.progress.Begun || c.at > 0 && len(c.queue.delete) > 0
	o := Outcome{Progress: c.progress, Of: max(len(c.stages), c.progress.Index), Nodes: c.nodes, Settled: c.settled,
		Reached: c.reached, Early: c.early, Sets: c.eachSet(), Delete: c.queue.delete}
	o.Done = (c.isDone() || c.progress.Back && c.queue.isEmpty()) && c.isLast() && !c.isAnyLent()
	o.Strategies = c.strategies(c.progress.Back)
	if !o.Done {
		o.Waits, o.Message, o.Until = c.waits()
	}
	hold(c, &o)
	o.Wake = c.wake
	return o
}

// waits says what the stage waits for. What a person has to do comes first.
func (c *course) waits() (why Wait, message string, until time.Time) {
	switch {
	case c.progress.Back && c.isAnyLent():
		return ForStrategy, strategyWords(c), until
	case c.in.Paused != "":
		return ForResume, c.in.Paused, until
	case len(c.failing) > 0:
		return ForHealth, c.failureWords(), until
	case c.queue.closed && c.in.Held != "":
		return ForHold, c.in.Held, until
	case c.queue.closed:
		return ForWindow, c.in.Closed, c.in.Opens
	case alarmed(c) && c.queue.waiting > 0:
		return ForAlerts, c.in.Alerts, until
	case c.queue.lacking > 0:
		return ForRights, rightsWords(c), until
	case isBudgetSpent(c):
		return ForBudget, c.budgetWords(), until
	case !c.hasSettled():
		return ForNodes, c.nodeWords(), until
	case keepsFromTheNext(c):
		return ForAlerts, c.in.Alerts, until
	case !c.soaks.IsZero():
		return ForSoak, c.soakWords(), c.soaks
	}
	return ForApproval, c.approvalWords(), until
}

// isBudgetSpent reports whether old pods are left of which none may go now, but for those that were not let go before,
// though none is on its way.
func isBudgetSpent(c *course) bool {
	return c.queue.waiting+c.queue.refused > 0 && len(c.queue.delete) == c.queue.again && !c.onTheirWay
}

// keepsFromTheNext reports whether an alert keeps a stage that is over otherwise from being passed.
func keepsFromTheNext(c *course) bool {
	return alarmed(c) && isAnyLeft(c) && (!c.needsApproval() || !c.soaks.IsZero())
}

// isWaitedFor reports whether the rollout must reach a node in such a state. One that is absent, that joined since, or
// that was sick before, is not waited for.
func isWaitedFor(state rollout.NodeState) bool {
	switch state {
	case rollout.IsLost, rollout.IsMissing, rollout.IsOld, rollout.IsUpdated, rollout.IsFailing, rollout.IsSettled:
		return true
	}
	return false
}
