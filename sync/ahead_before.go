package sync

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// daemonSetBefore is what a DaemonSet is like before a commit is written, as far as that bears on what is held against it.
type daemonSetBefore struct {
	failing  []api.FailingNode // nodes that are sick
	hadNodes bool
}

// beforeOf is what a DaemonSet is like before a commit is written on top of the last one. What an earlier commit did that
// did not complete is held against the next one: the nodes that it broke are not sick of themselves, its fix must reach
// them, and those that it took away are missed.
func beforeOf(last *api.Flight, id manifests.ID, look rollout.Look, o rollout.Options) daemonSetBefore {
	b := daemonSetBefore{hadNodes: rollout.HasNodes(look)}
	if last == nil || look.DaemonSet == nil {
		return b
	}
	for _, w := range last.Workloads {
		if idOf(w) != id {
			continue
		}
		target, memory, err := Recall(w)
		switch {
		case err != nil:
		case last.State == api.Complete:
			b.failing = keepFailing(rollout.FailingBefore(look, memory.Hash, o))
		default:
			b.failing = keepFailing(rollout.StillFailing(target.FailingBefore, memory, look))
			b.hadNodes = b.hadNodes || w.HadNodes
		}
	}
	return b
}

// keepFailing is how sick nodes are kept in the status, and recallFailing how they are read from it. Versions before had
// a list of names, which proved nothing of them: it is not read.
func keepFailing(list []rollout.FailingNode) []api.FailingNode {
	var kept []api.FailingNode
	for _, n := range list {
		kept = append(kept, api.FailingNode{Node: n.Node, Cause: string(n.Cause), Evidence: n.Evidence, Since: metav1.NewTime(n.Since)})
	}
	return kept
}

func recallFailing(kept []api.FailingNode) []rollout.FailingNode {
	var list []rollout.FailingNode
	for _, n := range kept {
		list = append(list, rollout.FailingNode{Node: n.Node, Cause: rollout.Code(n.Cause), Evidence: n.Evidence, Since: n.Since.Time})
	}
	return list
}
