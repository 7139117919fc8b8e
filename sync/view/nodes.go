package view

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Node is a node, with what the commit's DaemonSets have there.
type Node struct {
	Name string `json:"name"`
	// State, Cause, Why and Pod are those of the DaemonSet that is worst off there.
	State rollout.NodeState `json:"state"`
	Cause rollout.Code      `json:"cause,omitempty"`
	Why   string            `json:"why,omitempty"`
	Pod   string            `json:"pod,omitempty"`
	// DaemonSet is which one that is, if there are several.
	DaemonSet string `json:"daemonSet,omitempty"`
	// Commit whose pods run there; empty where that cannot be known, and where two DaemonSets are of two commits.
	Commit string            `json:"commit,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	// Stage is the one that the node is in, if the rollout is paced, and Early says that it has the commit before that:
	// it joined, or has lost its old pod.
	Stage string `json:"stage,omitempty"`
	Early bool   `json:"early,omitempty"`
}

// worst are the states, the worst first: what several nodes, or several DaemonSets on one node, are shown as.
var worst = []rollout.NodeState{rollout.IsLost, rollout.IsFailing, rollout.IsMissing, rollout.IsFailingBefore,
	rollout.IsAbsent, rollout.IsUpdated, rollout.IsOld, rollout.IsLate, rollout.IsSettled, rollout.IsNotEligible}

// States are all states of a node, the worst first.
func States() []rollout.NodeState { return slices.Clone(worst) }

// Worse compares two states: below 0 if a is the worse one.
func Worse(a, b rollout.NodeState) int {
	return cmp.Compare(slices.Index(worst, a), slices.Index(worst, b))
}

// nodesOf are the nodes of all DaemonSets, sorted by name, without those that none of them is meant for.
func nodesOf(judged []report.Judged, s *api.SyncStatus) (nodes []Node, notEligible int) {
	nodes = []Node{}
	at := map[string]int{}
	several := 0
	for i := range judged {
		if judged[i].Judgement.Object == "" {
			several++
		}
	}
	for i := range judged {
		d := &judged[i]
		commits := commitsOn(d, s)
		for n := range d.Judgement.Nodes.All() {
			one := Node{Name: n.Name, State: n.State, Cause: n.Cause, Why: n.Why, Pod: n.Pod, Commit: commits.of(n)}
			if several > 1 {
				one.DaemonSet = d.Target.Namespace + "/" + d.Target.Name
			}
			k, known := at[n.Name]
			if !known {
				at[n.Name] = len(nodes)
				nodes = append(nodes, one)
				continue
			}
			nodes[k] = both(nodes[k], one)
		}
	}
	label(nodes, at, judged)
	all := len(nodes)
	nodes = slices.DeleteFunc(nodes, func(n Node) bool { return n.State == rollout.IsNotEligible })
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	return nodes, all - len(nodes)
}

// both is a node with what two DaemonSets have there.
func both(a, b Node) Node {
	if a.State == rollout.IsNotEligible || b.State != rollout.IsNotEligible && Worse(b.State, a.State) < 0 {
		a, b = b, a
	}
	if b.State != rollout.IsNotEligible && a.Commit != b.Commit {
		a.Commit = ""
	}
	return a
}

// label gives the nodes their labels.
func label(nodes []Node, at map[string]int, judged []report.Judged) {
	for i := range judged {
		if i > 0 && sameNodes(judged[i].Look.Nodes, judged[i-1].Look.Nodes) {
			continue
		}
		for _, n := range judged[i].Look.Nodes {
			if k, known := at[n.Name]; known {
				nodes[k].Labels = n.Labels
			}
		}
	}
}

// sameNodes reports whether two looks share the nodes that they know.
func sameNodes(a, b []*corev1.Node) bool {
	return slices.Equal(a, b)
}
