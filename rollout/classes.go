package rollout

import (
	"cmp"
	"slices"
)

// Class is nodes of which the same is to be said.
type Class struct {
	State NodeState `json:"state"`
	// Cause that failing nodes show, if any.
	Cause Code `json:"cause,omitempty"`
	// Why they are not eligible, or not ready.
	Why string `json:"why,omitempty"`
	// Nodes are their names, sorted, and Count is how many they are, where not all are named.
	Nodes []string `json:"nodes"`
	Count int      `json:"-"`
}

// states are the states in the order in which a person wants to hear of them, and what they are called.
var states = []struct {
	state NodeState
	words string
}{
	{IsLost, "lost"}, {IsFailing, "failing"}, {IsMissing, "without a pod"}, {IsUpdated, "updated, not settled"},
	{IsOld, "old pod"}, {IsSettled, "settled"}, {IsAbsent, "absent"},
	{IsFailingBefore, "failing before this commit"}, {IsLate, "late: joined since"}, {IsNotEligible, "not eligible"},
}

// Classes gathers nodes into classes: in the order in which a person wants to hear of them, and of one state the
// largest first.
func Classes(nodes NodeList) []Class {
	list := ClassesNaming(nodes, nodes.Len())
	for _, c := range list {
		slices.Sort(c.Nodes)
	}
	return list
}

// ClassesNaming are those classes with the names of so many nodes of each at most: the first ones.
func ClassesNaming(nodes NodeList, most int) []Class {
	type kind struct {
		state NodeState
		cause Code
		why   string
	}
	byKind := map[kind]*Class{}
	var all []*Class
	for n := range nodes.All() {
		k := kind{n.State, n.Cause, n.Why}
		c := oneOf(all[:min(len(all), 8)], n) // mostly there are few
		if c == nil {
			c = byKind[k]
		}
		if c == nil {
			c = &Class{State: n.State, Cause: n.Cause, Why: n.Why}
			byKind[k], all = c, append(all, c)
		}
		if c.Count++; c.Count <= most {
			c.Nodes = append(c.Nodes, n.Name)
		}
	}
	order := map[NodeState]int{}
	for i, s := range states {
		order[s.state] = i
	}
	slices.SortFunc(all, func(a, b *Class) int {
		return cmp.Or(cmp.Compare(order[a.State], order[b.State]), cmp.Compare(b.Count, a.Count),
			cmp.Compare(a.Cause, b.Cause), cmp.Compare(a.Why, b.Why))
	})
	list := make([]Class, 0, len(all))
	for _, c := range all {
		list = append(list, *c)
	}
	return list
}

// oneOf is the class of a node among some, nil if it is in none of them.
func oneOf(classes []*Class, n Node) *Class {
	for _, c := range classes {
		if c.State == n.State && c.Cause == n.Cause && c.Why == n.Why {
			return c
		}
	}
	return nil
}

// Words say what the nodes of a class are.
func (c Class) Words() string {
	text := string(c.State)
	for _, s := range states {
		if s.state == c.State {
			text = s.words
		}
	}
	for _, more := range []string{string(c.Cause), c.Why} {
		if more != "" {
			text += ": " + more
		}
	}
	return text
}
