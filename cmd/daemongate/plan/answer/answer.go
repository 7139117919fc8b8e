// Package answer says what the plan of a commit came to: as text for a terminal, as JSON, and as Markdown for a pull
// request.
package answer

import (
	"cmp"
	"slices"

	"github.com/daemongate/daemongate/rollout/plan"
	"github.com/daemongate/daemongate/sync/english"
)

// Answer is the plan of a commit.
type Answer struct {
	// Commit says which commit of which repository it is; empty for a folder as it is.
	Commit string `json:"commit,omitempty"`
	// Sync is the namespace/name of the Sync that would apply it, if one was named.
	Sync    string       `json:"sync,omitempty"`
	Outcome plan.Outcome `json:"outcome"`
	// Headline is the outcome in a sentence, without names of nodes.
	Headline   string      `json:"headline"`
	DaemonSets []plan.Plan `json:"daemonSets"`
	// Objects are those of the commit that would be refused.
	Objects []Refused `json:"objects,omitempty"`
	// Paced is how it would go through the stages of the Sync, if that has any.
	Paced *Paced `json:"paced,omitempty"`
	// Notes say what could not be read or asked.
	Notes []string `json:"notes,omitempty"`
}

// Refused is an object of the commit that would be refused.
type Refused struct {
	Object string `json:"object"`
	plan.Refusal
}

// severity is the order of the outcomes, the worst first.
var severity = []plan.Outcome{plan.Refused, plan.WillNotFit, plan.CannotStart, plan.NotKnown, plan.Held, plan.Preempts,
	plan.Fits}

// New sums up.
func New(commit, sync string, plans []plan.Plan, refused []Refused, notes []string) Answer {
	a := Answer{Commit: commit, Sync: sync, DaemonSets: plans, Objects: refused, Notes: notes, Outcome: plan.Fits}
	slices.SortStableFunc(a.DaemonSets, func(x, y plan.Plan) int {
		return cmp.Or(cmp.Compare(slices.Index(severity, x.Outcome), slices.Index(severity, y.Outcome)),
			cmp.Compare(x.Object(), y.Object()))
	})
	switch {
	case len(refused) > 0:
		a.Outcome = plan.Refused
		a.Headline = refused[0].Object + " will be refused by " + refused[0].By + ": " + refused[0].Why
	case len(plans) == 0:
		a.Headline = "has no DaemonSet: nothing has to fit"
	default:
		worst := &a.DaemonSets[0]
		a.Outcome, a.Headline = worst.Outcome, worst.Object()+" "+worst.Headline
		if n := a.alike(); len(plans) > 1 && n == len(plans) && worst.Outcome == plan.Fits {
			a.Headline = "all " + english.Count(n, "DaemonSet") + " fit every node"
		}
	}
	return a
}

// alike is how many DaemonSets come to the same as the commit.
func (a *Answer) alike() int {
	n := 0
	for i := range a.DaemonSets {
		if a.DaemonSets[i].Outcome == a.Outcome {
			n++
		}
	}
	return n
}
