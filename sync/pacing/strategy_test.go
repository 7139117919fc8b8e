package pacing

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/pace"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// played is a DaemonSet of an image; kind is its update strategy, and noted what its annotation says of a pace.
func played(image string, kind appsv1.DaemonSetUpdateStrategyType, noted string) *appsv1.DaemonSet {
	d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "agent", Generation: 7}}
	d.Spec.UpdateStrategy.Type = kind
	d.Spec.Template.Spec.Containers = []corev1.Container{{Image: image}}
	if noted != "" {
		d.Annotations = map[string]string{manifests.PacedAnnotation: noted}
	}
	return d
}

const (
	rolls  = appsv1.RollingUpdateDaemonSetStrategyType
	stands = appsv1.OnDeleteDaemonSetStrategyType
)

// OnDelete comes with the template that it holds back, and stays while an earlier commit is held back.
func TestWhatIsWrittenWithOnDelete(t *testing.T) {
	surging := played("v2", rolls, "")
	surging.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: new(intstr.Parse("10%"))}
	braked := played("v2", stands, "")
	braked.Annotations = map[string]string{manifests.BrakeAnnotation: "c0 node-1"}
	for _, c := range []struct {
		name       string
		next, live *appsv1.DaemonSet
		want       bool
	}{
		{"another template", played("v2", rolls, ""), played("v1", rolls, ""), true},
		{"no strategy named", played("v2", "", ""), played("v1", rolls, ""), true},
		{"the same template", played("v2", rolls, ""), played("v2", rolls, ""), false},
		{"the same, held", played("v2", rolls, ""), played("v2", stands, "c0 canary"), true},
		{"the same, whose note is gone", played("v2", rolls, ""), played("v2", stands, ""), true},
		{"the same, braked", played("v2", rolls, ""), braked, true},
		{"it is made", played("v2", rolls, ""), nil, false},
		{"OnDelete in Git", played("v2", stands, ""), played("v1", rolls, ""), false},
		{"gone back to with maxSurge", surging, played("v1", rolls, ""), false},
	} {
		if b, got := HeldFrom(paced(), "c1", c.next, c.live); got != c.want || got && b.String() != "c1" {
			t.Errorf("%s: %v, %+v", c.name, got, b)
		}
		unpaced := paced()
		unpaced.Spec.Rollout = api.Rollout{}
		if _, got := HeldFrom(unpaced, "c1", c.next, c.live); got {
			t.Errorf("%s: without a pace it is held", c.name)
		}
	}
}

// Whoever compares with Git allows for OnDelete as long as the commit is paced, and no longer.
func TestWhatIsAskedForWhileACommitIsPaced(t *testing.T) {
	noted := map[string]string{manifests.PacedAnnotation: "c1 canary"}
	for _, c := range []struct {
		name        string
		state       api.CommitState
		workload    api.Workload
		annotations map[string]string
		onDelete    bool
		want        string
	}{
		{"as it was written", api.RollingOut, api.Workload{}, noted, true, "c1 canary"},
		{"the strategy alone was given back", api.Stuck, api.Workload{}, noted, false, "c1 canary"},
		{"the note alone is gone", api.RollingOut, api.Workload{}, nil, true, "c1 canary"},
		{"it was never held", api.RollingOut, api.Workload{}, nil, false, ""},
		{"it is complete", api.Complete, api.Workload{}, noted, true, ""},
		{"OnDelete in Git", api.RollingOut, api.Workload{OnDelete: true}, nil, true, ""},
		{"it surges", api.RollingOut, api.Workload{Surges: true}, noted, true, ""},
		{"it is braked", api.Complete, api.Workload{}, map[string]string{manifests.BrakeAnnotation: "c1 a"}, true, "c1 a"},
	} {
		s := paced()
		s.Status.InFlight.State = c.state
		b, held := Held(s, c.workload, c.annotations, c.onDelete)
		if held != (c.want != "") || held && b.String() != c.want {
			t.Errorf("%s: %v %+v, want %q", c.name, held, b, c.want)
		}
	}
}

// A pace that was taken out of the spec gives back what it had taken, but from whoever is braked now.
func TestWhatNoPaceHoldsAnyMore(t *testing.T) {
	live := []*appsv1.DaemonSet{played("v2", stands, "c1 canary"), played("v2", stands, "")}
	r := &gate.Rollout{}
	if GiveBack(r, live); len(r.Brakes) != 1 || r.Brakes[0].Pull || !r.Brakes[0].Paced || r.Brakes[0].Generation != 7 {
		t.Errorf("%+v", r.Brakes)
	}
	r = &gate.Rollout{Brakes: []gate.BrakeOrder{{Namespace: "ns", Name: "agent", Pull: true}}}
	if GiveBack(r, live); len(r.Brakes) != 1 {
		t.Errorf("of one that is braked: %+v", r.Brakes)
	}
}

