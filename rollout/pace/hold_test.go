package pace

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/rollout"
)

// What a stage waits for may never come. Once that has lasted for the progress deadline it is told with its cause, and
// no sooner; and the rollout goes on by itself when it has come after all.
func TestWhatHoldsAStageUpForEverIsToldByItsCause(t *testing.T) { //nolint:gocyclo // one rule after the other of one outcome
	fires := func(w *world) { w.alerts, w.firing = "alerts fire: NodeDown", true }
	ends := func(w *world) { w.alerts, w.firing = "", false }
	soaks := func(w *world) { w.want(w.run(2*time.Minute), "canary", ForSoak) }
	for _, c := range []struct {
		name           string
		before, mended func(*world)
		lasts          time.Duration // from then on until it is told
		code           rollout.Code
		says           string
	}{
		{"alerts fire since the canaries have it", func(w *world) { soaks(w); fires(w) }, ends, 15 * time.Minute,
			rollout.AlertsFiring, "alerts fire: NodeDown, for longer than 15m0s"},
		{"alerts fired before", fires, ends, 15 * time.Minute, rollout.AlertsHold, "NodeDown"},
		{"alerts fire, and nobody knows since when", func(w *world) {
			soaks(w)
			w.alerts = "it is not known whether alerts fire: away"
			w.run(5 * time.Minute)
			fires(w)
		}, ends, 10 * time.Minute, rollout.AlertsHold, "NodeDown"},
		{"alerts fire, and then nobody knows", func(w *world) {
			soaks(w)
			fires(w)
			w.run(5 * time.Minute)
			w.alerts, w.firing = "it is not known whether alerts fire: away", false
		}, ends, 10 * time.Minute, rollout.AlertsFiring, "away"},
		{"the update strategy is refused", func(w *world) {
			w.sets[0].kept = "admission webhook says no"
			for w.decide().Waits != ForStrategy {
				w.after(time.Second)
			}
		}, func(w *world) { w.sets[0].kept = "" }, 15 * time.Minute, rollout.StrategyKept, "admission webhook says no"},
		{"the canaries are away", func(w *world) {
			w.ready("n001", false)
			w.ready("n002", false)
			w.after(2 * time.Minute)
			w.commit("v2")
			w.decide()
		}, func(w *world) { w.ready("n001", true); w.ready("n002", true) }, 15 * time.Minute, rollout.NodesAbsent,
			"none of the nodes of the stage is there"},
		{"a container ends in each soak", func(w *world) {
			w.lives["v2"] = 7 * time.Minute
			soaks(w)
		}, func(w *world) { delete(w.lives, "v2") }, 43 * time.Minute, rollout.SoakRestarted, "exit code 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			begun := func() *world {
				w := newWorld(t, 10, 2)
				w.options.AbsentBudget, _ = rollout.ParseBudget("50%")
				w.plan = canaryThenRest(10 * time.Minute)
				return w.rolls().commit("v2")
			}
			w := begun()
			c.before(w)
			const margin = 3 * time.Minute
			if o := w.run(c.lasts - margin); o.Cause.Code != "" {
				t.Fatalf("too soon: %+v", o)
			}
			o := w.run(2 * margin)
			if o.Cause.Code != c.code || !strings.Contains(o.Cause.Message, c.says) || o.Cause.Remedy == "" ||
				w.now.Sub(o.Cause.Since) < c.lasts-margin {
				t.Fatalf("%+v\n%+v", o.Cause, o)
			}
			switch c.code {
			case rollout.StrategyKept:
				if o.Cause.Name != "agent" || !strings.Contains(o.Message, c.says) {
					t.Errorf("%+v", o)
				}
			case rollout.SoakRestarted:
				if !slices.Equal(o.Cause.Nodes, []string{"n001", "n002"}) {
					t.Errorf("%+v", o.Cause)
				}
			}
			c.mended(w)
			if o = w.run(3 * time.Hour); !o.Done || o.Cause.Code != "" || w.has("v1") != "" {
				t.Errorf("when it is mended: %+v", o)
			}

			w = begun()
			c.before(w)
			w.run(c.lasts - margin)
			w.after(3 * time.Hour)
			w.first = w.now
			if o = w.run(c.lasts / 2); o.Cause.Code != "" {
				t.Errorf("a process that looked first when that was over tells it at once: %+v", o)
			}
			if o = w.run(c.lasts + 2*margin); o.Cause.Code != c.code {
				t.Errorf("a process that looked first when that was over never tells it: %+v", o)
			}
		})
	}
}

// An end in a soak begins that anew, and is nothing to be told; nor is one while a person takes their time.
func TestASoakThatBeginsAnewIsNotTold(t *testing.T) {
	w := newWorld(t, 6, 2)
	w.plan = canaryThenRest(10 * time.Minute)
	w.plan.Stages[0].Approve = true
	w.lives["v2"] = 8 * time.Minute
	w.commit("v2")
	w.want(w.run(12*time.Minute), "canary", ForSoak)
	delete(w.lives, "v2")
	if o := w.want(w.run(40*time.Minute), "canary", ForApproval); o.Cause.Code != "" || !o.Soaking.IsZero() {
		t.Errorf("%+v", o)
	}
	w.run(5 * time.Hour)
	w.lose("n001")
	if o := w.want(w.run(time.Minute), "canary", ForSoak); o.Cause.Code != "" || w.now.Sub(o.Soaking) > time.Minute {
		t.Errorf("%+v", o)
	}
}

