package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Sync brings the cluster to the newest commit of a Git ref, one commit at a time.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=syncs,singular=sync,categories=gitops
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Commit",type=string,JSONPath=`.status.summary.commit`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.summary.state`
// +kubebuilder:printcolumn:name="Nodes",type=string,JSONPath=`.status.summary.nodes`
// +kubebuilder:printcolumn:name="Held",type=integer,JSONPath=`.status.held.count`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.summary.message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 63",message="the name of a Sync has at most 63 characters"
type Sync struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   SyncSpec   `json:"spec"`
	Status SyncStatus `json:"status,omitempty"`
}

// SyncList is a list of Syncs.
//
// +kubebuilder:object:root=true
type SyncList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Sync `json:"items"`
}

// SyncSpec says what to sync and how to let commits through.
type SyncSpec struct {
	Source Source `json:"source"`
	// +kubebuilder:default={}
	// +optional
	Gate Gate `json:"gate,omitempty"`
	// +kubebuilder:default={}
	// +optional
	Rollout Rollout `json:"rollout,omitempty"`
	// +kubebuilder:default={}
	// +optional
	Apply Apply `json:"apply,omitempty"`
	// +kubebuilder:default={}
	// +optional
	Report Report `json:"report,omitempty"`
	// Suspend stops polls, applies and prune. What runs is still judged and reported.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// Source is the Git repository, the ref to follow and the folder to render.
type Source struct {
	// URL of the repository: https, http, file or a local path.
	// +kubebuilder:validation:MinLength=1
	URL string `json:"url"`
	// Ref to follow; the branch main if none is named.
	// +optional
	Ref Ref `json:"ref,omitempty"`
	// Path of the folder to render, relative to the root of the repository; the root if empty.
	// +optional
	Path string `json:"path,omitempty"`
	// Interval between two polls of the repository; at least 1s.
	// +kubebuilder:default="1m"
	// +optional
	Interval metav1.Duration `json:"interval,omitempty"`
	// SecretRef names a Secret of the Sync's namespace with the keys username and password, or token.
	// +optional
	SecretRef *LocalObjectReference `json:"secretRef,omitempty"`
}

// Ref is what to follow in the repository. At most one of its fields is set.
//
// +kubebuilder:validation:MaxProperties=1
type Ref struct {
	// +optional
	Branch string `json:"branch,omitempty"`
	// +optional
	Tag string `json:"tag,omitempty"`
	// Commit is a full hash.
	// +kubebuilder:validation:Pattern=`^([0-9a-f]{40})?$`
	// +optional
	Commit string `json:"commit,omitempty"`
	// Name is a full ref name, such as refs/heads/main.
	// +kubebuilder:validation:Pattern=`^(refs/.+)?$`
	// +optional
	Name string `json:"name,omitempty"`
}

// LocalObjectReference names an object of the Sync's namespace.
type LocalObjectReference struct {
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
}

// Order says which of several waiting commits goes next.
//
// +kubebuilder:validation:Enum=Latest;Each
type Order string

const (
	// OrderLatest passes over commits that a newer one already carries.
	OrderLatest Order = "Latest"
	// OrderEach rolls out every commit in turn.
	OrderEach Order = "Each"
)

// OnStuck says what a stuck rollout does to the gate.
//
// +kubebuilder:validation:Enum=Release;Hold
type OnStuck string

const (
	// OnStuckRelease lets the next commit through at once.
	OnStuckRelease OnStuck = "Release"
	// OnStuckHold waits until a person releases the stuck commit.
	OnStuckHold OnStuck = "Hold"
)

// Gate is how commits are let through.
type Gate struct {
	// +kubebuilder:default=Latest
	// +optional
	Order Order `json:"order,omitempty"`
	// +kubebuilder:default=Release
	// +optional
	OnStuck OnStuck `json:"onStuck,omitempty"`
	// ProgressDeadline is how long a rollout may go without a further settled node.
	// +kubebuilder:default="15m"
	// +optional
	ProgressDeadline metav1.Duration `json:"progressDeadline,omitempty"`
	// FailureBudget is how many nodes may fail, as a number or a percentage of the eligible ones, rounded down.
	// +kubebuilder:default="1%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:Pattern=`^[0-9]+%?$`
	// +optional
	FailureBudget string `json:"failureBudget,omitempty"`
}

// OnDelete says when a DaemonSet with the update strategy OnDelete counts as rolled out.
//
// +kubebuilder:validation:Enum=Pass;Wait
type OnDelete string

const (
	// OnDeletePass is done when the new template is observed.
	OnDeletePass OnDelete = "Pass"
	// OnDeleteWait is done when a person has deleted every old pod.
	OnDeleteWait OnDelete = "Wait"
)

// Rollout is when a node counts as taken over.
type Rollout struct {
	// +kubebuilder:default=Pass
	// +optional
	OnDelete OnDelete `json:"onDelete,omitempty"`
	// Settle is how long a pod must have been Ready without interruption.
	// +kubebuilder:default="10s"
	// +optional
	Settle metav1.Duration `json:"settle,omitempty"`
	// Probation is how long a pod must have been Ready after one of its containers ended; doubled by each further end.
	// +kubebuilder:default="1m"
	// +optional
	Probation metav1.Duration `json:"probation,omitempty"`
	// Brake stops an agent that keeps ending from spreading to further nodes.
	// +kubebuilder:default=true
	// +optional
	Brake *bool `json:"brake,omitempty"`
	// MaxRemoved is how many of its nodes, as a number or a percentage, a commit may take a DaemonSet off.
	// +kubebuilder:default="50%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:Pattern=`^[0-9]+%?$`
	// +optional
	MaxRemoved string `json:"maxRemoved,omitempty"`
}

// Apply is how a commit's objects are written.
type Apply struct {
	// Force takes over fields that another field manager owns.
	// +optional
	Force bool `json:"force,omitempty"`
	// Prune deletes, once a commit has rolled out, what it no longer asks for.
	// +kubebuilder:default=true
	// +optional
	Prune *bool `json:"prune,omitempty"`
	// TargetNamespace replaces the namespace of every namespaced object.
	// +optional
	TargetNamespace string `json:"targetNamespace,omitempty"`
	// ServiceAccountName is the ServiceAccount of the Sync's namespace whose rights are used for every write.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
}

// Provider is where the states of commits are reported.
//
// +kubebuilder:validation:Enum=None;Notes
type Provider string

const (
	// ProviderNone reports in the status and the log alone.
	ProviderNone Provider = "None"
	// ProviderNotes writes refs/notes/daemongate of the repository.
	ProviderNotes Provider = "Notes"
)

// Report is where the states of commits are told to.
type Report struct {
	// +kubebuilder:default=None
	// +optional
	Provider Provider `json:"provider,omitempty"`
	// Unchanged reports commits, too, that leave the set as it was.
	// +optional
	Unchanged bool `json:"unchanged,omitempty"`
	// Context tells the states of several Syncs on one commit apart; daemongate/<namespace>/<name> if empty.
	// +optional
	Context string `json:"context,omitempty"`
}
