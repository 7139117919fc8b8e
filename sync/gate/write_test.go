package gate_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/gate/gatetest"
)

// An attempt that comes less far than the one before forgets nothing of what that one wrote.
func TestARetryForgetsNoWorkload(t *testing.T) {
	d := gatetest.NewFlight(api.Applying)
	w := func(name, memory string) api.Workload {
		var w api.Workload
		w.Group, w.Kind, w.Namespace, w.Name = "apps", "DaemonSet", "ns", name
		w.Memory.Raw = []byte(memory)
		return w
	}
	d.State.InFlight.Attempts, d.State.InFlight.Workloads = 1, []api.Workload{w("a", "1"), w("b", "1")}
	d.Observation.Written = &gate.Written{Commit: "c1", Digest: "d1", At: d.Observation.Now,
		Problem: "webhook timed out", Workloads: []api.Workload{w("a", "2")}}
	d.Step()
	list := d.State.InFlight.Workloads
	if len(list) != 2 || list[0].Name != "a" || string(list[0].Memory.Raw) != "2" || list[1].Name != "b" ||
		string(list[1].Memory.Raw) != "1" {
		t.Errorf("it remembers %+v", list)
	}
}

// A commit that is Stuck by its pods, and cannot be written whole either, is called by the pods' cause in its message
// and in its causes; and one that cannot be written is called by its pods as soon as these are stuck.
func TestWhatAHalfWrittenCommitIsStuckBy(t *testing.T) {
	for name, first := range map[string]string{"pods": "CrashLoop", "writing": gate.CauseApplyFailed} {
		t.Run(name, func(t *testing.T) {
			d := gatetest.NewFlight(api.Applying)
			f := d.State.InFlight
			f.Attempts, f.Since = 1, metav1.NewMicroTime(d.Observation.Now)
			pods := &gate.Rollout{Commit: "c1", Digest: "d1", State: api.Stuck,
				Message: api.ForAll("CrashLoop on node-1"), Causes: []api.Cause{{Code: "CrashLoop"}}}
			fail := func() {
				d.Observation.Written = &gate.Written{Commit: "c1", Digest: "d1", At: d.Observation.Now,
					Problem: "webhook timed out"}
				d.Step()
			}
			if d.Observation.Rollout = pods; first == gate.CauseApplyFailed {
				d.Observation.Rollout = nil
				d.Observation.Now = d.Observation.Now.Add(2 * time.Hour)
			}
			fail()
			d.Step()
			if f := d.State.InFlight; f.State != api.Stuck || f.Causes[0].Code != first {
				t.Fatalf("at first it is %s: %s, %+v", f.State, f.Message.Private, f.Causes)
			}
			d.Observation.Rollout, d.Observation.Now = pods, d.Observation.Now.Add(2*time.Hour)
			fail()
			d.Step()
			if f := d.State.InFlight; f.State != api.Stuck || f.Message.Private != "CrashLoop on node-1" ||
				f.Causes[0].Code != "CrashLoop" {
				t.Errorf("then it is %s: %s, %+v", f.State, f.Message.Private, f.Causes)
			}
		})
	}
}

// A brake is pulled whoever is suspended, since it only saves nodes. It is lifted when that is over: then further nodes
// are updated.
func TestASuspendedSyncPullsBrakesAndLiftsNone(t *testing.T) {
	for name, change := range map[string]func(*gate.Observation, bool){
		"its own spec":    func(o *gate.Observation, is bool) { o.Suspended = is },
		"the stop switch": func(o *gate.Observation, is bool) { o.StoppedForAll = is },
	} {
		d := gatetest.NewFlight(api.RollingOut)
		d.Observation.Rollout = &gate.Rollout{Commit: "c1", Digest: "d1", State: api.RollingOut,
			Brakes: []gate.BrakeOrder{{Name: "a", Pull: true}, {Name: "b"}, {Name: "c", Pull: true, Paced: true}}}
		for suspended, want := range map[bool]int{true: 1, false: 3} {
			change(&d.Observation, suspended)
			got := d.Step().Brakes
			if len(got) != want || !got[0].Pull {
				t.Errorf("%s suspends: %t, brakes %+v", name, suspended, got)
			}
		}
	}
}

// A DaemonSet that cannot be seen keeps no other from being stuck, and a commit from being Complete.
func TestAPartialLook(t *testing.T) {
	d := gatetest.NewFlight(api.RollingOut)
	d.State.InFlight.Pruned = false
	d.State.InFlight.Nodes, d.State.InFlight.Message.Private = api.NodeCounts{Desired: 7}, "as before"
	d.Observation.Rollout = &gate.Rollout{Commit: "c1", Digest: "d1", State: api.RollingOut, Partial: true,
		Brakes: []gate.BrakeOrder{{Name: "a", Pull: true}}}
	next := d.Step()
	if f := d.State.InFlight; len(next.Brakes) != 1 || f.Nodes.Desired != 7 || f.Message.Private != "as before" {
		t.Errorf("brakes %+v, %d nodes, %q", next.Brakes, f.Nodes.Desired, f.Message.Private)
	}
	d.Observation.Rollout.State, d.Observation.Rollout.Message = api.Stuck, api.ForAll("CrashLoop on node-1")
	if d.Step(); d.State.InFlight.State != api.Stuck {
		t.Errorf("it is %s", d.State.InFlight.State)
	}
	d.State.InFlight.State, d.Observation.Rollout.State, d.Gate.Prune = api.Complete, api.RollingOut, true
	if next = d.Step(); next.Prune {
		t.Error("it prunes although old pods may be left that are not seen")
	}
}
