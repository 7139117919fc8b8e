package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// SyncStatus is what Daemongate has seen and done. A restart goes on from it alone.
type SyncStatus struct {
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Summary is what kubectl get shows.
	// +optional
	Summary Summary `json:"summary,omitempty"`

	// Detail is Counts while nothing in the status is about single nodes (spec.report.inCluster); empty otherwise.
	// +optional
	Detail Detail `json:"detail,omitempty"`

	// Schedule is what is remembered of spec.source.schedule.
	// +optional
	Schedule *ScheduleStatus `json:"schedule,omitempty"`

	// Renders is what is remembered of renders that ended a process; there once one did.
	// +optional
	Renders *RenderStatus `json:"renders,omitempty"`

	// NextWindow is when a commit may start again; empty while one may, and if no window opens within a year.
	// +optional
	NextWindow *metav1.Time `json:"nextWindow,omitempty"`

	// Left sums up the states in which the objects of the inventory were left, as the commit in flight asks: what is
	// seen in these after a restart nobody has written meanwhile.
	// +optional
	Left string `json:"left,omitempty"`

	// Cluster is where the objects are, of a Sync with spec.apply.kubeConfig that has reached that cluster.
	// +optional
	Cluster *ClusterStatus `json:"cluster,omitempty"`

	// Deletion is there while the Sync is being deleted.
	// +optional
	Deletion *DeletionStatus `json:"deletion,omitempty"`

	GateStatus `json:",inline"`
}

// IsDaemonSet reports whether a workload is judged by the nodes that it runs on.
func (w Workload) IsDaemonSet() bool { return w.Group == "apps" && w.Kind == "DaemonSet" }

// IsElsewhere reports whether a Sync's objects are in another cluster than the Sync, or are to be: those that it has
// written stay there when spec.apply.kubeConfig is gone.
func (s *Sync) IsElsewhere() bool { return s.Spec.Apply.KubeConfig != nil || s.Status.Cluster != nil }

// ClusterStatus tells clusters apart, by the UIDs of their namespaces kube-system.
type ClusterStatus struct {
	// UID of the cluster that the objects are in.
	UID types.UID `json:"uid"`
	// Home is the beginning of the UID of the cluster that the Sync is in; empty if that is not known. It is in the
	// label of the objects.
	// +optional
	Home string `json:"home,omitempty"`
}

// RenderStatus says how often a process ended while something of the Sync was rendered: the one that rendered, or the
// controller's own.
type RenderStatus struct {
	// Deaths are when, the newest last; six at most.
	// +kubebuilder:validation:MaxItems=6
	// +listType=atomic
	// +optional
	Deaths []metav1.MicroTime `json:"deaths,omitempty"`
	// Generation of the spec at the newest of them.
	// +optional
	Generation int64 `json:"generation,omitempty"`
}

// Summary is the Sync in one line.
type Summary struct {
	// Commit in flight, or the last one, shortened.
	// +optional
	Commit string `json:"commit,omitempty"`
	// +optional
	State CommitState `json:"state,omitempty"`
	// Nodes that have settled, of those that shall.
	// +optional
	Nodes string `json:"nodes,omitempty"`
	// +optional
	Message string `json:"message,omitempty"`
}

// InventoryEntry names one object that was written.
type InventoryEntry struct {
	Group     string    `json:"group,omitempty"`
	Version   string    `json:"version"`
	Kind      string    `json:"kind"`
	Namespace string    `json:"namespace,omitempty"`
	Name      string    `json:"name"`
	UID       types.UID `json:"uid,omitempty"`
}

// StoredInventory says where a list of objects is that is too large for a status.
type StoredInventory struct {
	// ConfigMap beside the Sync that holds it.
	ConfigMap string `json:"configMap"`
	// Digest is the SHA-256 of what it holds, in hex digits: nothing else is taken for the list.
	Digest string `json:"digest"`
	// Objects is how many it names.
	Objects int `json:"objects"`
}
