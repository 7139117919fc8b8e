package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GateStatus is the gate's memory.
type GateStatus struct {
	// Head is the newest commit of the tracked ref.
	// +optional
	Head string `json:"head,omitempty"`
	// Passed is the newest commit that the gate is done with: it was applied, or repeats what was.
	// +optional
	Passed string `json:"passed,omitempty"`
	// PassedRef is the full name of the ref that led to Passed; of a range of versions, the tag.
	// +optional
	PassedRef string `json:"passedRef,omitempty"`
	// Rewrite is set while the ref is no step forward from Passed, and spec.source.onRewrite is Hold.
	// +optional
	Rewrite *Rewrite `json:"rewrite,omitempty"`
	// PassedGeneration is the generation of the spec that Passed was rendered for.
	// +optional
	PassedGeneration int64 `json:"passedGeneration,omitempty"`
	// LastComplete is the newest commit that rolled out completely and has not relapsed.
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
	// Preflight is set where pods would not fit their nodes.
	// +optional
	Preflight *PreflightStatus `json:"preflight,omitempty"`
	// Held are the commits that wait at the gate.
	// +optional
	Held HeldCommits `json:"held,omitempty"`
	// Failed are the commits after Passed that could not be rendered or were refused, newest last.
	// +optional
	Failed []FailedCommit `json:"failed,omitempty"`
	// Released is the last release that is spent.
	// +optional
	Released string `json:"released,omitempty"`
	// Promoted is the last promotion of a stage that is spent.
	// +optional
	Promoted string `json:"promoted,omitempty"`
	// Overridden is the last override of the windows that is spent: its commit has started, or repeats what has.
	// +optional
	Overridden *Override `json:"overridden,omitempty"`
	// Inventory names everything that was written and not pruned.
	// +optional
	Inventory []InventoryEntry `json:"inventory,omitempty"`
	// StoredInventory says where the inventory is if it is too large to be here.
	// +optional
	StoredInventory *StoredInventory `json:"storedInventory,omitempty"`
	// StoredWorkloads says where those workloads of the flight are that are no DaemonSets, if they are too many to be
	// here.
	// +optional
	StoredWorkloads *StoredInventory `json:"storedWorkloads,omitempty"`
	// Leftovers are digests of what was told of the fields that other tools keep on objects which were taken from them
	// by force: it is told once.
	// +optional
	Leftovers []string `json:"leftovers,omitempty"`
	// History is the last 20 commits that reached a state, newest first.
	// +optional
	History []Record `json:"history,omitempty"`
}

// PreflightStatus says which commits have pods that would not fit their nodes, as far as was looked before their first
// write.
type PreflightStatus struct {
	// Held are the waiting commits that do not pass for it, oldest first.
	// +optional
	Held []string `json:"held,omitempty"`
	// Reason is what is said of the one that was looked at last.
	// +optional
	Reason string `json:"reason,omitempty"`
	// Released is the one of them that a person lets pass.
	// +optional
	Released string `json:"released,omitempty"`
	// Commit was applied all the same, and Warning is what was said of it before.
	// +optional
	Commit string `json:"commit,omitempty"`
	// +optional
	Warning string `json:"warning,omitempty"`
}

// Rewrite is a head that is no step forward from the commit that passed last.
type Rewrite struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Released is the commit, To or one before it, that a person let pass; empty while nothing may.
	// +optional
	Released string `json:"released,omitempty"`
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
	// Manager is the field manager that wrote the request, by the API server's record; whoever wrote chose its name.
	// +optional
	Manager string `json:"manager,omitempty"`
	// At is when it was asked for.
	At metav1.Time `json:"at"`
}

// Text says why the commit started, and who says to have asked for it: nobody has checked that.
func (o *Override) Text() string {
	who := "who asked does not say who that is"
	if o.By != "" {
		who = "who asked says to be " + o.By
	}
	if o.Manager != "" {
		who += " (field manager " + o.Manager + ")"
	}
	return "started outside the windows; " + who + ": " + o.Reason
}

// HeldCommits wait at the gate.
type HeldCommits struct {
	// +optional
	Count int `json:"count"`
	// +optional
	Newest string `json:"newest,omitempty"`
	// +optional
	Reason string `json:"reason,omitempty"`
	// Release is the commit that a release has to name for them to go on, where that is what they wait for.
	// +optional
	Release string `json:"release,omitempty"`
	// Commits are those that wait, oldest first; of more than 1,000 the newest.
	// +optional
	Commits []string `json:"commits,omitempty"`
}
