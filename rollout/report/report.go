package report

import (
	"slices"
	"time"

	"github.com/daemongate/daemongate/rollout"
)

// Judged is a DaemonSet, or an object of another kind, and what one look says about it. Of the latter the look has the
// time.
type Judged struct {
	Target    rollout.Target
	Look      rollout.Look
	Judgement rollout.Judgement
}

// Report is how rollouts are told: to scripts as it is (docs/design.md §9), to people by Text. Its lists are never
// null.
type Report struct {
	// Verdict is the worst of all.
	Verdict rollout.Verdict `json:"verdict"`
	// Now is the time of the look.
	Now        time.Time         `json:"now"`
	DaemonSets []DaemonSetReport `json:"daemonSets"`
	// Objects are what is no DaemonSet.
	Objects []ObjectReport `json:"objects,omitempty"`
	// Waits are what whoever asked for them waits for besides, and what a person should know of it.
	Waits []string `json:"waits,omitempty"`
}

// ObjectReport is what is told of an object that is no DaemonSet.
type ObjectReport struct {
	// Object is its kind, namespace and name.
	Object   string          `json:"object"`
	Verdict  rollout.Verdict `json:"verdict"`
	Headline string          `json:"headline"`
	Causes   []CauseReport   `json:"causes"`
}

// DaemonSetReport is one rollout as it is told.
type DaemonSetReport struct {
	Name      string          `json:"name"`
	Namespace string          `json:"namespace"`
	Verdict   rollout.Verdict `json:"verdict"`
	Headline  string          `json:"headline"`
	// Desired nodes shall run a settled pod; Updated of them have a new pod, Settled a settled one.
	Desired int `json:"desired"`
	Updated int `json:"updated"`
	Settled int `json:"settled"`
	// Eligible is how many nodes the DaemonSet is meant for, whatever their health.
	Eligible int `json:"eligible"`
	// Proving is until when nothing but the proof is waited for: how long the settled pods live.
	Proving time.Time `json:"proving,omitzero"`
	// Names of nodes by class.
	Absent        []string `json:"absent"`
	Lost          []string `json:"lost"`
	Late          []string `json:"late"`
	FailingBefore []string `json:"failingBefore"`
	Old           []string `json:"old"`
	// Nodes are all of them by what they are to the rollout, also those that are not eligible.
	Nodes  []rollout.Class `json:"nodes"`
	Causes []CauseReport   `json:"causes"`
	Notes  []string        `json:"notes"`
	// Missing kinds, which the look knows nothing of.
	Missing []string `json:"missing"`

	target rollout.Target
	now    time.Time
}

// CauseReport is one cause as it is told.
type CauseReport struct {
	Code  rollout.Code `json:"code"`
	Nodes []string     `json:"nodes"`
	Pods  []string     `json:"pods"`
	// Container of these pods that it is about, if it is about one.
	Container string `json:"container,omitempty"`
	Message   string `json:"message"`
	Remedy    string `json:"remedy"`
	// Since is when the trouble began.
	Since time.Time `json:"since"`
	// Shortfalls are what nodes have too little of, and Relief what would make room there.
	Shortfalls []rollout.Shortfall `json:"shortfalls"`
	Relief     []rollout.Relief    `json:"relief"`
	// Final says that it has lasted long enough to be Stuck; before, it is only the present reason.
	Final bool `json:"final"`
	// Help is where the cause is described.
	Help string `json:"help"`

	log string // see Cause.Log
}

// New gathers what is to be told of rollouts. All looks are of the same time.
func New(judged ...Judged) Report {
	r := Report{Verdict: rollout.Complete, DaemonSets: []DaemonSetReport{}}
	for _, d := range judged {
		r.Now = d.Look.Now
		if d.Judgement.Verdict == rollout.Stuck || r.Verdict == rollout.Complete {
			r.Verdict = d.Judgement.Verdict
		}
		if j := d.Judgement; j.Object != "" {
			r.Objects = append(r.Objects, ObjectReport{Object: j.Object, Verdict: j.Verdict, Headline: j.Headline,
				Causes: causeReports(j.Causes)})
		} else {
			r.DaemonSets = append(r.DaemonSets, newDaemonSetReport(d))
		}
	}
	return r
}

// At has a report speak from a time after the look: of what passes with time alone, such as a proof, it tells how it is
// then.
func (r Report) At(now time.Time) Report {
	for i := range r.DaemonSets {
		if now.After(r.DaemonSets[i].now) {
			r.DaemonSets[i].now = now
		}
	}
	return r
}

func newDaemonSetReport(d Judged) DaemonSetReport {
	j := d.Judgement
	r := DaemonSetReport{
		Name: d.Target.Name, Namespace: d.Target.Namespace, Verdict: j.Verdict, Headline: j.Headline,
		Desired: j.Desired, Updated: j.Updated, Settled: j.Settled,
		Absent: nonNil(j.Absent), Lost: nonNil(j.Lost), Late: nonNil(j.Late), FailingBefore: nonNil(j.FailingBefore),
		Old:   nonNil(j.Old),
		Notes: nonNil(j.Notes), Missing: nonNil(d.Look.Missing), Causes: causeReports(j.Causes),
		Eligible: j.Eligible, Nodes: rollout.Classes(j.Nodes), Proving: j.Proving, target: d.Target,
		now: d.Look.Now,
	}
	return r
}

func causeReports(causes []rollout.Cause) []CauseReport {
	list := make([]CauseReport, 0, len(causes))
	for _, c := range causes {
		list = append(list, CauseReport{Code: c.Code, Nodes: nonNil(c.Nodes), Pods: nonNil(c.Pods),
			Container: c.Container,
			Message:   c.Message, Remedy: c.Remedy, Shortfalls: nonNil(c.Shortfalls), Relief: nonNil(c.Relief),
			Since: c.Since,
			Final: c.Final, Help: c.Code.Help(), log: c.Log})
	}
	return list
}

// nonNil is a list that is not null in JSON.
func nonNil[T any](list []T) []T { return append([]T{}, slices.Clone(list)...) }
