package view

import (
	"slices"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Seen is what was read from the API server at one time.
type Seen struct {
	Now  time.Time
	Sync *api.Sync
	// Judged is what the commit in flight waits for; empty if it was not looked at.
	Judged []report.Judged
}

// View is a Sync as people see it. Its lists are never null in JSON.
type View struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	Now       time.Time `json:"now"`
	// State of the newest commit that has one, and Commit which one that is.
	State  api.CommitState `json:"state"`
	Commit string          `json:"commit"`
	// Verdict is how the Sync is, in a sentence.
	Verdict   string `json:"verdict"`
	Suspended bool   `json:"suspended"`
	// SuspendedBySpec says that the Sync itself is suspended, whether or not all are.
	SuspendedBySpec bool    `json:"suspendedBySpec"`
	Causes          []Cause `json:"causes"`
	// Commits are the newest first.
	Commits []Commit `json:"commits"`
	// Counts are summed over the DaemonSets.
	Counts Counts `json:"counts"`
	Pace
	// Estimate is empty where nothing is to be expected.
	Estimate   *Estimate   `json:"estimate,omitempty"`
	DaemonSets []DaemonSet `json:"daemonSets"`
	// Nodes are those that at least one of the DaemonSets is meant for, sorted by name. NotEligible is how many others
	// there are.
	Nodes       []Node `json:"nodes"`
	NotEligible int    `json:"notEligible"`
	// Waits are what is waited for, and what a person should know of the Sync.
	Waits []string `json:"waits"`
	Notes []string `json:"notes"`
	// Missing are the kinds that could not be read, which makes all this poorer.
	Missing []string `json:"missing"`
}

// Counts are nodes, as a judgement counts them.
type Counts struct {
	Desired int `json:"desired"`
	Updated int `json:"updated"`
	Settled int `json:"settled"`
}

// DaemonSet is one of those that the commit in flight asks for.
type DaemonSet struct {
	Namespace string          `json:"namespace"`
	Name      string          `json:"name"`
	Verdict   rollout.Verdict `json:"verdict"`
	Headline  string          `json:"headline"`
	Counts    Counts          `json:"counts"`
	// Classes are its nodes by what they are to the rollout.
	Classes []rollout.Class `json:"classes"`
}

// Of makes the view of what was seen.
func Of(s Seen) View {
	status := &s.Sync.Status
	v := View{Namespace: s.Sync.Namespace, Name: s.Sync.Name, Now: s.Now, State: status.Summary.State,
		Commit: status.Summary.Commit, Suspended: Suspended(s.Sync) != "",
		SuspendedBySpec: s.Sync.Spec.Suspend, DaemonSets: []DaemonSet{}, Nodes: []Node{},
		Notes: []string{}, Missing: []string{}}
	told := report.New(s.Judged...).At(s.Now)
	for i := range told.DaemonSets {
		v.add(&told.DaemonSets[i])
	}
	v.Causes = causesOf(told, status.InFlight)
	v.Nodes, v.NotEligible = nodesOf(s.Judged, status)
	if f := status.InFlight; f != nil && len(told.DaemonSets) == 0 {
		v.Counts = Counts(f.Nodes)
	}
	v.Commits = commitsOf(status, v.Nodes)
	v.Verdict = sentenceOf(s.Sync, told)
	v.Estimate = estimateOf(s, v.Counts)
	v.stage(s.Sync)
	v.parts(s)
	v.Notes = append(v.Notes, earlyNote(v.Nodes)...)
	v.Waits = append(append([]string{}, pauseWaits(s.Sync)...), waitsBesides(s.Sync, s.Now)...)
	if source := Source(s.Sync); source != "" {
		v.Waits = append([]string{source}, v.Waits...)
	}
	return v
}

// add takes over what is told of one DaemonSet.
func (v *View) add(d *report.DaemonSetReport) {
	counts := Counts{Desired: d.Desired, Updated: d.Updated, Settled: d.Settled}
	v.DaemonSets = append(v.DaemonSets, DaemonSet{Namespace: d.Namespace, Name: d.Name, Verdict: d.Verdict,
		Headline: d.Headline, Counts: counts, Classes: d.Nodes})
	v.Counts.Desired += counts.Desired
	v.Counts.Updated += counts.Updated
	v.Counts.Settled += counts.Settled
	for _, n := range d.Notes {
		v.Notes = append(v.Notes, "DaemonSet "+d.Namespace+"/"+d.Name+": "+n)
	}
	for _, kind := range d.Missing {
		if !slices.Contains(v.Missing, kind) {
			v.Missing = append(v.Missing, kind)
		}
	}
}
