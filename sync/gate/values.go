package gate

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// MaxFollowers bounds how many commits are followed one by one; of more, the newest are.
const MaxFollowers = 1000

// Observation is everything the gate may look at in one turn.
type Observation struct {
	Now time.Time
	// Generation of the Sync's spec.
	Generation int64
	// Suspended is set while the Sync's own spec suspends it, and StoppedForAll while the stop switch suspends all.
	Suspended, StoppedForAll bool
	// Again asks to try a failed head again at once.
	Again bool
	// Released is a person's word that a settled commit may be passed: its hash, and what tells one release from
	// another after a space. Empty if there is none.
	Released string
	// Promoted is a person's word that a paced rollout may go on after a stage: the commit, the stage's index, and what
	// tells one promotion from another, separated by spaces. Empty if there is none.
	Promoted string
	// Alerts say why a paced rollout does not go on: some fire, or it is not known whether some do. Empty if it may.
	Alerts string
	// Firing is set if it is known that some fire.
	Firing bool
	// Window says whether a commit may start now.
	Window Opening
	// Upstream is how far those have come who go before this Sync; nil if nobody does.
	Upstream *Upstream
	// Override is a person's word that one commit may start outside the windows; nil if there is none.
	Override *api.Override
	// Polled is set once the repository has been asked, whether it answered or not.
	Polled bool
	// PollProblem is why the newest poll failed. It is said, and decides nothing.
	PollProblem error
	// History is nil until the repository has been seen.
	History *History
	// Prepared, Written, Rollout and Pruned are the newest results of earlier decisions, nil if there are none.
	Prepared *Prepared
	Written  *Written
	Rollout  *Rollout
	Pruned   *Pruned
	// Health is how the workloads of a completed flight are; nil if that is not known.
	Health *Health
	// Relapse is whether what a completed flight wrote keeps ending; nil if that is not known, or not looked at any
	// more.
	Relapse *Relapse
	// Recorded is what writes, deletions and comparisons since the last turn found out about single objects.
	Recorded []Recorded
	// Touched is set while objects of the flight's set may no longer be as asked, and Missed while some are gone that
	// the newest comparison knows nothing of.
	Touched, Missed bool
	// Compared and Corrected are the newest results about drift, nil if there are none.
	Compared  *Compared
	Corrected *Corrected
}

// Opening is what the windows say of a moment. The zero value is open for ever.
type Opening struct {
	// Closed says why no commit may start; empty if one may. Opens is when one may again, zero if that is not known.
	Closed api.Public
	Opens  time.Time
	// Changes is when the windows are to be looked at again; zero if they never change.
	Changes time.Time
}

// Commit is a commit of the tracked ref. Subject and Author, which is a name, are empty where they are not known.
type Commit struct{ Hash, Subject, Author string }

// History is what the repository said last.
type History struct {
	Head string
	// After is the commit that was Passed when the history was read.
	After string
	// Commits are the first-parent commits after After up to Head, oldest first; after a rewritten history
	// those after the merge base, and at least the head itself.
	Commits []Commit
	// Rewritten says that After is no first-parent ancestor of Head, as after a force-push. Base is then the commit in
	// After's history from which Commits go on, and Unrelated says why there is none, as in "shares no history with
	// 1234567"; both are empty where a person accepted the first of Commits as a beginning.
	Rewritten bool
	Base      string
	Unrelated api.Public
	// Ref is the full name of the ref at Head, of a range of versions the tag's; empty if that is not known.
	Ref string
	// Backward says why Head is no step forward from After, as in "does not go on from 1234567"; empty if it is one, or
	// the spec asks for it.
	Backward api.Public
	// Unverified says of commits whose signature does not count why not, by hash; of Base, too.
	Unverified map[string]api.Public
	// Holds say of commits, by hash, that a person holds them in all clusters, and of all of them, by the empty one.
	Holds map[string]api.Public
	// Signers tells the keys apart that the commits were verified with.
	Signers string
}

// after returns the commits after passed, and whether they are known.
func (h *History) after(passed string) ([]Commit, bool) {
	for i, c := range h.Commits {
		if c.Hash == passed {
			return h.Commits[i+1:], true
		}
	}
	return h.Commits, h.After == passed
}

// commit is what is known of one; empty if nothing is.
func (h *History) commit(hash string) Commit {
	if h == nil {
		return Commit{}
	}
	for _, c := range h.Commits {
		if c.Hash == hash {
			return c
		}
	}
	return Commit{}
}

// Outcome is how preparing a commit ended.
type Outcome string

