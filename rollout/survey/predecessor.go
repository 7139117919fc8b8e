package survey

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
)

// Predecessor is a predecessor as the look has it.
type Predecessor struct {
	rollout.Holder
	MinReady time.Duration
	given    map[string]bool // nodes that it has given up
}

// predecessors are those of the look that are the target's, by their UID: another DaemonSet of such a name is not.
func predecessors(l rollout.Look, t rollout.Target) []Predecessor {
	var list []Predecessor
	for _, h := range l.Predecessors {
		for _, p := range t.Predecessors {
			if d := h.DaemonSet; d != nil && d.Namespace == p.Namespace && d.Name == p.Name && d.UID == p.UID {
				list = append(list, Predecessor{h, time.Duration(d.Spec.MinReadySeconds) * time.Second, GivenUp(d)})
			}
		}
	}
	return list
}

// GivenUp are the nodes that a DaemonSet has given up: the names that each term of its required node affinity excludes.
func GivenUp(d *appsv1.DaemonSet) map[string]bool {
	terms := RequiredTerms(d)
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

// RequiredTerms are the terms of a DaemonSet's required node affinity, each of which is a choice.
func RequiredTerms(d *appsv1.DaemonSet) []corev1.NodeSelectorTerm {
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

// GivenUp reports whether some predecessor has given up a node.
func (s *Survey) GivenUp(node string) bool {
	for i := range s.Predecessors {
		if s.Predecessors[i].given[node] {
			return true
		}
	}
	return false
}

// HandsOver reports whether the target takes over from others.
func (s *Survey) HandsOver() bool { return len(s.Predecessors) > 0 }
