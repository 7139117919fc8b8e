package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// CommitState is what became of a commit.
type CommitState string

// The states of a commit. Held, Applying and RollingOut are on the way; the others are settled.
const (
	Held       CommitState = "Held"
	Applying   CommitState = "Applying"
	RollingOut CommitState = "RollingOut"
	Complete   CommitState = "Complete"
	Stuck      CommitState = "Stuck"
	Failed     CommitState = "Failed"
	Unchanged  CommitState = "Unchanged"
	Carried    CommitState = "Carried"
	Dropped    CommitState = "Dropped"
)

// Settled reports whether the state lets the next commit through.
func (s CommitState) Settled() bool {
	switch s {
	case Held, Applying, RollingOut, "":
		return false
	}
	return true
}

// Flight is a commit whose set was, or is being, written.
type Flight struct {
	Commit string `json:"commit"`
	// Generation of the spec it was rendered for.
	Generation int64 `json:"generation"`
	// Digest of its set.
	Digest string `json:"digest"`
	// State is Applying, RollingOut, Stuck or Complete.
	State CommitState `json:"state"`
	// Since is when its first write was decided on.
	Since metav1.MicroTime `json:"since"`
	// Followers take over this commit's state: those it carries, and those that repeat its set.
	// +optional
	Followers []Follower `json:"followers,omitempty"`
	// Completed is when it was complete.
	// +optional
	Completed *metav1.MicroTime `json:"completed,omitempty"`
	// Before is the last commit before it that was complete.
	// +optional
	Before string `json:"before,omitempty"`
	// Relapse says that its agents keep ending although it is Complete, which it stays.
	// +optional
	Relapse *Relapse `json:"relapse,omitempty"`
	// Message of its state.
	Message `json:",inline"`
	// Causes of its present trouble, the deepest first.
	// +optional
	Causes []Cause `json:"causes,omitempty"`
	// Attempts to write it that failed.
	// +optional
	Attempts int `json:"attempts,omitempty"`
	// RetryAt is when the next attempt may start.
	// +optional
	RetryAt *metav1.MicroTime `json:"retryAt,omitempty"`
	// Workloads are judged until they have taken over.
	// +optional
	Workloads []Workload `json:"workloads,omitempty"`
	// Released by a person, although stuck.
	// +optional
	Released bool `json:"released,omitempty"`
	// RollbackOf is the commit, stuck or relapsed, in whose place this one, the last complete one, is applied again.
	// +optional
	RollbackOf *StuckCommit `json:"rollbackOf,omitempty"`
	// NoRollback is why this commit, stuck or relapsed, is not rolled back. Without attempts, the rollback only waits.
	// +optional
	NoRollback *FailedCommit `json:"noRollback,omitempty"`
	// Pruned is set when what this commit no longer asks for is gone.
	// +optional
	Pruned bool `json:"pruned,omitempty"`
	// Correcting is set while a complete commit's workloads are not as they completed: somebody deleted or changed
	// them, and their pods are made anew. The commit's state stays Complete.
	// +optional
	Correcting *Correcting `json:"correcting,omitempty"`
	// Nodes is how many nodes shall run this commit's pods, and how many have settled.
	// +optional
	Nodes NodeCounts `json:"nodes,omitempty"`
	// MendsSince is set if it took over from a commit that was stuck: when that, or the first of several, took off.
	// +optional
	MendsSince *metav1.MicroTime `json:"mendsSince,omitempty"`
	// Stage is the one that a paced rollout is in.
	// +optional
	Stage *FlightStage `json:"stage,omitempty"`
}

// Correcting says how far the workloads of a complete commit are with becoming again what they were.
type Correcting struct {
	// Since is when the first of them was found to be missing or changed.
	Since metav1.MicroTime `json:"since"`
	// Missing are those, up to 20 of them, that do not exist at present.
	// +optional
	Missing []string `json:"missing,omitempty"`
	// Kept says why nothing is corrected now; empty if it is.
	// +optional
	Kept string `json:"kept,omitempty"`
	// +optional
	Message string `json:"message,omitempty"`
}

// Relapse is what became of the agents of a complete commit.
type Relapse struct {
	// Since is when it was noticed.
	Since metav1.MicroTime `json:"since"`
	// Message names the cause and how many nodes show it.
	Message `json:",inline"`
	// Released by a person, although relapsed.
	// +optional
	Released bool `json:"released,omitempty"`
}

// StuckCommit is a commit that was stuck, or had relapsed, when it was rolled back. It stays so.
type StuckCommit struct {
	Commit string `json:"commit"`
	// Relapsed is set if it was complete before.
	// +optional
	Relapsed bool `json:"relapsed,omitempty"`
	// Digest of its set: a commit that repeats it is not applied either.
	Digest string `json:"digest"`
	// Message is why it was stuck.
	Message `json:",inline"`
	// Followers take over its state, not that of the flight.
	// +optional
	Followers []Follower `json:"followers,omitempty"`
	// Retry is set when a person lets it be tried again.
	// +optional
	Retry bool `json:"retry,omitempty"`
}

// Follower is a commit that takes over the state of another.
type Follower struct {
	Commit string `json:"commit"`
	// State is Carried or Unchanged.
	State CommitState `json:"state"`
}

// Unwritten reports whether the flight's set has not been written whole.
func (f *Flight) Unwritten() bool { return f.State == Applying || f.Attempts > 0 }

// IsComplete reports whether the flight has rolled out. What it wrote is then looked after. A nil flight has not.
func (f *Flight) IsComplete() bool { return f != nil && f.State == Complete }

// Landed reports whether the flight is complete and pruned: nothing of it is judged any more.
func (f *Flight) Landed() bool { return f.IsComplete() && f.Pruned }
