package rollout

import (
	"encoding/json"
	"iter"
)

// NodeList are nodes in several lists, one after the other. Judgements share those in which nothing has changed, so
// nobody changes one. In JSON it is one list.
type NodeList [][]Node

// All are the nodes of all lists.
func (l NodeList) All() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for _, list := range l {
			for i := range list {
				if !yield(list[i]) {
					return
				}
			}
		}
	}
}

// Len is how many nodes there are.
func (l NodeList) Len() (n int) {
	for _, list := range l {
		n += len(list)
	}
	return n
}

// MarshalJSON writes one list.
func (l NodeList) MarshalJSON() ([]byte, error) {
	all := make([]Node, 0, l.Len())
	for n := range l.All() {
		all = append(all, n)
	}
	return json.Marshal(all)
}

// UnmarshalJSON reads one list.
func (l *NodeList) UnmarshalJSON(text []byte) error {
	var all []Node
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	if *l = nil; len(all) > 0 {
		*l = NodeList{all}
	}
	return nil
}
