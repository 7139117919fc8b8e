package pace

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/words"
)

// What a stage waits for may never come: alerts that fire for ever, a webhook that refuses the update strategy,
// canaries that are away, a container that ends before each soak is over. The judge sees nothing of that, for all that
// was reached is well. It is told as a cause once it has lasted for the progress deadline.

// mostSaid bounds what is repeated of an API server's answer, in characters.
const mostSaid = 300

// soaksAtMost is how many times its soak a stage may take for it, and the progress deadline besides.
const soaksAtMost = 3

// hold notes what holds the stage up, and since when, and says so once that has lasted for too long.
func hold(c *course, o *Outcome) {
	switch code := heldBy(c, o); {
	case code == "":
		o.Held, o.HeldSince = keepsInMind(c, o), time.Time{}
	case code != o.Held || o.HeldSince.IsZero():
		o.Held, o.HeldSince = code, c.in.Now
	}
	noteSoaking(c, o)
	if o.HeldSince = Lasting(o.HeldSince, c.in.First, holdTime(c, o.Held)); !o.HeldSince.IsZero() {
		if isPast(c, o.HeldSince.Add(holdTime(c, o.Held))) {
			o.Cause = holdCause(c, o)
			return
		}
	}
	if !o.Soaking.IsZero() {
		most := soaksAtMost*c.stages[c.at-1].soak + c.in.Options.ProgressDeadline
		if o.Soaking = Lasting(o.Soaking, c.in.First, most); isPast(c, o.Soaking.Add(most)) {
			o.Cause = soakCause(c, o)
		}
	}
}

// Lasting is since when something counts that may last for a time at most. Had it done so when this process looked
// first, it counts from then: while nobody looked no pod went, and nobody was asked, so nothing could come of it.
func Lasting(since, first time.Time, most time.Duration) time.Time {
	if !since.IsZero() && first.Sub(since) >= most {
		return first
	}
	return since
}

// holdTime is for how long a stage may be held up by a cause: for the progress deadline, but for what no waiting mends.
func holdTime(c *course, code rollout.Code) time.Duration {
	deadline := c.in.Options.ProgressDeadline
	if code == rollout.EvictionForbidden {
		return min(deadline, c.in.Options.TimeFor(code))
	}
	return deadline
}

// isPast reports whether an instant has come, and asks for a look at it otherwise.
func isPast(c *course, t time.Time) bool {
	c.wakeAt(t)
	return !t.After(c.in.Now)
}

// heldBy is the cause that the stage is on its way to, empty if it waits for nothing that may last for ever, or that
// the judge has a deadline for.
func heldBy(c *course, o *Outcome) rollout.Code {
	switch o.Waits {
	case ForStrategy:
		if c.in.Paused == "" { // else nobody tries to give it back
			return rollout.StrategyKept
		}
	case ForAlerts:
		return heldByAlerts(c)
	case ForBudget:
		if c.queue.budgets > 0 {
			return rollout.DisruptionBudget
		}
	case ForRights:
		return rollout.EvictionForbidden
	case ForNodes:
		if isTriedAfterRestart(c) {
			return c.in.Progress.Held
		}
		if c.absent != "" && len(c.unsettled) == 0 && c.queue.isEmpty() {
			return rollout.NodesAbsent
		}
	case ForSoak, ForApproval, ForWindow, ForHold, ForResume, ForHealth:
	}
	return ""
}

// isTriedAfterRestart reports whether pods are tried that were not let go before, of which nothing is known any more.
func isTriedAfterRestart(c *course) bool {
	held := c.in.Progress.Held
	return (held == rollout.DisruptionBudget || held == rollout.EvictionForbidden) && len(c.queue.delete) > 0 &&
		!c.onTheirWay
}

// heldByAlerts tells alerts that began to fire after the commit had come to nodes, which may be its doing, from those
// that fired before, and from not knowing. It is told when they begin to hold the stage up, and so it stays.
func heldByAlerts(c *course) rollout.Code {
	switch was := c.in.Progress.Held; {
	case was == rollout.AlertsFiring, was != rollout.AlertsHold && c.in.Firing && isExposed(c):
		return rollout.AlertsFiring
	}
	return rollout.AlertsHold
}

// keepsInMind is whether alerts may be the commit's doing while the stage waits for something else, if they have held
// it back before: until they end, or it is known that none fires. Those of a broken commit go on for a while after its
// nodes have got the fix.
func keepsInMind(c *course, o *Outcome) rollout.Code {
	if c.in.Alerts == "" || c.in.Rollback || o.Done {
		return ""
	}
	switch was := c.in.Progress.Held; {
	case was == rollout.AlertsHold, was == rollout.AlertsFiring:
		return was
	case c.at == 0 && !isExposed(c):
		return rollout.AlertsHold
	}
	return ""
}

// isExposed reports whether some node has a pod of the commit.
func isExposed(c *course) bool {
	for i := range c.places {
		if c.isAnyUpdated(i) {
			return true
		}
	}
	return false
}

// noteSoaking notes when the stage began to soak. What it waits for after its soak begins that anew.
func noteSoaking(c *course, o *Outcome) {
	switch o.Waits {
	case ForSoak:
		if o.Soaking.IsZero() {
			o.Soaking = c.in.Now
		}
	case ForNodes, ForHealth, ForBudget:
	case ForAlerts:
		if c.soaks.IsZero() {
			o.Soaking = time.Time{}
		}
	default:
		o.Soaking = time.Time{}
	}
}

