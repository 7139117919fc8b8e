package gate_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/gate/gatetest"
)

// A first change is corrected at once. Against somebody who undoes each correction the pauses grow up to 15 minutes,
// and once it was calm for long enough a change is corrected at once again.
func TestPausesBetweenCorrectionsGrow(t *testing.T) {
	d := gatetest.NewFlight(api.Complete)
	want := []time.Duration{0, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
		15 * time.Minute, 15 * time.Minute}
	for i, w := range want {
		if got := d.Change(t).Round(time.Second); got != w {
			t.Errorf("correction %d came after %s, want %s", i+1, got, w)
		}
	}
	d.Observation.Now = d.Observation.Now.Add(time.Hour)
	if got := d.Change(t).Round(time.Second); got != 0 {
		t.Errorf("after an hour's calm it came after %s", got)
	}
}

// Nothing is corrected while the Sync is suspended, outside its windows, or if it only is to report.
func TestWhenNothingIsCorrected(t *testing.T) {
	for name, not := range map[string]func(*gatetest.Flight){
		"suspended": func(d *gatetest.Flight) { d.Observation.Suspended = true },
		"closed":    func(d *gatetest.Flight) { d.Observation.Window.Closed = "closed until 22:00" },
		"report":    func(d *gatetest.Flight) { d.Gate.Correct = false },
	} {
		d := gatetest.NewFlight(api.Complete)
		not(d)
		if got := d.Change(t); got >= 0 {
			t.Errorf("%s: corrected after %s", name, got)
		}
		if found := d.State.Drift != nil; found != (name != "suspended") {
			t.Errorf("%s: said %+v", name, d.State.Drift)
		}
	}
}

// A rollout that somebody overwrites is corrected before it is called stuck; it is called so once that has failed, past
// the deadline, and at once if nothing may be corrected.
func TestOverwrittenIsCorrectedFirst(t *testing.T) {
	for name, story := range map[string]struct {
		change func(*gatetest.Flight)
		stuck  bool
	}{
		"corrected": {func(*gatetest.Flight) {}, false},
		"report":    {func(d *gatetest.Flight) { d.Gate.Correct = false }, true},
		"closed":    {func(d *gatetest.Flight) { d.Observation.Window.Closed = "closed" }, true},
		"late":      {func(d *gatetest.Flight) { d.Observation.Now = d.Observation.Now.Add(2 * time.Hour) }, true},
		"failed": {func(d *gatetest.Flight) {
			d.State.Drift = &api.DriftStatus{Problem: "conflict", Since: metav1.NewMicroTime(d.Observation.Now)}
		}, true},
	} {
		d := gatetest.NewFlight(api.RollingOut)
		d.Observation.Rollout = &gate.Rollout{Commit: "c1", Digest: "d1", State: api.Stuck,
			Causes: []api.Cause{{Code: gate.CauseOverwritten, Since: metav1.NewTime(d.Observation.Now)}}}
		story.change(d)
		next := d.Step()
		if stuck := d.State.InFlight.State == api.Stuck; stuck != story.stuck {
			t.Errorf("%s: stuck is %v", name, stuck)
		}
		if name == "corrected" && !next.Compare {
			t.Errorf("%s: it is not looked into: %+v", name, next)
		}
	}
}
