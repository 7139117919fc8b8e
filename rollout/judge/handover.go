package judge

import (
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/words"
)

// predecessor is a predecessor as the look has it.
type predecessor struct {
	rollout.Holder
	minReady time.Duration
	given    map[string]bool // nodes that it has given up
}

// predecessors are those of the look that are the target's, by their UID: another DaemonSet of such a name is not.
func predecessors(l rollout.Look, t rollout.Target) []predecessor {
	var list []predecessor
	for _, h := range l.Predecessors {
		for _, p := range t.Predecessors {
			if d := h.DaemonSet; d != nil && d.Namespace == p.Namespace && d.Name == p.Name && d.UID == p.UID {
				list = append(list, predecessor{h, time.Duration(d.Spec.MinReadySeconds) * time.Second, GivenUp(d)})
			}
		}
	}
	return list
}

// GivenUp are the nodes that a DaemonSet has given up: the names that each term of its required node affinity excludes.
func GivenUp(d *appsv1.DaemonSet) map[string]bool {
	terms := requiredTerms(d)
	if terms == nil {
		return nil
	}
	count, meant := map[string]int{}, 0
	for i := range terms {
		if len(terms[i].MatchFields)+len(terms[i].MatchExpressions) == 0 {
			continue // matches no node
		}
		meant++
		for _, name := range excludedBy(&terms[i]) {
			count[name]++
		}
	}
	given := map[string]bool{}
	for name, n := range count {
		if n == meant {
			given[name] = true
		}
	}
	return given
}

// maxGivenUp is how many bytes of JSON the names in an affinity may take: an object, and the ControllerRevision that repeats its
// template, may have 1.5 MiB.
const maxGivenUp = 1_300_000

// sizeOfGivenUp is how many they would be if a DaemonSet gave up all its nodes.
func sizeOfGivenUp(d *appsv1.DaemonSet, nodes []*corev1.Node) int {
	size := 0
	for name := range eligibleNodes(d, nodes) {
		size += len(`{"key":"metadata.name","operator":"NotIn","values":[""]},`) + len(name)
	}
	return size * max(1, len(requiredTerms(d)))
}

// requiredTerms are the terms of a DaemonSet's required node affinity, each of which is a choice.
func requiredTerms(d *appsv1.DaemonSet) []corev1.NodeSelectorTerm {
	a := d.Spec.Template.Spec.Affinity
	if a == nil || a.NodeAffinity == nil || a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return nil
	}
	return a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
}

// excludedBy are the nodes that a term excludes by name.
func excludedBy(term *corev1.NodeSelectorTerm) []string {
	var names []string
	for _, f := range term.MatchFields {
		if f.Key == "metadata.name" && f.Operator == corev1.NodeSelectorOpNotIn && len(f.Values) == 1 {
			names = append(names, f.Values[0])
		}
	}
	return names
}

// placePredecessors puts the pods of predecessors on the sites where they run. While one runs, the target's own pod that is
// not bound yet waits for it to go: it is not there, and nothing is wrong with it.
func placePredecessors(s *survey, at func(node string) *site) {
	for i := range s.predecessors {
		from := &s.predecessors[i]
		for _, p := range from.Pods {
			if p.Spec.NodeName == "" || fact.IsOver(p) || !fact.Owns(from.DaemonSet, p) {
				continue
			}
			if on := at(p.Spec.NodeName); on != nil {
				standPredecessor(s, on, from, p)
			}
		}
	}
}

func standPredecessor(s *survey, on *site, from *predecessor, p *corev1.Pod) {
	if on.updated != nil && on.updated.Spec.NodeName == "" {
		on.waiting, on.updated, on.ends = on.updated, nil, 0
	}
	if p.DeletionTimestamp != nil {
		on.leaving = elder(on.leaving, p)
		return
	}
	on.old, on.predecessor = elder(on.old, p), p
	since, ready := fact.ReadySince(p)
	instant := since.Add(s.options.SettlesAfter(from.minReady, fact.EndsOf(p)))
	if ready && s.now.Before(instant) {
		s.wakeAt(instant)
	}
	on.held = ready && !s.now.Before(instant)
}

// givenUp reports whether some predecessor has given up a node.
func (s *survey) givenUp(node string) bool {
	for i := range s.predecessors {
		if s.predecessors[i].given[node] {
			return true
		}
	}
	return false
}

// handsOver reports whether the target takes over from others.
func (s *survey) handsOver() bool { return len(s.predecessors) > 0 }