// A soak that is long enough for a container's end now and then is told of neither before three times its length.
func TestALongSoakHasItsTime(t *testing.T) {
	w := newWorld(t, 6, 2)
	w.plan = canaryThenRest(4 * time.Hour)
	w.lives["v2"] = 3 * time.Hour
	w.commit("v2")
	if o := w.want(w.run(12*time.Hour), "canary", ForSoak); o.Cause.Code != "" {
		t.Errorf("%+v", o.Cause)
	}
	if o := w.run(time.Hour); o.Cause.Code != rollout.SoakRestarted {
		t.Errorf("%+v", o)
	}
}

// An alert that fired before the commit stays one, although some node has the commit by now and the rollout stood still
// for something else meanwhile: a person who paused it, a window, a node that failed.
func TestAlertsThatFiredBeforeStayThose(t *testing.T) {
	for name, breaks := range map[string]func(*world){
		"a person pauses": func(w *world) { w.paused = "ann: lunch" },
		"a window closes": func(w *world) { w.closed = "no window is open" },
	} {
		w := newWorld(t, 10, 2)
		w.plan = canaryThenRest(10 * time.Minute)
		w.commit("v2")
		w.alerts, w.firing = "alerts fire: NodeDown", true
		w.want(w.run(2*time.Minute), "canary", ForAlerts)
		w.join("n011", "a", false)
		if w.want(w.run(2*time.Minute), "canary", ForAlerts); w.has("v2") != "n011" {
			t.Fatalf("%s: the commit is on %s", name, w.has("v2"))
		}
		breaks(w)
		if o := w.run(10 * time.Second); o.Waits == ForAlerts || !o.HeldSince.IsZero() {
			t.Errorf("%s: %+v", name, o)
		}
		if o := w.run(time.Hour); o.Cause.Code != "" {
			t.Errorf("%s: meanwhile: %+v", name, o.Cause)
		}
		w.paused, w.closed = "", ""
		began := w.now
		if o := w.run(14 * time.Minute); o.Cause.Code != "" || o.HeldSince.Before(began) {
			t.Errorf("%s: too soon: %+v", name, o)
		}
		if o := w.run(2 * time.Minute); o.Cause.Code != rollout.AlertsHold {
			t.Errorf("%s: %+v", name, o.Cause)
		}
		w.alerts, w.firing = "", false
		w.want(w.run(2*time.Minute), "canary", ForSoak)
		w.alerts, w.firing = "alerts fire: Another", true
		if o := w.run(16 * time.Minute); o.Cause.Code != rollout.AlertsFiring {
			t.Errorf("%s: what began since: %+v", name, o)
		}
	}
}

// What the broken commit has brought about, and goes on a while after it is fixed, is not held against the fix.
func TestAlertsOfABrokenCommitAreNotTheFixs(t *testing.T) {
	w := newWorld(t, 8, 2)
	w.plan = canaryThenRest(10 * time.Minute)
	w.lives["v2"] = time.Second
	w.commit("v2")
	w.run(5 * time.Minute)
	w.alerts, w.firing = "alerts fire: AgentDown", true
	w.mend("v3")
	if o := w.decide(); o.Name != fixName {
		t.Fatalf("%+v", o)
	}
	w.want(w.run(5*time.Minute), "canary", ForAlerts)
	if o := w.run(16 * time.Minute); o.Cause.Code != rollout.AlertsHold {
		t.Errorf("%+v", o)
	}
}

// A strategy that nobody tries to give back, since the Sync is suspended, is not kept by anybody.
func TestASuspendedStrategyIsNotKept(t *testing.T) {
	w := newWorld(t, 4, 1)
	w.plan = canaryThenRest(0)
	w.rolls().commit("v2")
	w.sets[0].kept = "nobody tries"
	for i := 0; w.decide().Waits != ForStrategy; i++ {
		if w.after(time.Second); i > 600 {
			t.Fatalf("%+v", w.last)
		}
	}
	w.paused = "the Sync is suspended"
	if o := w.run(20 * time.Minute); o.Cause.Code != "" || o.Done {
		t.Errorf("while it is suspended: %+v", o)
	}
	w.paused = ""
	if o := w.run(14 * time.Minute); o.Cause.Code != "" {
		t.Errorf("too soon: %+v", o.Cause)
	}
	if o := w.run(2 * time.Minute); o.Cause.Code != rollout.StrategyKept {
		t.Errorf("%+v", o)
	}
}

// Not to know for a moment whether alerts fire, as after each time that nobody asked, is no end of a soak.
func TestASoakThatBeginsAnewIsToldAlthoughNobodyKnowsOfAlertsNowAndThen(t *testing.T) {
	w := newWorld(t, 10, 2)
	w.plan = canaryThenRest(10 * time.Minute)
	w.lives["v2"] = 7 * time.Minute
	w.commit("v2")
	unknown := "it is not known yet whether alerts fire"
	var was Wait
	for end := w.now.Add(time.Hour); w.now.Before(end); w.after(15 * time.Second) {
		if o := w.decide(); o.Waits == ForHealth {
			w.alerts = unknown // nobody asks
		} else if was != ForHealth {
			w.alerts = ""
		}
		was = w.last.Waits
	}
	if o := w.last; o.Cause.Code != rollout.SoakRestarted {
		t.Errorf("%+v", o)
	}
}
