package gate_test

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/gate/gatetest"
	"github.com/daemongate/daemongate/sync/summary"
)

// Law 6: what breaks after Complete is a condition once it lasts, and changes no commit's state; it goes when all is
// well again and when another commit takes off.
func TestWhatBreaksAfterCompleteIsACondition(t *testing.T) {
	began := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	d := gatetest.NewFlight(api.Complete)
	look := func(after time.Duration, objects ...string) string {
		d.Observation.Now, d.Observation.Health = began.Add(after), &gate.Health{}
		for _, o := range objects {
			d.Observation.Health.Ailing = append(d.Observation.Health.Ailing,
				api.AilingObject{Object: o, Message: "2 of 3 nodes have no available pod"})
		}
		if next := d.Step(); len(objects) > 0 && after < gate.AilsAfter && !next.Wake.Equal(began.Add(gate.AilsAfter)) {
			t.Errorf("after %s it sleeps until %s", after, next.Wake)
		}
		status := api.SyncStatus{GateStatus: d.State}
		summary.Write(&status, d.Observation.Now)
		if status.Summary.State != api.Complete || d.State.InFlight.State != api.Complete {
			t.Errorf("after %s the commit is %s", after, status.Summary.State)
		}
		if c := meta.FindStatusCondition(status.Conditions, api.ConditionHealthy); c != nil {
			return string(c.Status) + " " + c.Message
		}
		return ""
	}
	if got := look(0, "DaemonSet ns/a"); got != "" {
		t.Errorf("at once it says %q", got)
	}
	if got := look(59*time.Second, "DaemonSet ns/a"); got != "" {
		t.Errorf("before a minute it says %q", got)
	}
	if got := look(time.Minute, "DaemonSet ns/a", "DaemonSet ns/b"); got != "False DaemonSet ns/a: 2 of 3 nodes have "+
		"no available pod (and 1 more)" {
		t.Errorf("after a minute it says %q", got)
	}
	d.Observation.Health = nil // a restart
	if d.Step(); d.State.Ailing == nil || !d.State.Ailing.Lasts {
		t.Errorf("while nothing is known it says %+v", d.State.Ailing)
	}
	if look(2 * time.Minute); d.State.Ailing != nil {
		t.Errorf("well again it still says %+v", d.State.Ailing)
	}
}

// Each object has its own minute, one that cannot be seen stays as it was, and a prune that waits makes no difference.
func TestEachObjectAilsForItself(t *testing.T) {
	began := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	d := gatetest.NewFlight(api.Complete)
	d.State.InFlight.Pruned, d.Gate.Prune = false, true
	look := func(after time.Duration, unseen map[string]bool, objects ...string) string {
		d.Observation.Now, d.Observation.Health = began.Add(after), &gate.Health{Unseen: unseen}
		for _, o := range objects {
			d.Observation.Health.Ailing = append(d.Observation.Health.Ailing,
				api.AilingObject{Object: o, Message: "ails"})
		}
		d.Step()
		return gate.AilingWords(d.State.Ailing)
	}
	for _, step := range []struct {
		after  time.Duration
		unseen map[string]bool
		ailing []string
		want   string
	}{
		{0, nil, []string{"a"}, ""},
		{50 * time.Second, nil, []string{"b"}, ""}, // a is well again
		{70 * time.Second, nil, []string{"c", "b"}, ""},
		{110 * time.Second, map[string]bool{"b": true}, []string{"c"}, "b: ails (and 1 more)"},
		{111 * time.Second, nil, []string{"c"}, ""},
		{130 * time.Second, nil, []string{"c"}, "c: ails"},
	} {
		if got := look(step.after, step.unseen, step.ailing...); got != step.want {
			t.Errorf("after %s it says %q, want %q", step.after, got, step.want)
		}
	}
}

// Of another commit nothing is known yet: neither that something ails, nor that it is well again.
func TestTheNextCommitIsNotSaidToBeWell(t *testing.T) {
	d := gatetest.NewFlight(api.Complete)
	d.State.Ailing = &api.AilingStatus{Lasts: true, Count: 1, Objects: []api.AilingObject{{}}}
	was := d.State
	d.State.InFlight = &api.Flight{Commit: "c2", Digest: "d2", State: api.RollingOut}
	if d.Step(); d.State.Ailing != nil {
		t.Errorf("of another commit it says %+v", d.State.Ailing)
	}
	if words, changed := gate.HealthNews(was, d.State); changed {
		t.Errorf("when another commit takes off %q is told", words)
	}
}

// Two states differ in what is told once it lasts, and once it is over.
func TestAilingIsToldOnce(t *testing.T) {
	passing := &api.AilingStatus{Count: 1, Objects: []api.AilingObject{{Object: "a", Message: "b"}}}
	lasting := passing.DeepCopy()
	lasting.Lasts = true
	for name, test := range map[string]struct {
		before, now *api.AilingStatus
		words       string
		changed     bool
	}{
		"begins":     {nil, passing, "", false},
		"lasts":      {passing, lasting, "a: b", true},
		"goes on":    {lasting, lasting, "a: b", false},
		"passes":     {passing, nil, "", false},
		"well again": {lasting, nil, "", true},
	} {
		landed := &api.Flight{State: api.Complete, Pruned: true}
		if words, changed := gate.HealthNews(gate.State{InFlight: landed, Ailing: test.before},
			gate.State{InFlight: landed, Ailing: test.now}); words != test.words || changed != test.changed {
			t.Errorf("%s: %q, %v", name, words, changed)
		}
	}
}