// holdCause is why the stage is held up for too long.
func holdCause(c *course, o *Outcome) Cause {
	cause := Cause{Code: o.Held, Since: o.HeldSince, Message: o.Message}
	lasts := fmt.Sprintf(", for longer than %s", holdTime(c, o.Held))
	switch o.Held {
	case rollout.StrategyKept:
		s := c.sets[slices.IndexFunc(c.sets, (*set).isLent)]
		cause.Namespace, cause.Name = s.Target.Namespace, s.Target.Name
		cause.Message = "all nodes have the commit, and the DaemonSet does not get back the update strategy that Git " +
			"asks for" + lasts
		if s.Kept != "" {
			cause.Message += ": " + words.Clip(s.Kept, mostSaid)
		}
		cause.Remedy = fmt.Sprintf("See who refuses the write of spec.updateStrategy: an admission webhook, a policy, "+
			"or the rights of the Sync's ServiceAccount. It is tried again by itself. `kubectl -n %s get ds %s -o yaml` "+
			"shows the DaemonSet as it is.", s.Target.Namespace, s.Target.Name)
	case rollout.AlertsFiring, rollout.AlertsHold:
		cause.Message += lasts
		cause.Remedy = "If the commit has brought the alerts about, push one that mends it. Otherwise end or silence " +
			"them, or have spec.rollout.pace.gates.alerts.matchers name others: the rollout then goes on by itself."
	case rollout.DisruptionBudget:
		notLetGo(c, &cause, func(why Refusal) bool { return why.Budget })
		budgetRemedy(&cause)
		cause.Message += lasts
	case rollout.EvictionForbidden:
		cause.Remedy = notLetGo(c, &cause, func(why Refusal) bool { return why.Forbidden }).Remedy
		cause.Message += lasts
	case rollout.NodesAbsent:
		cause.Message += lasts
		cause.Remedy = "Bring the nodes back, or delete those that are gone for good: `kubectl get nodes`. Or have the " +
			"stage take others (spec.rollout.pace.stages); the rollout then goes on by itself."
	}
	return cause
}

// notLetGo has a cause name where pods were refused for one reason, and returns the first refusal.
func notLetGo(c *course, cause *Cause, is func(Refusal) bool) (first Refusal) {
	for _, s := range c.sets {
		for i := range s.sites {
			at := &s.sites[i]
			if !isReachable(at) || !c.takes(s, i) || !is(s.Refused[at.old.UID]) {
				continue
			}
			cause.Nodes = append(cause.Nodes, c.places[i].name)
			if cause.Name == "" {
				cause.Namespace, cause.Name, first = s.Target.Namespace, s.Target.Name, s.Refused[at.old.UID]
			}
		}
	}
	slices.Sort(cause.Nodes)
	cause.Nodes = slices.Compact(cause.Nodes)
	return first
}

// budgetRemedy says what is wrong with most budgets that never let a pod go.
func budgetRemedy(cause *Cause) {
	in := ""
	if cause.Namespace != "" {
		in = " -n " + cause.Namespace
	}
	cause.Remedy = "See `kubectl" + in + " get pdb`: one that selects pods of a DaemonSet allows an eviction only " +
		"if it has a number as minAvailable, and more pods than that are healthy; a percentage and " +
		"maxUnavailable never do, because nothing says how many pods there should be. Change or delete it; " +
		"the rollout then goes on by itself."
}

// soakCause is why the stage soaks and soaks.
func soakCause(c *course, o *Outcome) Cause {
	soak := c.stages[c.at-1].soak
	cause := Cause{Code: rollout.SoakRestarted, Since: o.Soaking}
	said := ""
	for _, s := range c.sets {
		for i := range c.places {
			settled, counts := s.settledAt(i, c.in)
			if c.places[i].stage != c.at || !counts || settled.Before(o.Soaking.Add(time.Second)) && !settled.IsZero() {
				continue
			}
			if cause.Nodes = append(cause.Nodes, c.places[i].name); said == "" {
				cause.Namespace, cause.Name, said = s.Target.Namespace, s.Target.Name, lastEnd(s.sites[i].updated)
			}
		}
	}
	slices.Sort(cause.Nodes)
	cause.Nodes = slices.Compact(cause.Nodes)
	cause.Message = fmt.Sprintf("the stage was settled first at %s, and its soak of %s has begun anew ever since",
		o.Soaking.UTC().Format(time.DateTime+" UTC"), soak)
	if len(cause.Nodes) > 0 {
		cause.Message += ", because of " + words.FoldSome(cause.Nodes)
	}
	if said != "" {
		cause.Message += ": " + said
	}
	cause.Remedy = "See why the containers end, or the pods stop being Ready, and push a commit that mends it: `kubectl " +
		"-n " + cause.Namespace + " get pods -o wide`, and of one of them `kubectl logs POD --previous`. Or have the stage " +
		"soak for less (spec.rollout.pace.stages[].soak)."
	return cause
}

// lastEnd says how the last container of a pod has ended; empty if none has.
func lastEnd(p *corev1.Pod) string {
	var last *corev1.ContainerStateTerminated
	name := ""
	for i := range p.Status.ContainerStatuses {
		c := &p.Status.ContainerStatuses[i]
		if t := c.LastTerminationState.Terminated; t != nil && (last == nil || last.FinishedAt.Before(&t.FinishedAt)) {
			last, name = t, c.Name
		}
	}
	if last == nil {
		return ""
	}
	return fmt.Sprintf("container %s of pod %s ended at %s with exit code %d", name, p.Name,
		last.FinishedAt.UTC().Format(time.DateTime+" UTC"), last.ExitCode)
}
