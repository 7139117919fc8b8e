package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

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

	// Schedule is what is remembered of spec.source.schedule.
	// +optional
	Schedule *ScheduleStatus `json:"schedule,omitempty"`

	// NextWindow is when a commit may start again; empty while one may, and if no window opens within a year.
	// +optional
	NextWindow *metav1.Time `json:"nextWindow,omitempty"`

	GateStatus `json:",inline"`

	// Inventory names everything that was written and not pruned.
	// +optional
	Inventory []InventoryEntry `json:"inventory,omitempty"`
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

// GateStatus is the gate's memory.
type GateStatus struct {
	// Head is the newest commit of the tracked ref.
	// +optional
	Head string `json:"head,omitempty"`
	// Passed is the newest commit that the gate is done with: it was applied, or repeats what was.
	// +optional
	Passed string `json:"passed,omitempty"`
	// PassedGeneration is the generation of the spec that Passed was rendered for.
	// +optional
	PassedGeneration int64 `json:"passedGeneration,omitempty"`
	// LastComplete is the newest commit that rolled out completely.
	// +optional
	LastComplete string `json:"lastComplete,omitempty"`
	// InFlight is the last commit that was applied. It stays here, settled, until the next one.
	// +optional
	InFlight *Flight `json:"inFlight,omitempty"`
	// Drift is what others changed of the set in flight, and what was done about it.
	// +optional
	Drift *DriftStatus `json:"drift,omitempty"`
	// Ailing is what is no longer well although its commit is Complete, which it stays.
	// +optional
	Ailing *AilingStatus `json:"ailing,omitempty"`
	// Held are the commits that wait at the gate.
	// +optional
	Held HeldCommits `json:"held,omitempty"`
	// Failed are the commits after Passed that could not be rendered or were refused, newest last.
	// +optional
	Failed []FailedCommit `json:"failed,omitempty"`
	// Released is the last release that is spent.
	// +optional
	Released string `json:"released,omitempty"`
	// Overridden is the last override of the windows that is spent: its commit has started, or repeats what has.
	// +optional
	Overridden *Override `json:"overridden,omitempty"`
	// History is the last 20 commits that reached a state, newest first.
	// +optional
	History []Record `json:"history,omitempty"`
}

// ScheduleStatus says how far a schedule has come.
type ScheduleStatus struct {
	// Of is the schedule and its time zone.
	Of string `json:"of"`
	// Last is the newest of its times that has been polled for, or when it was first seen.
	Last metav1.MicroTime `json:"last"`
	// Next is the first of its times after Last.
	// +optional
	Next *metav1.Time `json:"next,omitempty"`
}

// Override is a person's word that one commit may start outside the windows, once.
type Override struct {
	// Commit is a full hash.
	Commit string `json:"commit"`
	Reason string `json:"reason"`
	// By is who asked, as the asking command says.
	// +optional
	By string `json:"by,omitempty"`
	// At is when it was asked for.
	At metav1.Time `json:"at"`
}

// HeldCommits wait at the gate.
type HeldCommits struct {
	// +optional
	Count int `json:"count,omitempty"`
	// +optional
	Newest string `json:"newest,omitempty"`
	// +optional
	Reason string `json:"reason,omitempty"`
	// Commits are those that wait, oldest first; of more than 1,000 the newest.
	// +optional
	Commits []string `json:"commits,omitempty"`
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
	// Message of its state.
	// +optional
	Message string `json:"message,omitempty"`
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
	// RollbackOf is the stuck commit in whose place this one, the last complete one, is applied again.
	// +optional
	RollbackOf *StuckCommit `json:"rollbackOf,omitempty"`
	// NoRollback is why this stuck commit is not rolled back. Without attempts, the rollback only waits.
	// +optional
	NoRollback *FailedCommit `json:"noRollback,omitempty"`
	// Pruned is set when what this commit no longer asks for is gone.
	// +optional
	Pruned bool `json:"pruned,omitempty"`
	// Nodes is how many nodes shall run this commit's pods, and how many have settled.
	// +optional
	Nodes NodeCounts `json:"nodes,omitempty"`
}

