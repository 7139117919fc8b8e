package report

import "github.com/daemongate/daemongate/rollout"

// Counts is a judgement with what everybody may be told in place of what is about single nodes: their names are still
// in its lists, to be counted, and nowhere else.
func Counts(j rollout.Judgement) rollout.Judgement {
	j.Headline, j.Notes = Summarize([]rollout.Judgement{j}), nil
	nodes, causes := make([]rollout.Node, 0, j.Nodes.Len()), make([]rollout.Cause, 0, len(j.Causes))
	for n := range j.Nodes.All() {
		nodes = append(nodes, rollout.Node{Name: n.Name, State: n.State, Cause: n.Cause})
	}
	for _, c := range j.Causes {
		causes = append(causes, c.Public())
	}
	j.Nodes, j.Causes = rollout.NodeList{}.And(nodes), causes
	return j
}
