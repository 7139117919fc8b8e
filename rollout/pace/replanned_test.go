package pace

import (
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/rollout"
)

// replan is somebody who changes the stages in the middle of a rollout.
func (w *world) replan(stages ...Stage) {
	w.plan.Stages, w.progress = stages, w.progress.Replanned()
	for _, s := range w.sets {
		for _, o := range w.last.Sets {
			if o.Name == s.ds.Name {
				s.reached = o.Reached
			}
		}
	}
}

// What is remembered of a rollout whose stages somebody changes in the middle: what the pods show and what is so of the
// commit stays, and a person's word, which was for other stages, does not.
func TestWhatIsRememberedWhenTheStagesChange(t *testing.T) {
	canary := func(soak time.Duration, approve bool) Stage {
		return Stage{Name: "canary", Nodes: selector("canary=yes"), Soak: soak, Approve: approve}
	}
	zones := Stage{Name: "zone", Each: "zone", Soak: time.Hour}
	for name, c := range map[string]struct {
		first  Stage
		before func(*world)
		after  Stage
		holds  func(*world, Outcome)
	}{
		"what has soaked is passed at once": {canary(10*time.Minute, false), func(w *world) { w.run(30 * time.Minute) },
			canary(20*time.Minute, false), func(w *world, o Outcome) { w.want(o, "zone/a", ForSoak) }},
		"what is to soak for longer soaks for the rest": {canary(10*time.Minute, false), func(w *world) { w.run(30 * time.Minute) },
			canary(time.Hour, false), func(w *world, o Outcome) {
				w.want(o, "canary", ForSoak)
				w.want(w.run(29*time.Minute), "canary", ForSoak)
				w.want(w.run(2*time.Minute), "zone/a", ForSoak)
			}},
		"a person is asked again": {canary(0, true), func(w *world) {
			w.run(5 * time.Minute)
			w.progress.Approved = true
			w.run(time.Minute)
		}, canary(time.Minute, true), func(w *world, o Outcome) { w.want(o, "canary", ForApproval) }},
		"alerts that fired before stay those, since then": {canary(10*time.Minute, false), func(w *world) {
			w.run(time.Second)
			w.alerts, w.firing = "alerts fire: NodeDown", true
			w.progress.Held, w.progress.HeldSince = rollout.AlertsHold, w.now
			w.run(14 * time.Minute)
		}, canary(time.Minute, false), func(w *world, _ Outcome) {
			if o := w.run(2 * time.Minute); o.Cause.Code != rollout.AlertsHold {
				w.t.Errorf("%+v", o)
			}
		}},
		"alerts that fired since stay those, also where a person paused": {canary(10*time.Minute, false), func(w *world) {
			w.run(2 * time.Minute)
			w.alerts, w.firing = "alerts fire: NodeDown", true
			w.run(time.Minute)
			w.paused, w.alerts, w.firing = "ann: lunch", "it is not known yet whether alerts fire", false // nobody asks
			w.run(time.Minute)
		}, canary(time.Minute, false), func(w *world, _ Outcome) {
			w.paused = ""
			w.run(time.Second)
			w.alerts, w.firing = "alerts fire: NodeDown", true
			if o := w.run(16 * time.Minute); o.Cause.Code != rollout.AlertsFiring {
				w.t.Errorf("%+v", o)
			}
		}},
		"an alert that has ended meanwhile is forgotten": {canary(10*time.Minute, false), func(w *world) {
			w.run(time.Second)
			w.progress.Held = rollout.AlertsHold
		}, canary(time.Minute, false), func(w *world, o Outcome) {
			if o.Held != "" || !o.HeldSince.IsZero() {
				w.t.Errorf("%+v", o)
			}
		}},
		"what fails is held against what was reached": {Stage{Name: "half", AtMost: 20}, func(w *world) {
			w.plan.MaxUnavailable = number(20)
			w.lives["v2"] = time.Second
			for w.decide(); len(w.lost) == 0; w.after(100 * time.Millisecond) {
				if w.decide(); w.now.Sub(epoch) > 5*time.Hour {
					w.t.Fatalf("%+v", w.last)
				}
			}
			delete(w.lives, "v2")
		}, canary(time.Minute, false), func(w *world, o Outcome) {
			if o.Sets[0].Reached < 20 {
				w.t.Errorf("%+v", o)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 30, 2)
			w.plan = Plan{Stages: []Stage{c.first, zones}, MaxUnavailable: number(3)}
			w.commit("v2")
			c.before(w)
			w.replan(c.after, zones)
			c.holds(w, w.decide())
		})
	}
}

// Strategies that are given back are not taken again because somebody changes the stages, and who refuses that is told
// since it began.
func TestWhatIsGivenBackStaysSoWhenTheStagesChange(t *testing.T) {
	w := newWorld(t, 6, 1)
	w.plan = canaryThenRest(0)
	w.rolls().commit("v2")
	w.sets[0].kept = "a webhook says no"
	for i := 0; w.decide().Waits != ForStrategy; i++ {
		if w.after(time.Second); i > 600 {
			t.Fatalf("%+v", w.last)
		}
	}
	since := w.last.HeldSince
	w.run(10 * time.Minute)
	w.replan(Stage{Name: "another", Soak: time.Hour})
	if o := w.decide(); !o.Back || o.Waits != ForStrategy || o.Held != rollout.StrategyKept || !o.HeldSince.Equal(since) {
		t.Errorf("%+v", o)
	}
	if o := w.run(6 * time.Minute); o.Cause.Code != rollout.StrategyKept || !strings.Contains(o.Cause.Message, "webhook") {
		t.Errorf("%+v", o)
	}
}
