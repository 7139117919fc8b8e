// Package pace says in which order, and how fast, the nodes of DaemonSets get a commit: which old pods may go next, and
// how far the rollout is with its stages. It decides by looks, without I/O or clock.
package pace

import (
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
)

// Plan is what a rollout is paced by.
type Plan struct {
	// ID tells it from others with other stages, and Before is by what earlier versions told it. Nothing is decided by
	// them.
	ID, Before string
	Stages     []Stage
	// MaxUnavailable of every DaemonSet; nil is the DaemonSet's own. The smaller of the two counts.
	MaxUnavailable *intstr.IntOrString
}

// Stage is a part of the nodes: those that it chooses of the ones that no stage before it has taken. What none takes is
// a last stage, called "rest".
type Stage struct {
	Name string
	// Nodes chooses them; nil chooses all.
	Nodes labels.Selector
	// AtMost bounds how many they are; 0 does not.
	AtMost int
	// Each is a label for whose values there is a stage each, those in Order first.
	Each  string
	Order []string
	// First and Factor make batches of them if First is not 0: a stage each, Factor times as large as the one before.
	First, Factor int
	// Soak is how long the stage must have been settled, without the end of a container.
	Soak time.Duration
	// Approve has the stage wait for a person when it has soaked. The last stage of all does not.
	Approve bool
	// Overlap lets the next stage begin when the last old pod of this one has gone, while its last nodes settle. It
	// means nothing with Soak or Approve.
	Overlap bool
}

// Wait is what a stage waits for. Its values are those of the Sync's status.
type Wait string

// What a stage waits for.
const (
	ForNodes    Wait = "Nodes"    // nodes that have no settled pod of the commit
	ForSoak     Wait = "Soak"     // its soak
	ForApproval Wait = "Approval" // a person's word
	ForWindow   Wait = "Window"   // it may not begin outside a window
	ForHold     Wait = "Hold"     // a person holds the commit in all clusters
	ForResume   Wait = "Paused"   // a person has paused the rollout
	ForHealth   Wait = "Failing"  // more nodes fail than may
	ForBudget   Wait = "Budget"   // as many nodes as may be have no available pod
	ForRights   Wait = "Rights"   // whoever evicts may not
	ForAlerts   Wait = "Alerts"   // alerts fire, or nobody knows whether some do
	ForStrategy Wait = "Strategy" // all stages are done, and update strategies are to be given back
)

// Progress is what is remembered of a paced rollout from one look to the next. The zero value is its beginning, and it
// stays that as long as the commit is not known to be observed.
type Progress struct {
	// Name and Index, from 1, of the stage that was reached; Index is 0 while the nodes with a broken commit are fixed.
	Name  string
	Index int
	// Since is when it was reached, and Begun is set once a pod of it might have gone.
	Since time.Time
	Begun bool
	// Behind names the stage before it whose nodes settle still while pods of this one may go: one that overlaps with
	// it, or whose nodes are caught up with. There is one at most.
	Behind string
	// Approved is set if a person has let the rollout go on after it.
	Approved bool
	// Back is set when the last one is done, and the update strategies are given back that the commit asks for. That
	// is not gone back on.
	Back bool
	// Held is the cause that the stage is on its way to, if it is held up by something that may last for ever, and
	// HeldSince is since when it has been that without a break; zero while it waits for something else, and Held says
	// of alerts that have not ended since whether they fired before.
	Held      rollout.Code
	HeldSince time.Time
	// Soaking is when the stage began to soak for the first time; zero if it has not.
	Soaking time.Time
}

// Replanned is what is remembered when somebody changes the stages in the middle of a rollout. It begins with the
// first stage then, since nobody knows which of the new ones were passed: what the pods show is passed at once, and a
// person's word is asked for again. What is so of the commit and not of a stage stays: whether alerts may be its
// doing, since when it is held up, if it still is, and that update strategies are given back.
func (p Progress) Replanned() Progress {
	kept := Progress{Held: p.Held, HeldSince: p.HeldSince}
	if p.Back {
		kept.Back, kept.Index, kept.Since = true, p.Index, p.Since
	}
	return kept
}