// The note names the stage that the rollout is in; what a part of a set comes to gives nothing back.
func TestTheNoteNamesTheStage(t *testing.T) {
	in := func(d *appsv1.DaemonSet) pace.Input {
		return pace.Input{Workloads: []pace.Workload{{Held: true, Look: rollout.Look{DaemonSet: d}}}}
	}
	f := &api.Flight{Commit: "c1", State: api.RollingOut}
	o := pace.Outcome{Progress: pace.Progress{Name: "rest", Index: 2}}
	r := &gate.Rollout{}
	if strategies(r, o, in(played("v2", stands, "c1 canary")), f); len(r.Brakes) != 1 || r.Brakes[0].Stage != "rest" ||
		!r.Brakes[0].Pull || r.Brakes[0].Told {
		t.Errorf("%+v", r.Brakes)
	}
	r = &gate.Rollout{}
	if strategies(r, o, in(played("v2", stands, "c1 rest")), f); len(r.Brakes) > 0 {
		t.Errorf("it is named already: %+v", r.Brakes)
	}
	o.Back, o.Strategies = true, []pace.Strategy{{Namespace: "ns", Name: "agent", Generation: 7}}
	if strategies(r, o, in(played("v2", stands, "c1 rest")), f); len(r.Brakes) != 1 || r.Brakes[0].Pull {
		t.Errorf("at the end: %+v", r.Brakes)
	}
	r, f.Attempts = &gate.Rollout{}, 1
	if strategies(r, o, in(played("v2", stands, "c1 rest")), f); len(r.Brakes) > 0 {
		t.Errorf("of a part: %+v", r.Brakes)
	}
}

// Alerts are asked about only while the answer lets a rollout go on.
func TestWhenAlertsAreAskedAbout(t *testing.T) {
	s := paced()
	s.Status.InFlight.State = api.RollingOut
	if AsksAlerts(s) {
		t.Error("none are named")
	}
	s.Spec.Rollout.Pace.Gates = &api.PaceGates{Alerts: &api.AlertsGate{}}
	for _, c := range []struct {
		wait api.StageWait
		want bool
	}{{api.StageNodes, true}, {api.StageSoak, true}, {api.StageBudget, true}, {api.StageAlerts, true}, {"", true},
		{api.StageApproval, false}, {api.StageWindow, false}, {api.StagePaused, false}, {api.StageFailing, false},
		{api.StageStrategy, false}} {
		if s.Status.InFlight.Stage.WaitsFor = c.wait; AsksAlerts(s) != c.want {
			t.Errorf("while it waits for %q: %v", c.wait, !c.want)
		}
	}
	if s.Status.InFlight.Stage = nil; !AsksAlerts(s) {
		t.Error("before the first stage nobody asks")
	}
	if s.Status.InFlight.State = api.Complete; AsksAlerts(s) {
		t.Error("of a complete commit they are asked about")
	}
	s.Status.InFlight.Correcting = &api.Correcting{}
	if !AsksAlerts(s) {
		t.Error("nobody asks while pods of a complete commit are replaced that was corrected")
	}
	if s.Status.InFlight = nil; AsksAlerts(s) {
		t.Error("with nothing in flight they are asked about")
	}
}

// A commit that is complete is paced no more: nothing is taken for it, and nothing given back that it has not taken.
// What somebody else has written is drift.
func TestNothingIsTakenForACompleteCommit(t *testing.T) {
	f := &api.Flight{Commit: "c1", State: api.Complete}
	for _, c := range []struct {
		name     string
		noted    string
		onDelete bool
		want     int
	}{{"it rolls by itself", "", true, 0}, {"OnDelete of somebody else", "", false, 0},
		{"OnDelete that was taken", "c1 rest", false, 1}} {
		in := pace.Input{Workloads: []pace.Workload{{Held: true,
			Look: rollout.Look{DaemonSet: played("v2", stands, c.noted)}, Target: rollout.Target{Namespace: "ns", Name: "agent"}}}}
		o := pace.Outcome{Progress: pace.Progress{Name: "rest", Index: 2}, Strategies: []pace.Strategy{
			{Namespace: "ns", Name: "agent", OnDelete: c.onDelete}}}
		r := &gate.Rollout{}
		if strategies(r, o, in, f); len(r.Brakes) != c.want {
			t.Errorf("%s: %+v", c.name, r.Brakes)
		}
	}
}

// A brake that has done its work is not lifted from a DaemonSet that a pace holds: its controller would replace pods.
func TestABrakeIsNotLiftedFromWhoIsHeld(t *testing.T) {
	braked := played("v2", stands, "")
	braked.Annotations = map[string]string{manifests.BrakeAnnotation: "c0 node-1"}
	in := pace.Input{Workloads: []pace.Workload{{Held: true, Look: rollout.Look{DaemonSet: braked},
		Target: rollout.Target{Namespace: "ns", Name: "agent"}}}}
	r := &gate.Rollout{Brakes: []gate.BrakeOrder{{Namespace: "ns", Name: "agent"}, {Namespace: "ns", Name: "other"}}}
	strategies(r, pace.Outcome{Progress: pace.Progress{Name: "rest", Index: 2}}, in,
		&api.Flight{Commit: "c1", State: api.RollingOut})
	if len(r.Brakes) != 2 || r.Brakes[0].Name != "other" || !r.Brakes[1].Pull || !r.Brakes[1].Paced {
		t.Errorf("%+v", r.Brakes)
	}
}

// Whoever mends the gate of alerts in the middle of a rollout has nobody approve its stages again.
func TestAnotherGateIsNoOtherPlan(t *testing.T) {
	s := paced()
	s.Spec.Rollout.Pace.Gates = &api.PaceGates{Alerts: &api.AlertsGate{URL: "http://a"}}
	if p := Recall(s, planIn(t, s)); p.Name != "canary" || !p.Approved {
		t.Errorf("%+v", p)
	}
	if s.Spec.Rollout.Pace.Stages[0].AtMost = 3; Recall(s, planIn(t, s)).Name != "" {
		t.Error("other stages are the same plan")
	}
}
