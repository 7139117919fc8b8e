package rollout

import (
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
)

// Options are the figures of a rollout. The zero value of a field is its default in docs/design.md.
type Options struct {
	// Settle is how long a pod must have been Ready without interruption, at least. Default 10 s.
	Settle time.Duration
	// Probation is how long it must have been so if one of its containers ended before; it doubles with each
	// further end up to ten times itself. Default 1 min.
	Probation time.Duration
	// ProgressDeadline is how long no further node may settle, on top of what the pods themselves may take. Default
	// 15 min.
	ProgressDeadline time.Duration
	// FailureBudget is how many nodes may fail, as a number or as a percentage of the eligible ones, rounded down.
	// Default "1%". To say none, use ParseBudget("0"): the zero value is the default.
	FailureBudget intstr.IntOrString
	// AbsentBudget is how many of the eligible nodes may be absent from a Complete rollout, as a number or as a
	// percentage rounded down, but at least one. Default "20%".
	AbsentBudget intstr.IntOrString
	// MaxRemoved is how many of its nodes a commit may take a DaemonSet off. Default "50%".
	MaxRemoved intstr.IntOrString
	// WaitOnDelete holds an OnDelete rollout until a person has deleted every old pod, without a deadline. The default
	// is to pass it once its template was observed.
	WaitOnDelete bool
	// NoBrake turns the brake's advice off.
	NoBrake bool
	// After is how long a cause must last before it makes the verdict Stuck, where it differs from the default.
	After map[Code]time.Duration
}