// unmade reports whether the DaemonSet controller has made no pod of the target for a node.
func (at *site) unmade() bool {
	return at.updated == nil && at.waiting == nil && at.leaving == nil && at.old == at.predecessor
}

// unscheduledSince is since when a pod is known to be unscheduled; zero for one that waited for a predecessor at first: that
// time does not count.
func unscheduledSince(s *survey, at *site, c *corev1.PodCondition) time.Time {
	if s.givenUp(at.name) {
		return time.Time{}
	}
	return c.LastTransitionTime.Time
}

// adviseHandover says which nodes the predecessors give up next. The brake stops that, and so does a failing target: a node
// that was given up and has not settled uses up one of the budget, as does any node without a settled pod of either.
func adviseHandover(s *survey, j *rollout.Judgement) {
	if !s.handsOver() || j.Verdict == rollout.Complete || s.brake.pulled || j.Brake == rollout.BrakePull {
		return
	}
	next := nextNodes(s, handoverBudget(s))
	for i := range s.predecessors {
		from := &s.predecessors[i]
		meant := fact.EligibilityOf(&from.DaemonSet.Spec.Template)
		h := rollout.Handover{Predecessor: rollout.Predecessor{Namespace: from.DaemonSet.Namespace, Name: from.DaemonSet.Name, UID: from.DaemonSet.UID}, Generation: from.DaemonSet.Generation}
		for _, at := range next {
			if at.node != nil && meant.Refuses(at.node) == "" {
				h.Nodes = append(h.Nodes, at.name)
			}
		}
		if len(h.Nodes) > 0 {
			j.Handovers = append(j.Handovers, h)
		}
	}
}

// nextNodes are the nodes to be given up next. Those whose old pod is not Ready have nothing to lose and go first; one with a
// settled old pod goes only while fewer nodes than the budget are without a settled pod.
func nextNodes(s *survey, budget int) []*site {
	hand, spent := 0, 0 // nodes that were given up and have not settled, and all that have no settled pod
	var failing, well []*site
	for i := range s.sites {
		at := &s.sites[i]
		given := s.givenUp(at.name)
		if at.state == rollout.IsNotEligible || at.state == rollout.IsAbsent {
			continue
		}
		if !isServed(s, at) && (given || at.counts()) {
			spent++
			if given {
				hand++
			}
		}
		switch {
		case given || !at.waitsForPredecessor():
		case !fact.IsReady(at.predecessor):
			failing = append(failing, at)
		case at.held:
			well = append(well, at)
		}
	}
	next := failing[:min(len(failing), max(0, budget-hand))]
	room := min(budget-spent, budget-hand-len(next))
	return append(next[:len(next):len(next)], well[:min(len(well), max(0, room))]...)
}

// isServed reports whether a node has a settled pod of the target or of a predecessor that keeps it, or an available one of the
// target's template before.
func isServed(s *survey, at *site) bool {
	switch {
	case at.settled:
		return true
	case at.predecessor != nil:
		return at.held && !s.givenUp(at.name)
	}
	return at.old != nil && s.isAvailable(at.old) && at.down.IsZero()
}

// waitsForPredecessor reports whether the target's pod for a node that is well is there, and only a predecessor's keeps it away.
func (at *site) waitsForPredecessor() bool {
	return at.waiting != nil && at.predecessor != nil && at.down.IsZero()
}

// handoverBudget is how many nodes may be without a settled pod at once: the target's maxUnavailable, of which the controller
// takes a percentage of the nodes that it is meant for, rounded up; at least one. With maxSurge it is one too: what only one of
// two pods can have cannot be handed over beside each other.
func handoverBudget(s *survey) int {
	r := s.live.Spec.UpdateStrategy.RollingUpdate
	if r == nil || r.MaxUnavailable == nil {
		return 1
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(r.MaxUnavailable, int(s.live.Status.DesiredNumberScheduled), true)
	if err != nil {
		return 1
	}
	return max(1, n)
}

// noteHandover says from whom nodes are still to be taken over.
func noteHandover(s *survey, add func(format string, args ...any)) {
	var names []string
	for i := range s.predecessors {
		d := s.predecessors[i].DaemonSet
		names = append(names, d.Namespace+"/"+d.Name)
	}
	if waiting := namesWhere(s, func(at *site) bool { return at.waitsForPredecessor() && !s.givenUp(at.name) }); len(waiting) > 0 {
		add("takes over from DaemonSet %s, %d at a time: %s still to come: %s", strings.Join(names, ", "), handoverBudget(s),
			words.Plural(len(waiting), "node"), words.FoldSome(waiting))
	}
}
