package rollout

import (
	"encoding/json"
	"iter"
	"slices"
)

// NodeList are nodes in several lists, one after the other, and those that are not meant, which stand between them in
// the order of their names. Judgements share the lists in which nothing has changed, so nobody changes one. In JSON it
// is one list.
type NodeList struct {
	lists    [][]Node
	unwanted *Unwanted // nil: all are in the lists
}

// And are these nodes and those of a list, which stand behind them.
func (l NodeList) And(list []Node) NodeList {
	l.lists = append(l.lists, list)
	return l
}

// With are these nodes, which are sorted by name, and others that are not meant.
func (l NodeList) With(u *Unwanted) NodeList { return NodeList{l.lists, u} }

// All are the nodes of all lists.
func (l NodeList) All() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		next := 0 // of those that are not meant
		for _, list := range l.lists {
			for i := range list {
				for ; next < l.unwanted.Len() && l.unwanted.names[next] < list[i].Name; next++ {
					if !yield(l.unwanted.node(next)) {
						return
					}
				}
				if !yield(list[i]) {
					return
				}
			}
		}
		for ; next < l.unwanted.Len(); next++ {
			if !yield(l.unwanted.node(next)) {
				return
			}
		}
	}
}

// Len is how many nodes there are.
func (l NodeList) Len() (n int) {
	for _, list := range l.lists {
		n += len(list)
	}
	return n + l.unwanted.Len()
}

// IsZero reports whether there are none: then nothing is written of them in JSON.
func (l NodeList) IsZero() bool { return l.Len() == 0 }

// MarshalJSON writes one list.
func (l NodeList) MarshalJSON() ([]byte, error) {
	all := make([]Node, 0, l.Len())
	return json.Marshal(slices.AppendSeq(all, l.All()))
}

// UnmarshalJSON reads one list.
func (l *NodeList) UnmarshalJSON(text []byte) error {
	var all []Node
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	if *l = (NodeList{}); len(all) > 0 {
		*l = l.And(all)
	}
	return nil
}

// Unwanted are nodes that a DaemonSet is not meant for, and on which it has nothing. A large cluster may have many
// DaemonSets for a few of its nodes each, so little is kept of the others. It does not change: judgements share it.
type Unwanted struct {
	names []string // sorted
	why   []int32  // by name: which of the reasons
	whys  []string
}

// NewUnwanted are nodes by name, with the reason why each is not meant. It is nil if there are none.
func NewUnwanted(names []string, why func(i int) string) *Unwanted {
	if len(names) == 0 {
		return nil
	}
	u := &Unwanted{names: slices.Clone(names), why: make([]int32, len(names))}
	known := map[string]int32{}
	for i := range u.names {
		u.why[i] = u.reason(why(i), known)
	}
	return u
}

func (u *Unwanted) reason(why string, known map[string]int32) int32 {
	n, has := known[why]
	if !has {
		n = int32(len(u.whys))
		known[why], u.whys = n, append(u.whys, why)
	}
	return n
}

// Len is how many they are.
func (u *Unwanted) Len() int {
	if u == nil {
		return 0
	}
	return len(u.names)
}

// Has reports whether a node is one of them, and why.
func (u *Unwanted) Has(name string) (why string, has bool) {
	if u == nil {
		return "", false
	}
	i, has := slices.BinarySearch(u.names, name)
	if !has {
		return "", false
	}
	return u.whys[u.why[i]], true
}

// Because are the same nodes, of which some have other reasons.
func (u *Unwanted) Because(why map[string]string) *Unwanted {
	if len(why) == 0 {
		return u
	}
	return NewUnwanted(u.names, func(i int) string {
		if other, has := why[u.names[i]]; has {
			return other
		}
		return u.whys[u.why[i]]
	})
}

func (u *Unwanted) node(i int) Node {
	return Node{Name: u.names[i], State: IsNotEligible, Why: u.whys[u.why[i]]}
}
