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
		over.of = max(over.of, reachedBefore(c, s))
		over.may = rollout.Portion(c.in.Options.FailureBudget, over.of)
		if len(over.nodes) > over.may {
			list = append(list, over)
		}
	}
	return list
}

// failing are the nodes on which the commit fails, sorted: a container of it ended there, the node was lost, or its
// pod shows a cause that has lasted. One that has not yet, such as a probe that fails while an agent starts, comes and
// goes; its pod is not available, and the budget has no others go.
func (s *set) failing() []string {
	final := map[string]bool{}
	for _, c := range s.Judgement.Causes {
		if c.Final && c.Code != rollout.Starting && c.Code != rollout.Terminating {
			for _, node := range c.Nodes {
				final[node] = true
			}
		}
	}
	nodes := slices.Clone(s.Judgement.Ended)
	for n := range s.Judgement.Nodes.All() {
		switch n.State {
		case rollout.IsLost:
			nodes = append(nodes, n.Name)
		case rollout.IsFailing, rollout.IsLate:
			if final[n.Name] {
				nodes = append(nodes, n.Name)
			}
		}
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}
