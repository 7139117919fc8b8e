package judge

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// countNodes is the judgement's part that is only counted.
func countNodes(s *survey) rollout.Judgement {
	j := rollout.Judgement{Verdict: rollout.Progressing, Mark: s.remembered().Mark, OldPods: s.oldPods, Braked: s.brake.pulled}
	j.Nodes = make([]rollout.Node, 0, len(s.sites))
	for i := range s.sites {
		at := &s.sites[i]
		j.Nodes = append(j.Nodes, nodeOf(at))
		if at.state == rollout.IsNotEligible {
			continue
		}
		j.Eligible++
		countClass(s, &j, at)
		if at.ends > 0 && !at.settled && at.state != rollout.IsFailingBefore {
			j.Ended = append(j.Ended, at.name)
		}
		if !at.counts() {
			continue
		}
		j.Desired++
		if at.updated != nil || at.over {
			j.Updated++
		}
		if at.settled {
			j.Settled++
		}
		if at.old != nil && s.isAvailable(at.old) && at.down.IsZero() {
			j.OldAvailable++
		}
	}
	if s.live != nil && s.look.Lacks(rollout.KindNodes) { // only nodes with pods are known; the controller knows how many there are
		j.Eligible = max(j.Eligible, int(s.live.Status.DesiredNumberScheduled))
		j.Desired = max(j.Desired, int(s.live.Status.DesiredNumberScheduled))
	}
	return j
}

// countClass puts a node on the list of its class.
func countClass(s *survey, j *rollout.Judgement, at *site) {
	switch at.state {
	case rollout.IsAbsent:
		j.Absent = append(j.Absent, at.name)
	case rollout.IsLost:
		j.Lost = append(j.Lost, at.name)
	case rollout.IsLate:
		j.Late = append(j.Late, at.name)
	case rollout.IsFailingBefore:
		j.FailingBefore = append(j.FailingBefore, at.name)
	default:
		if at.updated == nil && at.old != nil {
			j.Old = append(j.Old, at.name)
		}
	}
}

// nodeOf is a site as the judgement tells it.
func nodeOf(at *site) rollout.Node {
	n := rollout.Node{Name: at.name, State: at.state, Why: at.why}
	if at.why == "" && !at.down.IsZero() {
		n.Why = fact.NotReadyWhy(at.node)
	}
	if at.finding != nil {
		n.Cause = at.finding.code
	}
	for _, p := range [...]*corev1.Pod{at.updated, at.old, at.leaving, at.failed} {
		if p != nil {
			n.Pod = p.Name
			break
		}
	}
	return n
}
