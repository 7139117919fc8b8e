package pace

import (
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
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

// A stage that is to prove something, and has no node to prove it on, is told.
func TestWhichStagesProveNothing(t *testing.T) {
	w := newWorld(t, 6, 2)
	canary := Stage{Name: "canary", Nodes: selector("canary=yes"), Soak: time.Minute}
	typo := Stage{Name: "typo", Nodes: selector("cannary=yes"), Approve: true}
	quick := Stage{Name: "quick", Nodes: selector("quick=yes")}
	zones := Stage{Name: "zone", Each: "zone", Order: []string{"x"}, Soak: time.Minute}
	sets := []*appsv1.DaemonSet{w.sets[0].ds}
	elsewhere := w.sets[0].ds.DeepCopy()
	elsewhere.Spec.Template.Spec.NodeSelector = map[string]string{"zone": "c"}
	for _, c := range []struct {
		stages []Stage
		sets   []*appsv1.DaemonSet
		want   []string
	}{
		{[]Stage{canary, quick, zones}, sets, nil},
		{[]Stage{typo, canary, quick}, sets, []string{"typo"}},
		{[]Stage{canary, typo}, []*appsv1.DaemonSet{elsewhere}, []string{"canary", "typo"}},
		{[]Stage{canary}, append(sets, elsewhere), nil},
		{[]Stage{typo}, nil, nil}, // there is nobody to prove it to
	} {
		if got := Hollow(Plan{Stages: c.stages}, c.sets, w.nodes, w.now); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.stages, got, c.want)
		}
	}
}