const (
	// Ready means that the set was rendered and that the cluster would accept it.
	Ready Outcome = "Ready"
	// Invalid means that the commit itself is at fault: it could not be verified or rendered.
	Invalid Outcome = "Invalid"
	// Refused means that the cluster would not accept the set.
	Refused Outcome = "Refused"
	// Slow means that the set was not rendered within its limit, which it may be at another time.
	Slow Outcome = "Slow"
	// Unavailable means that Git or the API server could not be asked; the commit goes on waiting.
	Unavailable Outcome = "Unavailable"
	// Early means that the set must not be written before RetryAt.
	Early Outcome = "Early"
)

// Prepared is the result of Decision.Prepare.
type Prepared struct {
	Commit     string
	Generation int64
	Outcome    Outcome
	// Digest of the set, and the objects that it asks for, if Ready.
	Digest  string
	Objects []api.InventoryEntry
	// Problem, if not Ready.
	Problem api.Message
	// RetryAt is when an Unavailable or Early commit may be prepared again.
	RetryAt time.Time
	// Misfit says on how many nodes the pods of a Ready set would not fit, and by how much; empty if they fit, as far
	// as is known. Serious is set if they are more nodes than may fail.
	Misfit  api.Message
	Serious bool
}

// Written is the result of Decision.Apply.
type Written struct {
	Commit string
	Digest string
	At     time.Time
	// Workloads that were written, also if others were not.
	Workloads []api.Workload
	// Problem in words if the set was not written whole.
	Problem string
}

// Rollout is how the workloads of the flight are doing.
type Rollout struct {
	Commit string
	Digest string
	// State is RollingOut, Stuck or Complete.
	State   api.CommitState
	Message api.Message
	Causes  []api.Cause
	Nodes   api.NodeCounts
	// Workloads as they were judged, with their new memory.
	Workloads []api.Workload
	// Partial is set while some of them cannot be seen, or have not been yet; they are as they were judged last. Unseen
	// is why, if that is known.
	Partial bool
	Unseen  error
	// Brakes are to be pulled or lifted.
	Brakes []BrakeOrder
	// Handovers are what predecessors of the workloads are to give up next.
	Handovers []HandoverOrder
	// Stage is the one that a paced rollout is in; nil if it is not paced, or as it was if it cannot be seen.
	Stage *api.FlightStage
	// Evictions are what the stage lets go next.
	Evictions []EvictionOrder
	// OldPods is set while pods of an older revision are left.
	OldPods bool
	// Wake is when the verdict can change by time alone; zero if it cannot.
	Wake time.Time
}

// BrakeOrder says whether one DaemonSet is to have OnDelete instead of the update strategy that Git asks for.
type BrakeOrder struct {
	Namespace, Name string
	// Generation of the DaemonSet that was looked at.
	Generation int64
	// Pull stops the rollout, for these nodes; otherwise the brake is lifted.
	Pull  bool
	Nodes []string
	// Paced is set if the update strategy is taken for the sake of a paced rollout, or given back, and Stage is the one
	// that this is in. Told is set if people are to be told of it.
	Paced bool
	Stage string
	Told  bool
}

// HandoverOrder has a DaemonSet that the commit no longer asks for give up nodes to one that it does ask for.
type HandoverOrder struct {
	// ToNamespace and ToName are the DaemonSet that takes over.
	ToNamespace, ToName string
	// Predecessor gives them up, and Generation is the one that it was looked at with.
	api.Predecessor
	Generation int64
	// Nodes that it gives up besides those that it has given up already, sorted.
	Nodes []string
}

// EvictionOrder has an old pod go. It is void once there is another pod of that name.
type EvictionOrder struct {
	Namespace, Name, UID string
	// Node that it runs on.
	Node string
	// Unready is set if it goes because it is not Ready: it is void once the pod is.
	Unready bool
}

// Health is how the workloads of a completed flight are.
type Health struct {
	// Ailing are those that are no longer well, Missing those that do not exist, and Unseen those of which nothing is
	// known.
	Ailing  []api.AilingObject
	Missing []string
	Unseen  map[string]bool
}

// Relapse says whether the containers of a completed flight keep ending, on more nodes than may fail.
type Relapse struct {
	Commit string
	Digest string
	// Message names the cause and how many nodes show it; empty if too few do.
	Message api.Message
	Causes  []api.Cause
	// Well is set if no more nodes than may fail lack a settled pod.
	Well bool
}

