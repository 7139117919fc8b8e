package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Finalizer keeps a Sync that is deleted until what it has written is deleted too, or has been let go of.
const Finalizer = "daemongate.io/finalizer"

// DeletionPolicy says what becomes of the objects that a Sync has written when the Sync is deleted.
//
// +kubebuilder:validation:Enum=Prune;Orphan
type DeletionPolicy string

const (
	// DeletionPrune deletes them, in the reverse order of their apply.
	DeletionPrune DeletionPolicy = "Prune"
	// DeletionOrphan leaves them as they are, without the Sync's label.
	DeletionOrphan DeletionPolicy = "Orphan"
)

// DeletionStatus is how far a Sync that is being deleted is with what it has written.
type DeletionStatus struct {
	// RefusedSince is since when what it has written can neither be deleted nor let go of; absent while that goes on.
	// +optional
	RefusedSince *metav1.MicroTime `json:"refusedSince,omitempty"`
	// Waiting is how many objects were deleted and are still there, and Objects are at most 20 of them.
	// +optional
	Waiting int `json:"waiting,omitempty"`
	// +kubebuilder:validation:MaxItems=20
	// +optional
	Objects []DeletedObject `json:"objects,omitempty"`
}

// DeletedObject is one that was deleted and is still there.
type DeletedObject struct {
	Object string `json:"object"`
	// Finalizers of others that keep it.
	// +optional
	Finalizers []string `json:"finalizers,omitempty"`
	// Since is when it was deleted.
	Since metav1.Time `json:"since"`
}
