package pace

import (
	"slices"

	"github.com/daemongate/daemongate/rollout"
)

// overspent is a DaemonSet of which more nodes fail than may.
type overspent struct {
	*set
	nodes []string // that fail
	may   int      // so many
	of    int      // of so many that were reached
}

// overspent are the DaemonSets of which more of the nodes that were reached fail than may. A container's end counts at
// once, as it does for the brake, and so do nodes that got the commit out of turn.
func (c *course) overspent() []overspent {
	var list []overspent
	for _, s := range c.sets {
		over := overspent{set: s, nodes: s.failing()}
		for i := range s.sites {
			if c.reaches(s, i) {
				over.of++
			}
		}
		over.may = rollout.Portion(c.in.Options.FailureBudget, over.of)
		if len(over.nodes) > over.may {
			list = append(list, over)
		}
	}
	return list
}

// failing are the nodes on which the commit fails, or was seen to, sorted.
func (s *set) failing() []string {
	nodes := slices.Clone(s.Judgement.Ended)
	for i := range s.Judgement.Nodes {
		if n := &s.Judgement.Nodes[i]; isFailing(n) {
			nodes = append(nodes, n.Name)
		}
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// isFailing reports whether a node shows a cause that is the commit's. An old pod that does not go is not.
func isFailing(n *rollout.Node) bool {
	switch n.State {
	case rollout.IsLost:
		return true
	case rollout.IsFailing, rollout.IsLate:
		return n.Cause != "" && n.Cause != rollout.Starting && n.Cause != rollout.Terminating
	}
	return false
}
