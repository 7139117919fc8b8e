package pace

import (
	"fmt"
	"testing"
	"time"
)

func told(parts []Part) (text string) {
	for _, p := range parts {
		text += fmt.Sprintf("%s %v %v ", p.Name, p.Nodes, p.Early)
	}
	return text
}

// Which nodes fall into which stage is told before anything is there, and by a look: the same ones. A node of a later stage
// that has the commit is early until its stage is reached.
func TestWhichNodesFallIntoWhichStage(t *testing.T) {
	w := newWorld(t, 6, 2)
	w.plan = canaryThenRest(10 * time.Minute)
	want := "canary [n001 n002] [] rest [n003 n004 n005 n006] [] "
	if got := told(Preview(w.plan, w.nodes, w.now)); got != want {
		t.Errorf("before: %s", got)
	}
	zones := Preview(Plan{Stages: []Stage{{Name: "zone", Each: "zone", Overlap: true}}}, w.nodes, w.now)
	if !zones[0].Overlap || zones[len(zones)-1].Overlap {
		t.Errorf("which overlap: %+v", zones)
	}
	w.commit("v2")
	w.lose("n006")
	o := w.run(5 * time.Minute)
	parts := Parts(w.input())
	if got := told(parts); got != "canary [n001 n002] [] rest [n003 n004 n005 n006] [n006] " || o.Early != 1 {
		t.Errorf("%d early: %s", o.Early, got)
	}
	w.run(30 * time.Minute)
	if got := told(Parts(w.input())); got != want {
		t.Errorf("after: %s", got)
	}
}
