package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

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
	// Proof is how long the longest-running settled pods, on as many nodes as may be unavailable at once, must have run
	// without an end before the rollout is complete; 0s asks for none.
	// +kubebuilder:default="1m"
	// +optional
	Proof *metav1.Duration `json:"proof,omitempty"`
	// Brake stops an agent that keeps ending from spreading to further nodes.
	// +kubebuilder:default=true
	// +optional
	Brake *bool `json:"brake,omitempty"`
	// MaxRemoved is how many of its nodes, as a number or a percentage, a commit may take a DaemonSet off.
	// +kubebuilder:default="50%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:Pattern=`^[0-9]+%?$`
	// +optional
	MaxRemoved *intstr.IntOrString `json:"maxRemoved,omitempty"`
	// MaxAbsent is how many of the eligible nodes, as a number or a percentage rounded down but at least one, may be
	// absent from a rollout that is complete.
	// +kubebuilder:default="20%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:Pattern=`^[0-9]+%?$`
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
