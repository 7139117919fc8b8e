package main

import (
	"time"

	"github.com/daemongate/daemongate/rollout"
)

// explanation is the answer of explain, as -o json prints it. Lists are never null.
type explanation struct {
	Verdict    rollout.Verdict `json:"verdict"`
	Time       time.Time       `json:"time"` // of the look
	DaemonSets []explained     `json:"daemonSets"`
}

// explained is the answer for one DaemonSet: what of a judgement concerns a person.
type explained struct {
	Name     string           `json:"name"` // with its namespace
	Verdict  rollout.Verdict  `json:"verdict"`
	Headline string           `json:"headline,omitempty"`
	Desired  int              `json:"desired"`
	Updated  int              `json:"updated"`
	Settled  int              `json:"settled"`
	Absent   []string         `json:"absent"`
	Causes   []explainedCause `json:"causes"`
	Notes    []string         `json:"notes,omitempty"`
	Nodes    []rollout.Node   `json:"nodes,omitempty"`
	// Missing are the kinds that were not to be seen.
	Missing []string `json:"missing,omitempty"`
}

// explainedCause is one reason why it does not go on.
type explainedCause struct {
	Code    rollout.Code `json:"code"`
	Nodes   []string     `json:"nodes"`
	Pods    []string     `json:"pods"`
	Message string       `json:"message"`
	Remedy  string       `json:"remedy"`
	Since   time.Time    `json:"since,omitzero"`
	// Final causes make the verdict Stuck; the others are the present reason.
	Final bool `json:"final"`
}

func newExplained(name string, j rollout.Judgement, missing []string) explained {
	e := explained{Name: name, Verdict: j.Verdict, Headline: j.Headline, Desired: j.Desired, Updated: j.Updated,
		Settled: j.Settled, Absent: list(j.Absent), Causes: []explainedCause{}, Notes: j.Notes, Nodes: j.Nodes, Missing: missing}
	for _, c := range j.Causes {
		e.Causes = append(e.Causes, explainedCause{Code: c.Code, Nodes: list(c.Nodes), Pods: list(c.Pods), Message: c.Message,
			Remedy: c.Remedy, Since: c.Since, Final: c.Final})
	}
	return e
}

// list is never null in JSON.
func list(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}

// worse is the verdict on two DaemonSets together: one that is stuck makes both so, and both must be complete.
func worse(a, b rollout.Verdict) rollout.Verdict {
	for _, v := range []rollout.Verdict{rollout.Stuck, rollout.Progressing} {
		if a == v || b == v {
			return v
		}
	}
	return rollout.Complete
}

// outcome is the exit code of an explanation.
func (e explanation) outcome() error {
	if e.Verdict == rollout.Stuck {
		return stuck
	}
	return nil
}
