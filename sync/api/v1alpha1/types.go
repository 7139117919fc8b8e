package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Sync brings the cluster to the newest commit of a Git ref, one commit at a time.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=syncs,singular=sync,categories=gitops
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Commit",type=string,JSONPath=`.status.summary.commit`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.summary.state`
// +kubebuilder:printcolumn:name="Nodes",type=string,JSONPath=`.status.summary.nodes`
// +kubebuilder:printcolumn:name="Held",type=integer,JSONPath=`.status.held.count`
// +kubebuilder:printcolumn:name="Suspended",type=string,JSONPath=`.status.conditions[?(@.type=="Suspended")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Since",type=date,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].lastTransitionTime`
// +kubebuilder:printcolumn:name="Account",type=string,priority=1,JSONPath=`.spec.apply.serviceAccountName`
// +kubebuilder:printcolumn:name="Ref",type=string,priority=1,JSONPath=`.status.passedRef`
// +kubebuilder:printcolumn:name="Path",type=string,priority=1,JSONPath=`.spec.source.path`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.summary.message`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 63",message="metadata.name must have at most 63 characters"
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
//
// +kubebuilder:validation:XValidation:rule="!has(self.gate) || !has(self.gate.after) || !self.gate.after.exists(a, has(a.channel) && a.channel == 'Statuses') || has(self.report) && has(self.report.provider) && self.report.provider in ['GitHub', 'GitLab', 'Gitea', 'BitbucketCloud']",message="has channel Statuses, which needs a report.provider whose statuses can be read: GitHub, GitLab, Gitea or BitbucketCloud",fieldPath=".gate.after"
// +kubebuilder:validation:XValidation:rule="!has(self.gate) || !has(self.gate.after) || !self.gate.after.exists(a, has(a.creators)) || !has(self.report) || !has(self.report.provider) || self.report.provider != 'BitbucketCloud'",message="has creators, and Bitbucket does not tell who wrote a status: leave them out",fieldPath=".gate.after"
type SyncSpec struct {
	Source Source `json:"source"`
	// Windows are the times in which a commit may start; always, if there are none.
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Windows []Window `json:"windows,omitempty"`
	// +kubebuilder:default={}
	// +optional
	Render Render `json:"render,omitempty"`
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
	// Webhook lets the Git host wake the poll.
	// +optional
	Webhook *Webhook `json:"webhook,omitempty"`
	// DeletionPolicy says what becomes of what the Sync has written when it is deleted.
	// +kubebuilder:default=Orphan
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
	// Suspend stops polls, applies, prune and correction. What runs is still judged, braked and reported.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// LocalObjectReference names an object of the Sync's namespace.
type LocalObjectReference struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="must be the name of an object: lower case letters, digits, dashes and dots"
	Name string `json:"name"`
}

// Span is a length of time, written as Go does: 90s, 15m, 1h30m.
//
// +kubebuilder:validation:MaxLength=32
// +kubebuilder:validation:XValidation:rule="self.matches('^(0|([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m)|[0-9]{1,5}([.][0-9]{1,9})?h)+)$') && duration(self) >= duration('0s') && duration(self) <= duration('168h')",message="must be a length of time such as 30s, 15m or 1h30m, 0s to 168h"
type Span string
