package sync

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
	"github.com/daemongate/daemongate/rollout/words"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/discreet"
	"github.com/daemongate/daemongate/sync/english"
)

// How much the status says of single nodes. What a set has many workloads of is said of fewer, so that the whole stays
// within its bound.
const (
	maxCauses  = 40 // of a flight; what makes it stuck first
	maxNames   = 20 // of nodes, of one class or cause
	minNames   = 3
	allNames   = 80 // of one class over all workloads
	maxClasses = 16 // of one workload; those with a cause first
	maxNotes   = 6
	maxText    = 400 // bytes of a note
)

// telling says how much a Sync tells of single nodes.
type telling struct{ countsOnly bool }

func tellingOf(s *api.Sync) telling { return telling{countsOnly: s.Spec.Report.CountsOnly()} }

// names is how many names of nodes are told where others tell so many.
func (t telling) names(most int) int {
	if t.countsOnly {
		return 0
	}
	return most
}

// shown is a judgement as it is told.
func (t telling) shown(j rollout.Judgement) rollout.Judgement {
	if !t.countsOnly {
		return j
	}
	j = report.Counts(j)
	for i := range j.Causes {
		j.Causes[i].Remedy = discreet.Remedy
	}
	return j
}

// kept is what the next look must remember, as it may stand in the status.
func (t telling) kept(m rollout.Memory, nodes []*corev1.Node) rollout.Memory {
	if t.countsOnly {
		return m.WithUIDs(nodes)
	}
	return m
}

// keptFailing are nodes that were sick before a commit, as they may stand in the status.
func (t telling) keptFailing(list []rollout.FailingNode, nodes []*corev1.Node) []api.FailingNode {
	if t.countsOnly {
		list = rollout.FailingByUID(list, nodes)
	}
	return keepFailing(list)
}

// ailing is what is told of a workload that is not well: what a DaemonSet says are counts, others quote programs.
func (t telling) ailing(w api.Workload, says string) string {
	if t.countsOnly && !w.IsDaemonSet() {
		return rollout.NotReady.Meaning()
	}
	return says
}

// of names nodes for a sentence.
func (t telling) of(nodes []string) string {
	if t.countsOnly {
		return english.Count(len(nodes), "node")
	}
	return words.FoldNames(nodes)
}

// judgedWorkload is a workload as one look found it: what the next look must remember, and what people want to know.
func judgedWorkload(w api.Workload, j rollout.Judgement, m rollout.Memory, workloads int, t telling,
) (api.Workload, error) {
	var err error
	j = t.shown(j)
	if w.Memory.Raw, err = json.Marshal(m); err != nil {
		return w, err
	}
	w.Headline = english.Clip(j.Headline, maxText)
	w.Nodes = nodeClasses(j.Nodes, t.names(min(maxNames, max(minNames, allNames/max(1, workloads)))))
	w.Notes = nil
	for _, note := range j.Notes[:min(len(j.Notes), maxNotes)] {
		w.Notes = append(w.Notes, english.Clip(note, maxText))
	}
	return w, nil
}

// nodeClasses are nodes by what they are to the rollout, with some of their names.
func nodeClasses(nodes rollout.NodeList, names int) []api.NodeClass {
	var list []api.NodeClass
	for _, c := range rollout.ClassesNaming(nodes, names) {
		if len(list) == maxClasses {
			break
		}
		list = append(list, api.NodeClass{State: string(c.State), Cause: string(c.Cause),
			Why: english.Clip(c.Why, maxText), Count: c.Count, Names: c.Nodes})
	}
	return list
}
