// Package room computes what a node lacks for a pod, as the scheduler counts it, and whose going would make room. It is
// pure arithmetic on the pods that stand there.
package room

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// Crowd is what stands on the nodes.
type Crowd struct {
	others   rollout.Others
	known    map[string]bool          // nodes of which every pod is known
	pods     map[string][]*corev1.Pod // by node
	replicas map[types.UID]int        // pods of each controller that are not over
	promises map[string][]promise     // of the budgets; nil until somebody asks
}

// NewCrowd sorts a DaemonSet's own pods and all others by node.
func NewCrowd(own []*corev1.Pod, others rollout.Others) *Crowd {
	c := &Crowd{others: others, known: map[string]bool{}, pods: map[string][]*corev1.Pod{},
		replicas: map[types.UID]int{}}
	for _, name := range others.Nodes {
		c.known[name] = true
	}
	seen := map[types.UID]bool{}
	for _, list := range [][]*corev1.Pod{own, others.Pods} {
		for _, p := range list {
			if fact.IsOver(p) || (p.UID != "" && seen[p.UID]) {
				continue // the scheduler does not count a pod that has ended
			}
			seen[p.UID] = true
			if owner := fact.ControllerOf(p); owner != nil {
				c.replicas[owner.UID]++
			}
			if node := placeOf(p); c.known[node] {
				c.pods[node] = append(c.pods[node], p)
			}
		}
	}
	return c
}

// Knows reports whether all pods of a node are known.
func (c *Crowd) Knows(node string) bool { return c.known[node] }

// placeOf is the node that a pod takes room of: the one it is bound to, else the one that room is being made on for it.
func placeOf(p *corev1.Pod) string {
	if p.Spec.NodeName != "" {
		return p.Spec.NodeName
	}
	return p.Status.NominatedNodeName
}

// standingFor are the pods that the scheduler counts on a node when it looks for room for a pod: those bound to it,
// also while they end, and those nominated for it unless the pod has the higher priority (kubernetes
// pkg/scheduler/framework/ runtime, addGENominatedPods).
func (c *Crowd) standingFor(p *corev1.Pod, node string) []*corev1.Pod {
	var list []*corev1.Pod
	for _, o := range c.pods[node] {
		if o.Name == p.Name && o.Namespace == p.Namespace {
			continue
		}
		if o.Spec.NodeName == "" && PriorityOf(o) < PriorityOf(p) {
			continue
		}
		list = append(list, o)
	}
	return list
}

// PriorityOf is a pod's priority; 0 if nothing was said.
func PriorityOf(p *corev1.Pod) int32 {
	if p.Spec.Priority == nil {
		return 0
	}
	return *p.Spec.Priority
}
