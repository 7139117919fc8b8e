package view

import (
	"slices"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Cause is a cause, with the object that it holds up.
type Cause struct {
	Object string `json:"object"`
	report.CauseReport
	// NodeCount is how many nodes show it, also those that are not named.
	NodeCount int `json:"nodeCount"`
}

// IsOfPace reports whether it is of a paced rollout as a whole: no judgement of a DaemonSet shows it.
func (c *Cause) IsOfPace() bool { return slices.Contains(rollout.PaceCodes(), c.Code) }

// written is a cause as the controller has written it.
func written(c api.Cause, final bool) Cause {
	code := rollout.Code(c.Code)
	return Cause{Object: c.Object, NodeCount: c.NodeCount, CauseReport: report.CauseReport{Code: code,
		Nodes: append([]string{}, c.Nodes...), Pods: []string{}, Message: c.Message, Remedy: c.Remedy,
		Since: c.Since.Time, Shortfalls: []rollout.Shortfall{}, Relief: []rollout.Relief{},
		Final: final, Help: code.Help()}}
}

// causesOf are the causes of what was judged, those of a stuck object first, and what the controller has named of a
// paced rollout, which no judgement shows; where nothing was judged, all that the controller has named.
func causesOf(told report.Report, f *api.Flight) []Cause {
	stuck, others := []Cause{}, []Cause{}
	take := func(object string, verdict rollout.Verdict, causes []report.CauseReport) {
		for _, c := range causes {
			one := Cause{Object: object, CauseReport: c, NodeCount: len(c.Nodes)}
			if verdict == rollout.Stuck {
				stuck = append(stuck, one)
			} else {
				others = append(others, one)
			}
		}
	}
	for i := range told.DaemonSets {
		d := &told.DaemonSets[i]
		take("DaemonSet "+d.Namespace+"/"+d.Name, d.Verdict, d.Causes)
	}
	for i := range told.Objects {
		take(told.Objects[i].Object, told.Objects[i].Verdict, told.Objects[i].Causes)
	}
	all := stuck
	if f == nil {
		return append(all, others...)
	}
	isJudged := len(told.DaemonSets)+len(told.Objects) > 0
	for _, c := range f.Causes {
		if one := written(c, f.State == api.Stuck); !isJudged || one.IsOfPace() {
			all = append(all, one)
		}
	}
	return append(all, others...)
}
