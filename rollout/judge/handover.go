package judge

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// predecessorPod is a pod of a predecessor.
type predecessorPod struct {
	from *survey.Predecessor
	pod  *corev1.Pod
}

// predecessorsOn are the pods of predecessors that run, by node. While one runs, the target's own pod that is not bound
// yet waits for it to go: it is not there, and nothing is wrong with it.
func predecessorsOn(s *survey.Survey) map[string][]predecessorPod {
	on := map[string][]predecessorPod{}
	for i := range s.Predecessors {
		from := &s.Predecessors[i]
		for _, p := range from.Pods {
			if p.Spec.NodeName == "" || fact.IsOver(p) || !fact.Owns(from.DaemonSet, p) {
				continue
			}
			on[p.Spec.NodeName] = append(on[p.Spec.NodeName], predecessorPod{from, p})
		}
	}
	return on
}

func standPredecessor(s *survey.Survey, on *survey.Site, from *survey.Predecessor, p *corev1.Pod) {
	if on.Updated != nil && on.Updated.Spec.NodeName == "" {
		on.Waiting, on.Updated, on.Ends = on.Updated, nil, 0
	}
	if p.DeletionTimestamp != nil {
		on.Leaving = elder(on.Leaving, p)
		return
	}
	on.Old, on.Predecessor = elder(on.Old, p), p
	since, ready := fact.ReadySince(p)
	instant := since.Add(s.Options.SettlesAfter(from.MinReady, fact.EndsOf(p)))
	if ready {
		s.WakeAt(instant)
	}
	on.Held = ready && s.Reached(instant)
}

// adviseHandover says which nodes the predecessors give up next. The brake stops that, and so does a failing target: a
// node that was given up and has not settled uses up one of the budget, as does any node without a settled pod of
// either.
func adviseHandover(s *survey.Survey, j *rollout.Judgement) {
	if !s.HandsOver() || j.Verdict == rollout.Complete || s.Brake.Pulled || j.Brake == rollout.BrakePull {
		return
	}
	next := nextNodes(s, handoverBudget(s))
	for i := range s.Predecessors {
		from := &s.Predecessors[i]
		meant := fact.EligibilityOf(&from.DaemonSet.Spec.Template)
		h := rollout.Handover{Predecessor: rollout.Predecessor{Namespace: from.DaemonSet.Namespace,
			Name: from.DaemonSet.Name, UID: from.DaemonSet.UID}, Generation: from.DaemonSet.Generation}
		for _, at := range next {
			if at.Node != nil && meant.Refuses(at.Node) == "" {
				h.Nodes = append(h.Nodes, at.Name)
			}
		}
		if len(h.Nodes) > 0 {
			j.Handovers = append(j.Handovers, h)
		}
	}
}

// nextNodes are the nodes to be given up next. Those whose old pod is not Ready have nothing to lose and go first; one
// with a settled old pod goes only while fewer nodes than the budget are without a settled pod.
func nextNodes(s *survey.Survey, budget int) []*survey.Site {
	hand, spent := 0, 0 // nodes that were given up and have not settled, and all that have no settled pod
	var failing, well []*survey.Site
	for i := range s.Sites {
		at := &s.Sites[i]
		given := s.GivenUp(at.Name)
		if at.State == rollout.IsNotEligible || at.State == rollout.IsAbsent {
			continue
		}
		if !isServed(s, at) && (given || at.Counts()) {
			spent++
			if given {
				hand++
			}
		}
		switch {
		case given || !at.WaitsForPredecessor():
		case !fact.IsReady(at.Predecessor):
			failing = append(failing, at)
		case at.Held:
			well = append(well, at)
		}
	}
	next := failing[:min(len(failing), max(0, budget-hand))]
	room := min(budget-spent, budget-hand-len(next))
	return append(next[:len(next):len(next)], well[:min(len(well), max(0, room))]...)
}

// isServed reports whether a node has a settled pod of the target or of a predecessor that keeps it, or an available
// one of the target's template before.
func isServed(s *survey.Survey, at *survey.Site) bool {
	switch {
	case at.Settled:
		return true
	case at.Predecessor != nil:
		return at.Held && !s.GivenUp(at.Name)
	}
	return s.HasOldAvailable(at) && at.Down.IsZero()
}

// handoverBudget is how many nodes may be without a settled pod at once: the target's maxUnavailable, of which the
// controller takes a percentage of the nodes that it is meant for, rounded up; at least one. With maxSurge it is one
// too: what only one of two pods can have cannot be handed over beside each other.
func handoverBudget(s *survey.Survey) int {
	r := s.Live.Spec.UpdateStrategy.RollingUpdate
	if r == nil || r.MaxUnavailable == nil {
		return 1
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(r.MaxUnavailable, int(s.Live.Status.DesiredNumberScheduled), true)
	if err != nil {
		return 1
	}
	return max(1, n)
}

// noteHandover says from whom nodes are still to be taken over.
func noteHandover(s *survey.Survey, add func(format string, args ...any)) {
	if !s.HandsOver() {
		return
	}
	var names []string
	for i := range s.Predecessors {
		d := s.Predecessors[i].DaemonSet
		names = append(names, d.Namespace+"/"+d.Name)
	}
	if waiting := survey.NamesWhere(s, func(at *survey.Site) bool {
		return at.WaitsForPredecessor() &&
			!s.GivenUp(at.Name)
	}); len(waiting) > 0 {
		add("takes over from DaemonSet %s, %d at a time: %s still to come: %s", strings.Join(names, ", "),
			handoverBudget(s),
			words.Plural(len(waiting), "node"), words.FoldSome(waiting))
	}
}
