package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// NodeCounts are summed over the DaemonSets of a commit.
type NodeCounts struct {
	Desired int `json:"desired"`
	Updated int `json:"updated"`
	Settled int `json:"settled"`
}

// Cause is why a rollout does not go on.
type Cause struct {
	Code string `json:"code"`
	// Object whose rollout it is.
	// +optional
	Object string `json:"object,omitempty"`
	// NodeCount is how many nodes are concerned; up to 20 of them are named in Nodes.
	// +optional
	NodeCount int `json:"nodeCount,omitempty"`
	// +optional
	Nodes []string `json:"nodes,omitempty"`
	// +optional
	Message string `json:"message,omitempty"`
	// +optional
	Remedy string `json:"remedy,omitempty"`
	// +optional
	Since metav1.Time `json:"since,omitempty"`
}

// Workload is an object whose pods must take over.
type Workload struct {
	Group     string    `json:"group,omitempty"`
	Kind      string    `json:"kind"`
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	UID       types.UID `json:"uid"`
	// Generation that the write of this commit returned.
	Generation int64 `json:"generation"`
	// AppliedAt is when that write returned.
	AppliedAt metav1.MicroTime `json:"appliedAt"`
	// OnDelete is set if the commit's own update strategy is OnDelete.
	// +optional
	OnDelete bool `json:"onDelete,omitempty"`
	// Surges is set if the commit asks for maxSurge.
	// +optional
	Surges bool `json:"surges,omitempty"`
	// HadNodes is set if the workload ran on some node before this commit.
	// +optional
	HadNodes bool `json:"hadNodes,omitempty"`
	// WasFailing are the nodes, at most 100, that were sick before this commit was written, the longest sick first.
	// +optional
	WasFailing []FailingNode `json:"wasFailing,omitempty"`
	// Predecessors are the DaemonSets that the commit no longer asks for and that this one takes over from, node by
	// node.
	// +optional
	Predecessors []Predecessor `json:"predecessors,omitempty"`
	// Paced is set if its rollout is paced.
	// +optional
	Paced *WorkloadPace `json:"paced,omitempty"`
	// Headline is its rollout in one line: kubectl's own words wherever they are true.
	// +optional
	Headline string `json:"headline,omitempty"`
	// Nodes are the cluster's nodes by what they are to the rollout.
	// +optional
	Nodes []NodeClass `json:"nodes,omitempty"`
	// Notes are things worth knowing that are nobody's trouble.
	// +optional
	Notes []string `json:"notes,omitempty"`
	// Memory is what judging it must not forget.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +optional
	Memory runtime.RawExtension `json:"memory,omitempty"`
}

// Predecessor is a DaemonSet that another one takes over from.
type Predecessor struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	UID       types.UID `json:"uid"`
}

// FailingNode is a node that was sick before a commit was written, with the evidence of it.
type FailingNode struct {
	// Node is its name; its UID where the status names no nodes.
	Node string `json:"node"`
	// Cause that the pod of the template before showed; none if it was only not Ready for long.
	// +optional
	Cause string `json:"cause,omitempty"`
	// Evidence tells that cause from others of the same code.
	// +optional
	Evidence string `json:"evidence,omitempty"`
	// Since is when the trouble began.
	// +optional
	Since metav1.Time `json:"since,omitempty"`
}

// NodeClass is nodes that are the same to a rollout.
type NodeClass struct {
	// State is NotEligible, Absent, Lost, Late, FailingBefore, Missing, Old, Updated, Failing or Settled.
	State string `json:"state"`
	// Cause that failing nodes show.
	// +optional
	Cause string `json:"cause,omitempty"`
	// Why they are not eligible, or not ready.
	// +optional
	Why   string `json:"why,omitempty"`
	Count int    `json:"count"`
	// Names of at most 20 of them.
	// +optional
	Names []string `json:"names,omitempty"`
}
