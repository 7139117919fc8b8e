package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// OnDelete says when a DaemonSet with the update strategy OnDelete counts as rolled out.
//
// +kubebuilder:validation:Enum=Pass;Wait;Pace
type OnDelete string

const (
	// OnDeletePass is done when the new template is observed.
	OnDeletePass OnDelete = "Pass"
	// OnDeleteWait is done when a person has deleted every old pod.
	OnDeleteWait OnDelete = "Wait"
	// OnDeletePace is done when Daemongate has evicted the old pods as spec.rollout.pace says, and all have settled.
	OnDeletePace OnDelete = "Pace"
)

// Rollout is when a node counts as taken over.
//
// +kubebuilder:validation:XValidation:rule="has(self.pace) == (has(self.onDelete) && self.onDelete == 'Pace')",message="pace and onDelete: Pace go together"
// +kubebuilder:validation:XValidation:rule="!has(self.pace) || !has(self.pace.stages) || size(self.pace.stages) == 0 || !has(self.pace.stages[size(self.pace.stages) - 1].approve) || !self.pace.stages[size(self.pace.stages) - 1].approve || has(self.pace.stages[size(self.pace.stages) - 1].batches) || has(self.pace.stages[size(self.pace.stages) - 1].each) || has(self.pace.stages[size(self.pace.stages) - 1].nodes) || has(self.pace.stages[size(self.pace.stages) - 1].atMost)",message="an approval is waited for when its stage is done, and nothing comes after the last one: put approve on the stage before it"
type Rollout struct {
	// +kubebuilder:default=Pass
	// +optional
	OnDelete OnDelete `json:"onDelete,omitempty"`
	// Pace is how the nodes of DaemonSets with the update strategy OnDelete get a commit, with onDelete: Pace.
	// +optional
	Pace *Pace `json:"pace,omitempty"`
	// Settle is how long a pod must have been Ready without interruption.
	// +kubebuilder:default="10s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0|([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m)|[0-9]{1,5}([.][0-9]{1,9})?h)+)$') && duration(self) >= duration('0s') && duration(self) <= duration('24h')",message="must be a length of time such as 30s, 15m or 1h30m, 0s to 24h"
	// +optional
	Settle metav1.Duration `json:"settle,omitzero"`
	// Probation is how long a pod must have been Ready after one of its containers ended; doubled by each further end.
	// +kubebuilder:default="1m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0|([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m)|[0-9]{1,5}([.][0-9]{1,9})?h)+)$') && duration(self) >= duration('0s') && duration(self) <= duration('24h')",message="must be a length of time such as 30s, 15m or 1h30m, 0s to 24h"
	// +optional
	Probation metav1.Duration `json:"probation,omitzero"`
	// Proof is how long the longest-running settled pods, on as many nodes as may be unavailable at once, must have run
	// without an end before the rollout is complete; 0s asks for none.
	// +kubebuilder:default="1m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0|([0-9]{1,7}([.][0-9]{1,9})?(ms|s|m)|[0-9]{1,5}([.][0-9]{1,9})?h)+)$') && duration(self) >= duration('0s') && duration(self) <= duration('24h')",message="must be a length of time such as 30s, 15m or 1h30m, 0s to 24h"
	// +optional
	Proof *metav1.Duration `json:"proof,omitempty"`
	// Brake stops an agent that keeps ending from spreading to further nodes.
	// +kubebuilder:default=true
	// +optional
	Brake *bool `json:"brake,omitempty"`
	// MaxRemoved is how many of its nodes, as a number or a percentage, a commit may take a DaemonSet off.
	// +kubebuilder:default="50%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 && self <= 1000000 : type(self) == string && self.matches('^([0-9]{1,6}|([0-9]{1,2}|100)%)$')",message="must be a number of nodes such as 3, or a percentage such as 5%"
	// +optional
	MaxRemoved *intstr.IntOrString `json:"maxRemoved,omitempty"`
	// MaxAbsent is how many of the eligible nodes, as a number or a percentage rounded down but at least one, may be
	// absent from a rollout that is complete.
	// +kubebuilder:default="20%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 && self <= 1000000 : type(self) == string && self.matches('^([0-9]{1,6}|([0-9]{1,2}|100)%)$')",message="must be a number of nodes such as 3, or a percentage such as 5%"
	// +optional
	MaxAbsent *intstr.IntOrString `json:"maxAbsent,omitempty"`
	// After is how long a cause must last before the rollout is Stuck, by cause, where it differs from the default.
	// What is counted (CrashLoop, ProbeFailing, HookFailing, Rejected, and ImagePull with Events) must have lasted so
	// long as well.
	// +kubebuilder:validation:MaxProperties=20
	// +kubebuilder:validation:XValidation:rule="self.all(c, c in ['InvalidImage','ImagePull','CrashLoop','ProbeFailing','HookFailing','ConfigError','VolumeMount','Sandbox','Unschedulable','Forbidden','Rejected','Terminating','NodeLost','BudgetSpent','ClockSkew','NotObserved','NotScheduled','Overwritten','Deleted','NoEligibleNodes'])",message="names a cause that has no time of its own; docs/troubleshooting.md has the causes, and spec.gate.progressDeadline is the time of NoProgress and ApplyFailed"
	// +optional
	After map[string]Span `json:"after,omitempty"`
}
