package rollout

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
)

// The kinds that a Look may be Missing, as kubectl names them.
const (
	KindRevisions = "controllerrevisions"
	KindPods      = "pods"
	KindNodes     = "nodes"
	KindEvents    = "events"
	KindLeases    = "leases"
)

// Look is what was seen of a DaemonSet at one instant. The objects are shared with caches: nothing here changes them.
// The kinds come by separate watches, so they may be of different ages.
type Look struct {
	// Now is the time of the look, by the API server's clock. What is dated later is not yet true.
	Now time.Time
	// DaemonSet is nil if it does not exist.
	DaemonSet *appsv1.DaemonSet
	// Revisions are the ControllerRevisions of its namespace that its selector matches; others do no harm.
	Revisions []*appsv1.ControllerRevision
	// Pods are those that its selector matches; the ones it does not own are not counted.
	Pods []*corev1.Pod
	// Nodes are all nodes of the cluster.
	Nodes []*corev1.Node
	// Events are those of the DaemonSet, its pods and its nodes; others do no harm.
	Events []*corev1.Event
	// Leases are the nodes' (namespace kube-node-lease), if they were read.
	Leases []*coordinationv1.Lease
	// LeasesProblem is why they could not be read when they were asked for (Judgement.ReadLeases): then nobody knows
	// whether each node is alive, and nothing is Complete.
	LeasesProblem string
	// Clocks are how the clocks of single nodes go, if they were read (Judgement.ReadClocks).
	Clocks []Clock
	// Others is what else stands on nodes that have no room, if it was read.
	Others Others
	// Quotas are the ResourceQuotas of the DaemonSet's namespace, if they were read.
	Quotas []*corev1.ResourceQuota
	// Predecessors are the target's predecessors that are there, with their pods.
	Predecessors []Holder
	// Missing are the kinds that are unknown, which makes the answer poorer: an empty list of a kind that is not
	// missing means that there are none.
	Missing []string
}

// Lacks reports whether a kind is unknown.
func (l Look) Lacks(kind string) bool {
	for _, m := range l.Missing {
		if m == kind {
			return true
		}
	}
	return false
}

// NodeNames are the names of the look's nodes.
func (l Look) NodeNames() []string {
	names := make([]string, 0, len(l.Nodes))
	for _, n := range l.Nodes {
		names = append(names, n.Name)
	}
	return names
}
