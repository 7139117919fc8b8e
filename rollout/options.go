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
	// Proof is how long the longest-running settled pods, on as many nodes as may be unavailable at once, must have run
	// without an end before a rollout is Complete. Default 1 min. NoProof asks for none.
	Proof   time.Duration
	NoProof bool
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
	// After is how long a cause must last before it makes the verdict Stuck, where it differs from the default. For a
	// cause that is counted (a second end, a second failed pull) it is a time on top of the count. Terminating counts
	// from the pod's deletionTimestamp.
	After map[Code]time.Duration
}

// SkewTolerance is how far two clocks may be apart before it is worth a word.
const SkewTolerance = 2 * time.Second

// probationCap bounds how often a probation is doubled: it is no longer than so many times Probation.
const probationCap = 10

// TimeFor is how long a cause must last before it is final.
func (o Options) TimeFor(c Code) time.Duration {
	if d, set := o.After[c]; set {
		return d
	}
	switch c {
	case InvalidImage, NodeLost, NoEligibleNodes:
		return 10 * time.Second
	case ImagePull, Forbidden, EvictionForbidden, Terminating, ClockSkew:
		return 30 * time.Second
	case ConfigError, Sandbox, NotObserved, NotScheduled:
		return time.Minute
	case Unschedulable:
		return 2 * time.Minute
	case VolumeMount:
		return 3 * time.Minute
	case BudgetSpent:
		return 5 * time.Minute
	}
	return 0
}

// HasTime reports whether a cause has a time of its own that After can set. NoProgress and ApplyFailed have the
// progress deadline, as have the causes of other kinds unless their own controller has given up, and Starting is never
// a verdict.
func (c Code) HasTime() bool {
	return Depth(c) >= 0 && Depth(c) < Depth(NoProgress)
}

// WithDefaults fills in what was left out.
func (o Options) WithDefaults() Options {
	defaultTo(&o.Settle, 10*time.Second)
	defaultTo(&o.Probation, time.Minute)
	defaultTo(&o.Proof, time.Minute)
	defaultTo(&o.ProgressDeadline, 15*time.Minute)
	defaultTo(&o.FailureBudget, intstr.FromString("1%"))
	defaultTo(&o.AbsentBudget, intstr.FromString("20%"))
	defaultTo(&o.MaxRemoved, intstr.FromString("50%"))
	return o
}

func defaultTo[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// SettlesAfter is how long a pod must be Ready before it has settled: the longest of minReadySeconds, the settling time
// and, if containers of it have ended, its probation.
func (o Options) SettlesAfter(minReady time.Duration, ends int) time.Duration {
	wait := max(minReady, o.Settle)
	if ends == 0 {
		return wait
	}
	probation := o.Probation
	for range ends - 1 {
		if probation *= 2; probation >= probationCap*o.Probation {
			probation = probationCap * o.Probation
			break
		}
	}
	return max(wait, probation)
}
