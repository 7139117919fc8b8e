package sync

import (
	"encoding/json"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
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

// judgedWorkload is a workload as one look found it: what the next look must remember, and what people want to know.
func judgedWorkload(w api.Workload, j rollout.Judgement, m rollout.Memory, workloads int) (api.Workload, error) {
	var err error
	if w.Memory.Raw, err = json.Marshal(m); err != nil {
		return w, err
	}
	w.Headline = english.Clip(j.Headline, maxText)
	w.Nodes = nodeClasses(j.Nodes, min(maxNames, max(minNames, allNames/max(1, workloads))))
	w.Notes = nil
	for _, note := range j.Notes[:min(len(j.Notes), maxNotes)] {
		w.Notes = append(w.Notes, english.Clip(note, maxText))
	}
	return w, nil
}

// nodeClasses are nodes by what they are to the rollout, with some of their names.
func nodeClasses(nodes []rollout.Node, names int) []api.NodeClass {
	var list []api.NodeClass
	for _, c := range rollout.Classes(nodes) {
		if len(list) == maxClasses {
			break
		}
		list = append(list, api.NodeClass{State: string(c.State), Cause: string(c.Cause),
			Why: english.Clip(c.Why, maxText), Count: len(c.Nodes),
			Names: c.Nodes[:min(len(c.Nodes), names)]})
	}
	return list
}
