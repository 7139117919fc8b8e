package view

import (
	"cmp"
	"maps"
	"slices"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// The groupings that have a name of their own; any other one is a label's key.
const (
	ByNothing = ""
	ByZone    = "zone"
	ByPool    = "pool"
)

// labelsOf are the labels that tell a node's zone or pool.
var labelsOf = map[string][]string{ByZone: fact.ZoneLabels, ByPool: fact.PoolLabels}

// Group is nodes that have something in common.
type Group struct {
	Name   string
	Nodes  []*Node
	Counts map[rollout.NodeState]int
}

// InGroup is the group of a node; empty if it is in none.
func (n *Node) InGroup(by string) string {
	keys, named := labelsOf[by]
	if !named {
		keys = []string{by}
	}
	for _, key := range keys {
		if value := n.Labels[key]; value != "" {
			return value
		}
	}
	return ""
}

// Groups gathers nodes, which keep their order, into groups sorted by name; those in none come last.
func Groups(nodes []Node, by string) []Group {
	groups := map[string]*Group{}
	for i := range nodes {
		name := ""
		if by != ByNothing {
			name = nodes[i].InGroup(by)
		}
		g := groups[name]
		if g == nil {
			g = &Group{Name: name, Counts: map[rollout.NodeState]int{}}
			groups[name] = g
		}
		g.Nodes = append(g.Nodes, &nodes[i])
		g.Counts[nodes[i].State]++
	}
	list := make([]Group, 0, len(groups))
	for _, g := range groups {
		list = append(list, *g)
	}
	slices.SortFunc(list, func(a, b Group) int {
		return cmp.Or(cmp.Compare(btoi(a.Name == ""), btoi(b.Name == "")), cmp.Compare(a.Name, b.Name))
	})
	return list
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Groupings are what nodes can be grouped by so that there is more than one group: nothing first, then zone and pool,
// then labels that at most a quarter of the nodes have a value of their own for.
func Groupings(nodes []Node) []string {
	values := map[string]map[string]bool{}
	for i := range nodes {
		for key, value := range nodes[i].Labels {
			if values[key] == nil {
				values[key] = map[string]bool{}
			}
			if len(values[key]) <= len(nodes)/4+1 {
				values[key][value] = true
			}
		}
	}
	by := []string{ByNothing}
	named := map[string]bool{}
	for _, name := range []string{ByZone, ByPool} {
		distinct := map[string]bool{}
		for i := range nodes {
			distinct[nodes[i].InGroup(name)] = true
		}
		if len(distinct) > 1 || len(distinct) == 1 && !distinct[""] {
			by = append(by, name)
		}
		for _, key := range labelsOf[name] {
			named[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !named[key] && len(values[key]) > 1 && len(values[key]) <= max(2, len(nodes)/4) {
			by = append(by, key)
		}
	}
	return by
}