// StuckCommit is a commit that was stuck when it was rolled back. It stays so.
type StuckCommit struct {
	Commit string `json:"commit"`
	// Digest of its set: a commit that repeats it is not applied either.
	Digest string `json:"digest"`
	// Message is why it was stuck.
	// +optional
	Message string `json:"message,omitempty"`
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

// NodeCounts are summed over the DaemonSets of a commit.
type NodeCounts struct {
	Desired int `json:"desired"`
	Updated int `json:"updated"`
	Settled int `json:"settled"`
}

// Cause is why a rollout does not go on.
type Cause struct {
	Code string `json:"code"`
	// Object whose rollout it is.
	// +optional
	Object string `json:"object,omitempty"`
	// NodeCount is how many nodes are concerned; up to 20 of them are named in Nodes.
	// +optional
	NodeCount int `json:"nodeCount,omitempty"`
	// +optional
	Nodes []string `json:"nodes,omitempty"`
	// +optional
	Message string `json:"message,omitempty"`
	// +optional
	Remedy string `json:"remedy,omitempty"`
	// +optional
	Since metav1.Time `json:"since,omitempty"`
}

// Workload is an object whose pods must take over.
type Workload struct {
	Group     string    `json:"group,omitempty"`
	Kind      string    `json:"kind"`
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	UID       types.UID `json:"uid"`
	// Generation that the write of this commit returned.
	Generation int64 `json:"generation"`
	// AppliedAt is when that write returned.
	AppliedAt metav1.MicroTime `json:"appliedAt"`
	// OnDelete is set if the commit's own update strategy is OnDelete.
	// +optional
	OnDelete bool `json:"onDelete,omitempty"`
	// HadNodes is set if the workload ran on some node before this commit.
	// +optional
	HadNodes bool `json:"hadNodes,omitempty"`
	// FailingBefore are the nodes, at most 100, that were sick before this commit was written.
	// +optional
	FailingBefore []string `json:"failingBefore,omitempty"`
	// Headline is its rollout in one line: kubectl's own words wherever they are true.
	// +optional
	Headline string `json:"headline,omitempty"`
	// Nodes are the cluster's nodes by what they are to the rollout.
	// +optional
	Nodes []NodeClass `json:"nodes,omitempty"`
	// Notes are things worth knowing that are nobody's trouble.
	// +optional
	Notes []string `json:"notes,omitempty"`
	// Memory is what judging it must not forget.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +optional
	Memory runtime.RawExtension `json:"memory,omitempty"`
}

// NodeClass is nodes that are the same to a rollout.
type NodeClass struct {
	// State is NotEligible, Absent, Lost, Late, FailingBefore, Missing, Old, Updated, Failing or Settled.
	State string `json:"state"`
	// Cause that failing nodes show.
	// +optional
	Cause string `json:"cause,omitempty"`
	// Why they are not eligible, or not ready.
	// +optional
	Why   string `json:"why,omitempty"`
	Count int    `json:"count"`
	// Names of at most 20 of them.
	// +optional
	Names []string `json:"names,omitempty"`
}

// FailedCommit could not be rendered, or was refused; nothing of it was written.
type FailedCommit struct {
	Commit string `json:"commit"`
	// Generation of the spec it failed for.
	Generation int64 `json:"generation"`
	// +optional
	Message string `json:"message,omitempty"`
	// Unverified is set if its signature does not count: it is tried again when that does.
	// +optional
	Unverified bool `json:"unverified,omitempty"`
	// Attempts that failed.
	Attempts int `json:"attempts"`
	// RetryAt is when it is tried again; not by time alone if empty.
	// +optional
	RetryAt *metav1.MicroTime `json:"retryAt,omitempty"`
}

// Record is a line of the history.
type Record struct {
	Commit string `json:"commit"`
	// +optional
	Subject string           `json:"subject,omitempty"`
	State   CommitState      `json:"state"`
	Since   metav1.MicroTime `json:"since"`
	// First is when the commit reached its first state.
	First metav1.MicroTime `json:"first"`
	// By is the commit whose state this one takes over.
	// +optional
	By string `json:"by,omitempty"`
	// Outcome is By's state.
	// +optional
	Outcome CommitState `json:"outcome,omitempty"`
	// Override let the commit start outside the windows.
	// +optional
	Override *Override `json:"override,omitempty"`
	// +optional
	Message string `json:"message,omitempty"`
	// Told is what the Git host is told instead of the message, if that is not for everybody.
	// +optional
	Told string `json:"told,omitempty"`
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
