package judge

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/cause"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
)

// visit makes a site of every node, and of every node that only pods know, and goes to each.
func visit(s *survey.Survey) {
	s.Arrange()
	cause.LookForEndings(s)
	predecessors, clocks, leases := predecessorsOn(s), clocksOf(s), heartbeatsOf(s)
	s.Visit(func(at *survey.Site, pods []*corev1.Pod) {
		for _, p := range pods {
			stand(s, at, p)
		}
		for _, p := range predecessors[at.Name] {
			standPredecessor(s, at, p.from, p.pod)
		}
		if ahead, known := clocks[at.Name]; known {
			at.Clocked, at.Ahead = true, ahead
		}
		if beat, known := leases[at.Name]; known {
			at.Stale, at.Ahead, at.Clocked = s.Passed(beat.last.Add(survey.LeaseTolerance)), beat.ahead, beat.told
		}
		allowForClock(s, at)
		classify(s, at)
		cause.RememberEnding(s, at)
	})
	letOff(s)
	nobodyElseCounts(s)
}

// stand puts one pod on its site. Of two of a kind the same one is taken whatever order they come in.
func stand(s *survey.Survey, at *survey.Site, p *corev1.Pod) {
	if !fact.IsOver(p) && !s.IsUpdated(p) {
		at.OldPods++
	}
	switch {
	case fact.IsOver(p):
		if p.DeletionTimestamp == nil {
			at.Failed = elder(at.Failed, p)
			at.Over = cause.EndedByItself(s, at.Failed)
		}
	case p.DeletionTimestamp != nil:
		at.Leaving = elder(at.Leaving, p)
	case !s.IsUpdated(p):
		at.Old = elder(at.Old, p)
	default:
		standUpdated(s, at, p)
	}
}

// standUpdated weighs an updated pod against the one that stands there already.
func standUpdated(s *survey.Survey, at *survey.Site, p *corev1.Pod) {
	ends := s.EndsOnProbation(p, at.Name)
	ready, isReady := fact.ReadySince(p)
	settled := false
	if isReady {
		instant := ready.Add(s.Options.SettlesAfter(s.MinReady, ends))
		settled = s.Reached(instant)
		s.WakeAt(instant)
	}
	if at.Updated == nil || (settled && !at.Settled) || (settled == at.Settled && elder(at.Updated, p) == p) {
		at.Updated, at.Ends, at.Ready, at.Settled = p, ends, ready, settled
	}
}

// elder is the pod that the controller would keep of two: the one that is bound to its node, then the older one.
func elder(a, b *corev1.Pod) *corev1.Pod {
	if a == nil {
		return b
	}
	if bound := a.Spec.NodeName != ""; bound != (b.Spec.NodeName != "") {
		if bound {
			return a
		}
		return b
	}
	if at, bt := a.CreationTimestamp.Time, b.CreationTimestamp.Time; !at.Equal(bt) {
		if at.Before(bt) {
			return a
		}
		return b
	}
	if a.Name <= b.Name {
		return a
	}
	return b
}

// classify says what a node is to the rollout (docs/design.md §5, "Which nodes").
func classify(s *survey.Survey, at *survey.Site) {
	if at.Node != nil {
		at.Down, _ = s.NotReadySince(at.Node)
		at.Shunned = s.Wish.Shunned(at.Node)
		at.Why = s.Wish.Refuses(at.Node)
	}
	if at.Node == nil && !s.Look.Lacks(rollout.KindNodes) {
		at.Why = "the node does not exist any more"
	}
	at.State = classOf(s, at)
	if at.Stale || at.State == rollout.IsLost || !at.Down.IsZero() {
		at.Settled = false // a pod cannot be better than its node
	}
	if at.State == rollout.IsSettled && !at.Settled {
		at.State = rollout.IsUpdated
	}
}

// classOf is a node's class, by the node first and by its pods if it is present.
func classOf(s *survey.Survey, at *survey.Site) rollout.NodeState {
	late := at.Node != nil && !s.Offline() && at.Node.CreationTimestamp.After(s.Target.AppliedAt)
	switch {
	case at.Why != "":
		return rollout.IsNotEligible
	case late:
		return rollout.IsLate
	case isLost(s, at):
		return rollout.IsLost
	case !at.Down.IsZero():
		return rollout.IsAbsent
	}
	return podState(at)
}

// podState is what a present node's pods make of it.
func podState(at *survey.Site) rollout.NodeState {
	switch {
	case at.Settled:
		return rollout.IsSettled
	case at.Updated != nil:
		return rollout.IsUpdated
	case at.Old != nil || at.Leaving != nil:
		return rollout.IsOld
	}
	return rollout.IsMissing
}
