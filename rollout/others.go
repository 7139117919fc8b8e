package rollout

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Further kinds that Others may be Missing, as kubectl names them.
const (
	KindBudgets = "poddisruptionbudgets"
	KindOwners  = "replicasets,statefulsets"
	KindQuotas  = "resourcequotas"
)

// Others is what else stands on nodes that have no room for a pod of the DaemonSet, and whose it is. Only `explain`
// reads it, with the rights of whoever calls it: it names pods of other namespaces (docs/design.md, law 11).
type Others struct {
	// Nodes are those of which every pod is known.
	Nodes []string
	// Pods of these nodes, and those nominated for them. The DaemonSet's own may be among them. Pods of other nodes may
	// be there too, but not all of them.
	Pods []*corev1.Pod
	// Whole says that Pods are those of the whole cluster, so that replicas can be counted.
	Whole bool
	// Budgets are the PodDisruptionBudgets of these pods' namespaces.
	Budgets []*policyv1.PodDisruptionBudget
	// Owners are the controllers of these pods by UID, as far as they were read.
	Owners map[types.UID]Owner
	// Missing are the kinds that are not known, and why, such as "pods: not all namespaces are in the dump".
	Missing []Unknown
}

// Unknown is a kind that could not be read.
type Unknown struct{ Kind, Why string }

// Owner is what makes a pod again.
type Owner struct {
	Kind, Name string
	// Replicas that it shall have; 0 where unknown.
	Replicas int
}

// Relief is what would make room on a node that has none. Nothing of it is ever done by Daemongate.
type Relief struct {
	Node string `json:"node"`
	// Evict are the pods without which the DaemonSet's pod would fit, those first whose going does the least harm.
	Evict []Evictable `json:"evict,omitempty"`
	// Going are the pods, as namespace/name, that are being deleted already.
	Going []string `json:"going,omitempty"`
	// Notes say why nothing helps, and what is not known.
	Notes []string `json:"notes,omitempty"`
	// BudgetsUnknown says that what disruption budgets allow could not be read. The notes have it in words.
	BudgetsUnknown bool `json:"-"`
}

// Evictable is a pod whose eviction would make room.
type Evictable struct {
	// Pod is its namespace/name.
	Pod string `json:"pod"`
	// Frees is what the node is short of and the pod holds, such as "cpu 500m, memory 1Gi".
	Frees string `json:"frees"`
	// Owner is what controls it, such as "Deployment shop"; "" if nothing does, and then it does not come back.
	Owner string `json:"owner,omitempty"`
	// Replicas are how many pods its owner has; 0 where unknown.
	Replicas int   `json:"replicas,omitempty"`
	Priority int32 `json:"priority,omitempty"`
	// Budget is its PodDisruptionBudget, and Allows how many of the budget's pods may be evicted now.
	Budget string `json:"budget,omitempty"`
	Allows *int32 `json:"allows,omitempty"`
	// Refused says why an eviction would be refused now; "" if it would not.
	Refused string `json:"refused,omitempty"`
	// Afterwards says what makes it again, if anything does.
	Afterwards string `json:"afterwards"`
}

// Known reports whether anything is known of what else stands on some node.
func (o *Others) Known() bool { return len(o.Nodes) > 0 || len(o.Missing) > 0 }

// Lacks says why a kind is not known; false if it is.
func (o *Others) Lacks(kind string) (why string, missing bool) {
	for _, m := range o.Missing {
		if m.Kind == kind {
			return m.Why, true
		}
	}
	return "", false
}

// WithoutRoom are the nodes that have no room for their pod, the first 20 by name: what else stands on them is worth
// reading.
func (j Judgement) WithoutRoom() []string {
	var names []string
	for i := range j.Causes {
		if j.Causes[i].Code == Unschedulable {
			names = append(names, j.Causes[i].Nodes...)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return names[:min(len(names), MaxShortfalls)]
}

// OverQuota reports whether a ResourceQuota keeps pods from being made: the namespace's quotas are worth reading.
func (j Judgement) OverQuota() bool {
	return slices.ContainsFunc(j.Causes, func(c Cause) bool {
		return c.Code == Forbidden &&
			strings.Contains(c.Message, "quota")
	})
}

// MaxShortfalls bounds what is said of single nodes.
const MaxShortfalls = 20

// OwnerOfReplicaSet is the Deployment that a ReplicaSet is of, or the ReplicaSet itself.
func OwnerOfReplicaSet(r *appsv1.ReplicaSet, deployments map[types.UID]Owner) Owner {
	owner := Owner{Kind: "ReplicaSet", Name: r.Name, Replicas: Replicas(r.Spec.Replicas)}
	for _, reference := range r.OwnerReferences {
		if reference.Kind != "Deployment" || reference.Controller == nil || !*reference.Controller {
			continue
		}
		if deployment, known := deployments[reference.UID]; known {
			return deployment
		}
		owner.Kind, owner.Name = reference.Kind, reference.Name
	}
	return owner
}

// Replicas is how many an object asks for: one if it does not say.
func Replicas(n *int32) int {
	if n == nil {
		return 1
	}
	return int(*n)
}
