package pace

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/rollout/fact"
)

// rolls has the DaemonSets of a world ask for RollingUpdate, of which nothing is held yet.
func (w *world) rolls() *world {
	for _, s := range w.sets {
		s.held = true
		w.strategy(s, false)
		s.writes = nil
	}
	return w
}

// A DaemonSet that rolls by itself is written with OnDelete, goes through its stages so, and gets its strategy back once,
// when the last stage is done; only then is the rollout done.
func TestARollingUpdateIsHeldThroughItsStages(t *testing.T) {
	w := newWorld(t, 6, 2)
	w.plan = canaryThenRest(10 * time.Minute)
	w.rolls().commit("v2")
	w.want(w.run(5*time.Minute), "canary", ForSoak)
	if w.has("v2") != "n001 n002" {
		t.Errorf("the commit is on %s", w.has("v2"))
	}
	for range 3600 {
		if o := w.decide(); o.Waits == ForStrategy {
			break
		}
		w.after(time.Second)
	}
	if o := w.last; o.Done || !o.Back || len(o.Strategies) != 1 || o.Strategies[0].OnDelete || w.has("v1") != "" {
		t.Errorf("at the end: %+v", o)
	}
	if o := w.run(time.Minute); !o.Done || !slices.Equal(w.sets[0].writes, []string{"OnDelete", "RollingUpdate"}) {
		t.Errorf("%v: %+v", w.sets[0].writes, o)
	}
}

// A DaemonSet without an old pod need not be written: one that was just made, or that the commit leaves as it is.
func TestWhatHasNoOldPodIsNotHeld(t *testing.T) {
	w := newWorld(t, 4, 1)
	w.addSet("other")
	w.plan = canaryThenRest(0)
	w.rolls().commit("v2", "agent")
	if o := w.run(30 * time.Minute); !o.Done || w.has("v1") != "" || len(w.sets[1].writes) > 0 {
		t.Errorf("%v: %+v", w.sets[1].writes, o)
	}
}

// Whoever gives the strategy back by hand has it taken again, while it matters.
func TestAStrategyThatSomebodyGivesBackIsTakenAgain(t *testing.T) {
	w := newWorld(t, 6, 1)
	w.plan = canaryThenRest(time.Hour)
	w.rolls().commit("v2")
	w.want(w.run(5*time.Minute), "canary", ForSoak)
	w.strategy(w.sets[0], false)
	if o := w.decide(); !o.Unknown || len(o.Delete) > 0 || len(o.Strategies) != 1 || !o.Strategies[0].OnDelete {
		t.Errorf("%+v", o)
	}
	if w.want(w.run(time.Minute), "canary", ForSoak); w.has("v2") != "n001" {
		t.Errorf("the commit is on %s", w.has("v2"))
	}
}

// While a person has the rollout stand still no strategy is given back: a node that comes back would get the commit.
func TestAPauseHoldsTheStrategy(t *testing.T) {
	w := newWorld(t, 3, 1)
	w.plan = canaryThenRest(0)
	w.rolls().commit("v2")
	for w.evictions < 3 {
		w.decide()
		w.after(time.Second)
	}
	w.paused = "ann: lunch"
	if o := w.want(w.run(10*time.Minute), "rest", ForResume); o.Done || w.has("v1") != "" {
		t.Errorf("%+v", o)
	}
	w.paused = ""
	if o := w.run(time.Minute); !o.Done || w.sets[0].writes[1] != "RollingUpdate" {
		t.Errorf("%+v", o)
	}
}

// What was given back is not taken again, although a node that comes back has an old pod: its controller replaces that.
func TestWhatWasGivenBackStaysSo(t *testing.T) {
	w := newWorld(t, 5, 1)
	w.addSet("other")
	w.plan = canaryThenRest(0)
	w.rolls().ready("n005", false)
	w.after(time.Hour)
	w.commit("v2")
	for range 3600 {
		if o := w.decide(); o.Back {
			break
		}
		w.after(time.Second)
	}
	w.strategy(w.sets[0], true) // the second write was lost
	w.ready("n005", true)
	o := w.run(5 * time.Minute)
	if got := strings.Join(w.sets[0].writes, " "); !o.Done || got != "OnDelete RollingUpdate OnDelete RollingUpdate" {
		t.Errorf("%s: %+v", got, o)
	}
	if got := strings.Join(w.sets[1].writes, " "); got != "OnDelete RollingUpdate" {
		t.Errorf("the other one, which had its own back: %s", got)
	}
	if w.has("v1") != "" {
		t.Errorf("the controller has left %s", w.has())
	}
}

// What holds the decision about one DaemonSet up keeps none from the others: one that rolls by itself is held.
func TestOneThatCannotBeToldLeavesNoOtherLoose(t *testing.T) {
	w := newWorld(t, 6, 1)
	w.addSet("other")
	w.plan = canaryThenRest(time.Hour)
	w.rolls().commit("v2")
	w.want(w.run(10*time.Minute), "canary", ForSoak)
	w.strategy(w.sets[1], false)
	w.sets[0].ds = w.sets[0].ds.DeepCopy()
	w.sets[0].ds.Generation++ // which its controller has not observed
	if o := w.decide(); !o.Unknown || len(o.Strategies) != 1 || o.Strategies[0].Name != "other" ||
		!o.Strategies[0].OnDelete {
		t.Errorf("%+v", o)
	}
}

// Where one DaemonSet asks for OnDelete itself, no controller replaces the old pods of a node that comes back while
// another gets its strategy back: they go as those of any stage, and the rollout is done then.
func TestWhatComesBackBesideAStrategyThatIsGivenBack(t *testing.T) {
	w := newWorld(t, 5, 1)
	own := w.addSet("other")
	w.plan = canaryThenRest(0)
	w.rolls()
	own.held = false
	w.strategy(own, true)
	w.ready("n005", false)
	w.after(time.Hour)
	w.commit("v2")
	for range 3600 {
		if o := w.decide(); o.Back {
			break
		}
		w.after(time.Second)
	}
	w.ready("n005", true)
	o := w.run(10 * time.Minute)
	for _, p := range own.pods() {
		if p.Labels[fact.HashLabel] != "v2" {
			t.Errorf("the pod of %s is old: %+v", p.Spec.NodeName, o)
		}
	}
	if !o.Done || !o.Back || w.has("v1") != "" {
		t.Errorf("%s: %+v", w.has(), o)
	}
}
