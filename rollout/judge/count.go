package judge

import (
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
)

// countNodes is the judgement's part that is only counted.
func countNodes(s *survey.Survey) rollout.Judgement {
	j := rollout.Judgement{Verdict: rollout.Progressing, Mark: s.Remembered().Mark, Braked: s.Brake.Pulled}
	j.Nodes = make([]rollout.Node, 0, len(s.Sites))
	if old := survey.Number(s, isOld); old > 0 {
		j.Old = make([]string, 0, old)
	}
	for i := range s.Sites {
		at := &s.Sites[i]
		j.Nodes = append(j.Nodes, nodeOf(at))
		j.OldPods += at.OldPods
		if at.State == rollout.IsNotEligible {
			continue
		}
		j.Eligible++
		countClass(s, &j, at)
		if at.Ends > 0 && !at.Settled && at.State != rollout.IsFailingBefore {
			j.Ended = append(j.Ended, at.Name)
		}
		if !at.Counts() {
			continue
		}
		j.Desired++
		if at.Updated != nil || at.Over {
			j.Updated++
		}
		if at.Settled {
			j.Settled++
		}
		if s.HasOldAvailable(at) && at.Down.IsZero() {
			j.OldAvailable++
		}
	}
	// only nodes with pods are known; the controller knows how many there are
	if s.Live != nil && s.Look.Lacks(rollout.KindNodes) {
		j.Eligible = max(j.Eligible, int(s.Live.Status.DesiredNumberScheduled))
		j.Desired = max(j.Desired, int(s.Live.Status.DesiredNumberScheduled))
	}
	return j
}

// countClass puts a node on the list of its class.
func countClass(s *survey.Survey, j *rollout.Judgement, at *survey.Site) {
	switch at.State {
	case rollout.IsAbsent:
		j.Absent = append(j.Absent, at.Name)
	case rollout.IsLost:
		j.Lost = append(j.Lost, at.Name)
	case rollout.IsLate:
		j.Late = append(j.Late, at.Name)
	case rollout.IsFailingBefore:
		j.FailingBefore = append(j.FailingBefore, at.Name)
	default:
		if isOld(at) {
			j.Old = append(j.Old, at.Name)
		}
	}
}

// isOld reports whether a node has the old pod and no updated one.
func isOld(at *survey.Site) bool { return at.Updated == nil && at.Old != nil }

// nodeOf is a site as the judgement tells it.
func nodeOf(at *survey.Site) rollout.Node {
	n := rollout.Node{Name: at.Name, State: at.State, Pod: at.Pod, Why: at.Why}
	if at.Why == "" && !at.Down.IsZero() {
		n.Why = fact.NotReadyWhy(at.Node)
	}
	if at.Finding != nil {
		n.Cause = at.Finding.Code
	}
	return n
}
