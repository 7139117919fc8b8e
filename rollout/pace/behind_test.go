package pace

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// onTheirWay are the stages whose nodes have lost a pod by our hand, and have not settled since.
type onTheirWay struct {
	*world
	stages map[string]string // by node
}

// goes notes the stage of each pod that goes, and fails if that makes a third one.
func (w *onTheirWay) goes(in Input, o Outcome, about string) {
	for i, p := range w.sets[0].slots {
		name := w.nodes[i].Name
		if p != nil && p.Labels["controller-revision-hash"] == "v2" && isAvailable(p) || !isReadyNode(w.nodes[i]) {
			delete(w.stages, name)
		}
	}
	for _, part := range Parts(in) {
		for _, d := range o.Delete {
			if slices.Contains(part.Nodes, d.Node) {
				w.stages[d.Node] = part.Name
			}
		}
	}
	if of := slices.Compact(slices.Sorted(maps.Values(w.stages))); len(of) > 2 {
		w.t.Fatalf("%s: %v are on their way: %v\n%+v", about, of, w.stages, o)
	}
}

// Whatever labels come and go, and whichever nodes were away: our hand has two stages on their way at most, and all get
// there. Labels change on nodes with an old pod alone; what is on its way takes its stage along otherwise.
func TestNoMoreThanTwoStagesAreOnTheirWayWhateverLabelsCome(t *testing.T) {
	const calm = 120 // from then on nothing happens any more
	inserted := 0
	for seed := range int64(15) {
		r := rand.New(rand.NewSource(seed))
		w := &onTheirWay{newWorld(t, 12+r.Intn(12), 0), map[string]string{}}
		w.jitter, w.options.AbsentBudget = true, *percent("50%")
		w.plan = Plan{MaxUnavailable: number(1 + r.Intn(5)),
			Stages: []Stage{{Name: "zone", Each: "zone", Overlap: r.Intn(4) > 0}}}
		w.commit("v2")
		for step := 0; ; step++ {
			in := w.input()
			o := Decide(in)
			w.progress, w.last = o.Progress, o
			w.goes(in, o, fmt.Sprintf("seed %d, step %d", seed, step))
			if w.carryOut(o); o.Done && step > calm {
				break
			}
			w.after(time.Duration(r.Intn(2000)) * time.Millisecond)
			if step > 2000 {
				t.Fatalf("seed %d: %+v", seed, o)
			}
			i := r.Intn(len(w.nodes))
			node, p := w.nodes[i].Name, w.sets[0].slots[i]
			isOld := p != nil && p.DeletionTimestamp == nil && p.Labels["controller-revision-hash"] == "v1"
			switch n := r.Intn(20); {
			case step > calm: // then all come back
				w.ready(w.nodes[step%len(w.nodes)].Name, true)
			case n == 0:
				w.ready(node, false)
			case n < 4:
				w.ready(node, true)
			case n < 8 && isOld:
				zone := fmt.Sprintf("%c%d", 'a'+r.Intn(3), r.Intn(3))
				w.change(node, func(n *corev1.Node) {
					n.Labels = maps.Clone(n.Labels)
					n.Labels["zone"] = zone
				})
				inserted++
			}
		}
		if w.has("v1") != "" {
			t.Fatalf("seed %d: %s", seed, w.has())
		}
	}
	if inserted < 50 {
		t.Errorf("%d labels changed: that proves little", inserted)
	}
}
