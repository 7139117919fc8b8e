package pace

import (
	"testing"
	"time"
)

// zonesOverlap rolls three zones out, three nodes at once, and says how many stages were on their way at most, and
// whether a later one had the commit while an earlier one had still old pods.
//
//nolint:gocyclo // each node is looked at for four things
func zonesOverlap(t *testing.T, plan Plan) (most int, early bool, took time.Duration) {
	w := newWorld(t, 30, 0)
	w.jitter, w.plan = true, plan
	w.commit("v2")
	began := w.now
	for !w.decide().Done && w.now.Sub(began) < time.Hour {
		w.after(500 * time.Millisecond)
		unsettled, old, reached := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for i, p := range w.sets[0].slots {
			zone := w.nodes[i].Labels["zone"]
			isOld := p != nil && p.DeletionTimestamp == nil && p.Labels["controller-revision-hash"] == "v1"
			old[zone] = old[zone] || isOld
			reached[zone] = reached[zone] || !isOld
			unsettled[zone] = unsettled[zone] || !isOld && (p == nil || p.DeletionTimestamp != nil || !isAvailable(p))
		}
		early = early || old["a"] && reached["b"] || old["b"] && reached["c"] || unsettled["a"] && reached["c"]
		most = max(most, len(trues(unsettled)))
	}
	if !w.last.Done || w.has("v1") != "" {
		t.Fatalf("%+v", w.last)
	}
	return most, early, w.now.Sub(began)
}

func trues(all map[string]bool) (list []string) {
	for name, is := range all {
		if is {
			list = append(list, name)
		}
	}
	return list
}

// A stage that overlaps lets the next one begin when none of its old pods is left, and no more than two are on their way
// at once. That is faster; without it each stage has settled before the next one begins.
func TestAStageMayOverlapWithTheNext(t *testing.T) {
	plan := func(overlap bool) Plan {
		return Plan{Stages: []Stage{{Name: "zone", Each: "zone", Overlap: overlap}}, MaxUnavailable: number(3)}
	}
	most, early, strict := zonesOverlap(t, plan(false))
	if most != 1 || early {
		t.Errorf("without: %d on their way at once, %v", most, early)
	}
	most, early, overlapping := zonesOverlap(t, plan(true))
	if most != 2 || early {
		t.Errorf("with: %d on their way at once, %v", most, early)
	}
	if overlapping >= strict {
		t.Errorf("it took %s, and %s without", overlapping, strict)
	}
}

// A stage that soaks, or waits for a person, is over before the next one begins, whatever else is asked of it.
func TestAStageThatProvesSomethingDoesNotOverlap(t *testing.T) {
	for name, canary := range map[string]Stage{"soak": {Soak: 10 * time.Minute}, "approve": {Approve: true}} {
		w := newWorld(t, 6, 2)
		w.plan = canaryThenRest(0)
		canary.Name, canary.Nodes, canary.Overlap = "canary", selector("canary=yes"), true
		w.plan.Stages[0] = canary
		w.commit("v2")
		if w.run(5 * time.Minute); w.has("v2") != "n001 n002" {
			t.Errorf("%s: it is on %s", name, w.has("v2"))
		}
	}
}

// What fails in a stage stops the one that overlaps with it.
func TestAFailureStopsTheStageThatOverlaps(t *testing.T) {
	w := newWorld(t, 12, 0)
	w.plan = Plan{Stages: []Stage{{Name: "zone", Each: "zone", Overlap: true}}, MaxUnavailable: number(2)}
	w.lives["v2"] = 8 * time.Second
	w.commit("v2")
	if w.run(10 * time.Minute); w.last.Waits != ForHealth || w.evictions > 8 {
		t.Errorf("%d pods went: %+v", w.evictions, w.last)
	}
}

// A small stage in between does not have a third one begin while nodes of the first still settle.
func TestNoMoreThanTwoStagesAreOnTheirWay(t *testing.T) {
	w := newWorld(t, 15, 0)
	w.jitter, w.plan = true, Plan{MaxUnavailable: number(5), Stages: []Stage{
		{Name: "first", Nodes: selector("zone=a"), Overlap: true},
		{Name: "second", Nodes: selector("zone=b"), AtMost: 1, Overlap: true},
	}}
	w.commit("v2")
	second := false
	for o := w.decide(); !o.Done; o = w.decide() {
		first := 0
		for i, p := range w.sets[0].slots {
			if w.nodes[i].Labels["zone"] == "a" && (p == nil || p.Labels["controller-revision-hash"] != "v2" || !isAvailable(p)) {
				first++
			}
		}
		second = second || o.Name == "second" && first > 0
		if o.Name == restName && first > 0 {
			t.Fatalf("the rest began while %d nodes of the first stage had no settled pod: %+v", first, o)
		}
		if w.after(500 * time.Millisecond); w.now.Sub(epoch) > 3*time.Hour {
			t.Fatalf("%+v", o)
		}
	}
	if !second {
		t.Error("the second stage did not overlap with the first: that proves nothing")
	}
}