// Workload is a DaemonSet that is paced, as it is now, and what the judge says of it.
type Workload struct {
	Target    rollout.Target
	Look      rollout.Look
	Judgement rollout.Judgement
	// Held is set if the commit itself asks for RollingUpdate: the DaemonSet has OnDelete only while it is paced. Kept
	// is why its strategy could not be written the last time, empty if it could.
	Held bool
	Kept string
	// Reached is on how many nodes the look before found it exposed to the commit. It does not fall by another plan.
	Reached int
	// Refused are pods whose eviction was refused.
	Refused map[types.UID]Refusal
	// Going are pods that were evicted already, and that the look may not show to be going yet.
	Going map[types.UID]bool
}

// Refusal is why a pod was not let go.
type Refusal struct {
	// Said is what the API server said, and Budget is set if it named a PodDisruptionBudget.
	Said   string
	Budget bool
	// Forbidden is set if whoever evicts lacks a right for it, and Remedy says how to grant it. What is so of one pod
	// is so of all in its namespace.
	Forbidden bool
	Remedy    string
	// Again is set when it is to be tried again.
	Again bool
}

// Input is all that is decided by.
type Input struct {
	Now       time.Time
	Plan      Plan
	Options   rollout.Options
	Progress  Progress
	Workloads []Workload
	// Rollback is set if the commit is gone back to: then each node with another template has a broken one.
	Rollback bool
	// MendsSince is when the commit before this one took off, if that got stuck or failed: then what pods were made of
	// since is broken, however far it came. If it is zero nothing is, unless the commit goes back to what most nodes
	// have.
	MendsSince time.Time
	// First is when this process looked at the rollout first, zero if nothing is given more time for it (see Lasting).
	First time.Time
	// Paused says why nothing may go, empty if it may: a person paused the rollout, or suspended the Sync.
	Paused string
	// Closed says why no stage may begin, empty if one may: no window is open. Opens is when the next one does, zero if
	// that is not known.
	Closed string
	Opens  time.Time
	// Held says why no stage may begin whatever window is open, empty if one may: a person holds the commit in all
	// clusters.
	Held string
	// Alerts says why nothing may go on but a fix, empty if it may: alerts fire, or it is not known whether some do.
	// Firing is set if it is known that they do.
	Alerts string
	Firing bool
}

// Deletion is an old pod that may go. It is void once the pod is another one (UID) or was written since
// (ResourceVersion).
type Deletion struct {
	Namespace, Name string
	UID             types.UID
	Node            string
	// Unready is set if it is not Ready, so that nothing is lost with it. If it has become so since, it is to be
	// decided anew: it may go beyond the budget now.
	Unready bool
}

// SetOutcome is how far a rollout is with one DaemonSet.
type SetOutcome struct {
	Namespace, Name string
	// Reached is how many of its nodes have been exposed to the commit, and Unsettled how many of those of the stage
	// have not settled.
	Reached, Unsettled int
}

// Strategy says that a DaemonSet is to have another update strategy than the look shows: OnDelete, or the one back that
// the commit asks for.
type Strategy struct {
	Namespace, Name string
	// Generation that the DaemonSet was looked at with.
	Generation int64
	OnDelete   bool
}

// Cause is why a stage does not end by itself, beside what the judge finds of its DaemonSets.
type Cause struct {
	Code rollout.Code
	// Namespace and Name are of the DaemonSet that it is about, empty if it is about all.
	Namespace, Name string
	// Nodes are those that show it, by name.
	Nodes           []string
	Message, Remedy string
	Since           time.Time
}

// Outcome is what is decided.
type Outcome struct {
	Progress
	// Of is how many stages there are.
	Of int
	// Waits says what the stage waits for, Message in one sentence, and Until until when, if that is known. Empty if
	// it is the last and done.
	Waits   Wait
	Message string
	Until   time.Time
	// Nodes are those of the stage that are waited for, Settled how many have settled, Reached the nodes of this stage
	// and of those before it, and Early the nodes of later stages that have the commit out of turn.
	Nodes, Settled, Reached, Early int
	// Sets are how far the single DaemonSets are, in the order of their names.
	Sets []SetOutcome
	// Unknown is set while it is not known what a pod would be replaced by: all but Progress and Message is empty.
	Unknown bool
	// Delete are pods that may go now, in their order. They are of nodes of the stage alone.
	Delete []Deletion
	// Strategies are to be written, whatever else is decided.
	Strategies []Strategy
	// Cause is why the stage does not end, if that has lasted for too long; it has no code if it has not.
	Cause Cause
	// Done is set when the last stage is done, and each DaemonSet has the update strategy that the commit asks for.
	Done bool
	// Wake is when the outcome can change by time alone; zero if it cannot.
	Wake time.Time
}