// Pruned is the result of Decision.Prune.
type Pruned struct {
	Commit string
	Digest string
	// Done is set if everything is gone that may go.
	Done bool
	// NeedsRelease is set if so much would go that a person must allow it first.
	NeedsRelease bool
	RetryAt      time.Time
}

// Compared is the result of Decision.Compare.
type Compared struct {
	Digest string
	At     time.Time
	// Objects that are not as asked, and the fields of each that differ.
	Objects []api.DriftedObject
	Fields  map[string][]PausedField
	// Problem in words if not all could be compared, and when to try again.
	Problem string
	RetryAt time.Time
}

// Corrected is the result of Decision.Correct.
type Corrected struct {
	Digest string
	At     time.Time
	// Objects that were applied again, all that had been found if there are none, and why that failed for some of them.
	Objects  []string
	Problems map[string]string
	// Problem in words if not all could be corrected.
	Problem string
}

// tried reports whether a correction applied an object again, or tried to.
func (c *Corrected) tried(object string) bool {
	return len(c.Objects) == 0 || slices.Contains(c.Objects, object)
}

// problemOf says why an object could not be corrected; empty if it was.
func (c *Corrected) problemOf(object string) string {
	if c.Problems == nil {
		return c.Problem
	}
	return c.Problems[object]
}

// Decision is everything there is to do after one turn. There is room for one commit to apply.
type Decision struct {
	// Prepare is the commit to render and to check against the cluster.
	Prepare string
	// Apply is the commit whose prepared set is to be written.
	Apply string
	// Prune asks to delete what the inventory names and the set in flight does not.
	Prune bool
	// Compare asks to compare what others have touched with what the flight asks for, without writing.
	Compare bool
	// Correct asks to apply again what the last comparison found: those of CorrectOnly.
	Correct     bool
	CorrectOnly []string
	// Used says that what was prepared will not do and has been taken in: it is to be forgotten.
	Used bool
	// Brakes are to be pulled or lifted, whatever else is to be done.
	Brakes []BrakeOrder
	// Handovers are to be carried out, whatever else is to be done.
	Handovers []HandoverOrder
	// Evictions are to be carried out, whatever else is to be done.
	Evictions []EvictionOrder
	// Leftovers are what other tools keep on objects that were taken from them, and nobody has been told yet.
	Leftovers []Leftovers
	// Moves are the commits that came to a new state, in order.
	Moves []Move
	// Wake is when the next turn is due even if nothing happens; zero if nothing can change by itself.
	Wake time.Time
}

// Idle reports whether there is nothing to do but to remember and to report.
func (d Decision) Idle() bool {
	return d.Prepare == "" && d.Apply == "" && !d.Prune && !d.Compare && !d.Correct
}

// Move says that a commit came to a state.
type Move struct {
	Commit string
	// Subject and Author are the commit's, if they are known.
	Subject, Author string
	State           api.CommitState
	// By is the commit whose state this one takes over, and Outcome that state.
	By      string
	Outcome api.CommitState
	Message api.Message
	// Relapsed says of a Complete commit, or of one that takes over its state, that its agents keep ending, and
	// Recovered that they no longer do. They change no state.
	Relapsed, Recovered bool
	At                  time.Time
	// Override let the commit start outside the windows; nil if it did not need to.
	Override *api.Override
}

// remember puts a move into the history, newest commit first.
func remember(history []api.Record, m Move) []api.Record {
	r := api.Record{Commit: m.Commit, Subject: m.Subject, Author: m.Author, State: m.State, By: m.By,
		Outcome: m.Outcome, Message: m.Message, Relapsed: m.Relapsed, Since: metav1.NewMicroTime(m.At),
		First: metav1.NewMicroTime(m.At), Override: m.Override}
	for i, old := range history {
		if old.Commit != m.Commit {
			continue
		}
		r.First = old.First
		if r.State == api.RollingOut && old.State == r.State { // it is told anew of its stage
			r.Since = old.Since
		}
		if r.Override == nil {
			r.Override = old.Override
		}
		if r.Subject == "" {
			r.Subject, r.Author = old.Subject, old.Author
		}
		history[i] = r
		return history
	}
	history = append([]api.Record{r}, history...)
	return history[:min(len(history), api.MaxHistory)]
}

// keep returns the elements that satisfy ok, nil if none does.
func keep[T any](list []T, ok func(T) bool) []T {
	var kept []T
	for _, v := range list {
		if ok(v) {
			kept = append(kept, v)
		}
	}
	return kept
}

// newest returns the last n elements.
func newest[T any](list []T, n int) []T { return list[max(0, len(list)-n):] }
