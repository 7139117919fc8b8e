package observe

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
)

// namesOf are the DaemonSets that are watched for a target: its own first, then its predecessors.
func namesOf(t rollout.Target) []types.NamespacedName {
	names := []types.NamespacedName{nameOf(t)}
	for _, p := range t.Predecessors {
		names = append(names, types.NamespacedName{Namespace: p.Namespace, Name: p.Name})
	}
	return names
}

func (o *Observer) watchOf(name types.NamespacedName) *daemonSetWatch {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.daemonSets[name]
}

// lookAtPredecessor adds a predecessor to a look, if it is there, and says whether everything about it is known.
func (o *Observer) lookAtPredecessor(name types.NamespacedName, l *rollout.Look) bool {
	w := o.watchOf(name)
	if w == nil {
		return false
	}
	var at rollout.Look
	ready := w.look(&at)
	if at.DaemonSet != nil {
		l.Predecessors = append(l.Predecessors, rollout.Holder{DaemonSet: at.DaemonSet, Pods: at.Pods})
	}
	return ready
}
