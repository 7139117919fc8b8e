package rollout

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
)

// Nodes that are not meant stand among the others in the order of their names, whichever lists those are in, and are
// written as any other.
func TestNodesThatAreNotMeantStandAmongTheOthers(t *testing.T) {
	for seed := range int64(200) {
		r := rand.New(rand.NewSource(seed))
		var want, list []Node
		var names, whys []string
		var nodes NodeList
		for i := range r.Intn(20) {
			n := Node{Name: fmt.Sprintf("node-%02d", i), State: IsSettled, Pod: "p"}
			if r.Intn(2) == 0 {
				n = Node{Name: n.Name, State: IsNotEligible, Why: fmt.Sprint("taint ", r.Intn(3))}
				names, whys = append(names, n.Name), append(whys, n.Why)
			} else if list = append(list, n); r.Intn(3) == 0 {
				nodes, list = nodes.And(list), nil
			}
			want = append(want, n)
		}
		nodes = nodes.And(list).With(NewUnwanted(names, func(i int) string { return whys[i] }))
		if got := slices.Collect(nodes.All()); !slices.Equal(got, want) || nodes.Len() != len(want) {
			t.Fatalf("seed %d: %d nodes\n%v\nwant\n%v", seed, nodes.Len(), got, want)
		}
		for most := range want { // whoever has seen enough is told of no more
			var some []Node
			for n := range nodes.All() {
				if some = append(some, n); len(some) > most {
					break
				}
			}
			if !slices.Equal(some, want[:most+1]) {
				t.Fatalf("seed %d: %v", seed, some)
			}
		}
		raw, err := json.Marshal(Judgement{Nodes: nodes})
		var read Judgement
		if err == nil {
			err = json.Unmarshal(raw, &read)
		}
		if err != nil || !slices.Equal(slices.Collect(read.Nodes.All()), want) ||
			strings.Contains(string(raw), `"nodes"`) != (len(want) > 0) {
			t.Fatalf("seed %d: %v %s", seed, err, raw)
		}
	}
}

// Another reason makes other nodes: whoever has those of before sees what they were.
func TestNodesThatAreNotMeantDoNotChange(t *testing.T) {
	before := NewUnwanted([]string{"a", "b", "c"}, func(int) string { return "labels" })
	after := before.Because(map[string]string{"b": "taint"})
	for _, c := range []struct {
		of        *Unwanted
		name, why string
		has       bool
	}{
		{before, "a", "labels", true}, {before, "b", "labels", true}, {before, "d", "", false},
		{after, "a", "labels", true}, {after, "b", "taint", true}, {after, "c", "labels", true},
		{nil, "a", "", false}, {NewUnwanted(nil, nil), "a", "", false},
	} {
		if why, has := c.of.Has(c.name); why != c.why || has != c.has {
			t.Errorf("%s of %v: %q, %v", c.name, c.of, why, has)
		}
	}
}
