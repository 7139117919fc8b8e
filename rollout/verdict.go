package rollout

import (
	"slices"
)

// Verdict is what became of a rollout.
type Verdict string

// The verdicts. Stuck may heal; Complete is meant to be final (docs/design.md, law 6), which the caller keeps: Judge
// only says what it sees.
const (
	// Progressing means that waiting is still the best thing to do.
	Progressing Verdict = "Progressing"
	// Complete means that every eligible, present node that is not late runs a settled pod of the target's template.
	Complete Verdict = "Complete"
	// Stuck means that a cause has lasted longer than waiting could help.
	Stuck Verdict = "Stuck"
)

// Code names a cause (docs/design.md §6).
type Code string

// The causes.
const (
	InvalidImage    Code = "InvalidImage"
	ImagePull       Code = "ImagePull"
	CrashLoop       Code = "CrashLoop"
	ProbeFailing    Code = "ProbeFailing"
	HookFailing     Code = "HookFailing"
	ConfigError     Code = "ConfigError"
	VolumeMount     Code = "VolumeMount"
	Sandbox         Code = "Sandbox"
	Unschedulable   Code = "Unschedulable"
	Forbidden       Code = "Forbidden"
	Rejected        Code = "Rejected"
	Terminating     Code = "Terminating"
	NodeLost        Code = "NodeLost"
	BudgetSpent     Code = "BudgetSpent"
	ClockSkew       Code = "ClockSkew"
	NotObserved     Code = "NotObserved"
	NotScheduled    Code = "NotScheduled"
	Overwritten     Code = "Overwritten"
	Deleted         Code = "Deleted"
	ApplyFailed     Code = "ApplyFailed" // known to who applies, never a result of Judge
	NoEligibleNodes Code = "NoEligibleNodes"
	NoProgress      Code = "NoProgress"
	// These are of objects that are no DaemonSets (rollout/object).
	JobFailed                Code = "JobFailed"
	ProgressDeadlineExceeded Code = "ProgressDeadlineExceeded"
	NotEstablished           Code = "NotEstablished"
	NotReady                 Code = "NotReady"
	// These are of a paced rollout as a whole (rollout/pace).
	StrategyKept  Code = "StrategyKept"
	AlertsFiring  Code = "AlertsFiring"
	AlertsHold    Code = "AlertsHold"
	SoakRestarted Code = "SoakRestarted"
	NodesAbsent   Code = "NodesAbsent"
	// DisruptionBudget is a PodDisruptionBudget that allows no eviction, and EvictionForbidden are rights that are
	// missing for one.
	DisruptionBudget  Code = "DisruptionBudget"
	EvictionForbidden Code = "EvictionForbidden"
	// Starting is only ever the present reason, never a verdict: pods are being pulled, initialised or started.
	Starting Code = "Starting"
)

// Codes are all causes that Judge may name, the deepest first: how near each is to the root of the trouble. At the end
// are those of rollout/object alone, which names one at a time.
func Codes() []Code {
	return []Code{
		Deleted, Overwritten, NotObserved, NoEligibleNodes, NodeLost, InvalidImage, ImagePull, ConfigError, VolumeMount,
		Sandbox, Unschedulable, Forbidden, HookFailing, ProbeFailing, CrashLoop, Rejected, NotScheduled, Terminating,
		BudgetSpent, ClockSkew, NoProgress, Starting,
		JobFailed, ProgressDeadlineExceeded, NotEstablished, NotReady,
	}
}

// PaceCodes are the causes of a paced rollout as a whole. Judge names none of them.
func PaceCodes() []Code {
	return []Code{StrategyKept, AlertsFiring, AlertsHold, SoakRestarted, NodesAbsent, DisruptionBudget,
		EvictionForbidden}
}

// Depth is a cause's place among all: where two explain one pod, the deeper one leads.
func Depth(c Code) int { return slices.Index(Codes(), c) }
