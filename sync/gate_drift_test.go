package sync

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// driftStory is a flight whose set somebody else changes again and again.
type driftStory struct {
	gate Gate
	s    State
	o    Observation
}

func newDriftStory(state api.CommitState) *driftStory {
	d := &driftStory{gate: Gate{Correct: true, Deadline: time.Hour}}
	d.o.Now = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	d.s.InFlight = &api.Flight{Commit: "c1", Digest: "d1", State: state, Pruned: true}
	return d
}

func (d *driftStory) step() Decision {
	var next Decision
	d.s, next = d.gate.Step(d.s, d.o)
	return next
}

// change has an object changed, and says when it is corrected, counted from the change. It stays changed until then.
func (d *driftStory) change(t *testing.T) time.Duration {
	t.Helper()
	began := d.o.Now
	d.o.Touched = true
	for range 10 {
		next := d.step()
		switch {
		case next.Compare:
			d.o.Touched = false
			d.o.Now = d.o.Now.Add(time.Millisecond)
			d.o.Compared = &Compared{Digest: "d1", At: d.o.Now, Objects: []api.DriftedObject{{Object: "ConfigMap ns/a", Field: "data.a", Manager: "x"}}}
		case next.Correct:
			took := d.o.Now.Sub(began)
			d.o.Now = d.o.Now.Add(time.Millisecond)
			d.o.Corrected = &Corrected{Digest: "d1", At: d.o.Now}
			d.step()
			return took
		case !next.Wake.IsZero():
			d.o.Now = next.Wake
		default:
			return -1
		}
	}
	t.Fatal("neither corrected nor left")
	return 0
}

// A first change is corrected at once. Against somebody who undoes each correction the pauses grow up to 15 minutes, and
// once it was calm for long enough a change is corrected at once again.
func TestPausesBetweenCorrectionsGrow(t *testing.T) {
	d := newDriftStory(api.Complete)
	want := []time.Duration{0, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute}
	for i, w := range want {
		if got := d.change(t).Round(time.Second); got != w {
			t.Errorf("correction %d came after %s, want %s", i+1, got, w)
		}
	}
	d.o.Now = d.o.Now.Add(time.Hour)
	if got := d.change(t).Round(time.Second); got != 0 {
		t.Errorf("after an hour's calm it came after %s", got)
	}
}

// Nothing is corrected while the Sync is suspended, outside its windows, or if it only is to report.
func TestWhenNothingIsCorrected(t *testing.T) {
	for name, not := range map[string]func(*driftStory){
		"suspended": func(d *driftStory) { d.o.Suspended = true },
		"closed":    func(d *driftStory) { d.o.Window.Closed = "closed until 22:00" },
		"report":    func(d *driftStory) { d.gate.Correct = false },
	} {
		d := newDriftStory(api.Complete)
		not(d)
		if got := d.change(t); got >= 0 {
			t.Errorf("%s: corrected after %s", name, got)
		}
		if found := d.s.Drift != nil; found != (name != "suspended") {
			t.Errorf("%s: said %+v", name, d.s.Drift)
		}
	}
}

// A rollout that somebody overwrites is corrected before it is called stuck; it is called so once that has failed, past
// the deadline, and at once if nothing may be corrected.
func TestOverwrittenIsCorrectedFirst(t *testing.T) {
	for name, story := range map[string]struct {
		change func(*driftStory)
		stuck  bool
	}{
		"corrected": {func(*driftStory) {}, false},
		"report":    {func(d *driftStory) { d.gate.Correct = false }, true},
		"closed":    {func(d *driftStory) { d.o.Window.Closed = "closed" }, true},
		"late":      {func(d *driftStory) { d.o.Now = d.o.Now.Add(2 * time.Hour) }, true},
		"failed": {func(d *driftStory) {
			d.s.Drift = &api.DriftStatus{Problem: "conflict", Since: metav1.NewMicroTime(d.o.Now)}
		}, true},
	} {
		d := newDriftStory(api.RollingOut)
		d.o.Rollout = &Rollout{Commit: "c1", Digest: "d1", State: api.Stuck, Causes: []api.Cause{{Code: causeOverwritten, Since: metav1.NewTime(d.o.Now)}}}
		story.change(d)
		next := d.step()
		if stuck := d.s.InFlight.State == api.Stuck; stuck != story.stuck {
			t.Errorf("%s: stuck is %v", name, stuck)
		}
		if name == "corrected" && !next.Compare {
			t.Errorf("%s: it is not looked into: %+v", name, next)
		}
	}
}
