package pace

import (
	"testing"
	"time"
)

// While alerts fire no further pod goes and no stage is passed, whatever it waits for besides; a person's approval does
// not help. When they end it goes on.
func TestAlertsHoldAStageBack(t *testing.T) {
	w := newWorld(t, 8, 2)
	w.plan = canaryThenRest(10 * time.Minute)
	w.plan.Stages[0].Approve = true
	w.alerts = "alerts fire: NodeDown"
	w.commit("v2")
	if o := w.want(w.run(time.Minute), "canary", ForAlerts); o.Message != w.alerts || w.evictions > 0 {
		t.Errorf("at the beginning: %+v", o)
	}
	w.alerts = ""
	w.want(w.run(2*time.Minute), "canary", ForSoak)
	w.alerts = "alerts fire: NodeDown"
	w.want(w.run(time.Minute), "canary", ForAlerts)
	w.want(w.run(20*time.Minute), "canary", ForApproval)
	w.progress.Approved = true
	w.want(w.run(time.Hour), "canary", ForAlerts)
	w.alerts = ""
	w.want(w.run(10*time.Second), "rest", ForNodes)
	w.alerts = "alerts fire: NodeDown"
	had := w.evictions
	if w.want(w.run(time.Hour), "rest", ForAlerts); w.evictions != had {
		t.Errorf("%d pods went while an alert fired", w.evictions-had)
	}
	w.alerts = ""
	if o := w.run(time.Hour); !o.Done || w.has("v1") != "" {
		t.Errorf("%+v", o)
	}
}

// What is done everywhere waits for no alert to end.
func TestTheLastStageWaitsForNoAlert(t *testing.T) {
	w := newWorld(t, 3, 1)
	w.plan = canaryThenRest(0)
	w.commit("v2")
	for w.evictions < 3 {
		w.decide()
		w.after(time.Second)
	}
	w.alerts = "alerts fire: Other"
	if o := w.run(time.Minute); !o.Done {
		t.Errorf("%+v", o)
	}
}

// A fix goes to the broken nodes although alerts fire, which may be about those; and no further.
func TestAFixGoesAlthoughAlertsFire(t *testing.T) {
	w := newWorld(t, 8, 2)
	w.plan = canaryThenRest(0)
	w.lives["v2"] = time.Second
	w.commit("v2")
	w.run(5 * time.Minute)
	had := w.has("v2")
	w.mend("v3")
	w.alerts = "alerts fire: AgentDown"
	w.want(w.run(10*time.Minute), "canary", ForAlerts)
	if w.has("v3") != had || w.has("v2") != "" {
		t.Errorf("v2 was on %s; now %s", had, w.has())
	}
}
