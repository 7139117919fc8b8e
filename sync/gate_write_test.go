package sync

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// An attempt that comes less far than the one before forgets nothing of what that one wrote.
func TestARetryForgetsNoWorkload(t *testing.T) {
	d := newDriftStory(api.Applying)
	w := func(name, memory string) api.Workload {
		var w api.Workload
		w.Group, w.Kind, w.Namespace, w.Name = "apps", "DaemonSet", "ns", name
		w.Memory.Raw = []byte(memory)
		return w
	}
	d.s.InFlight.Attempts, d.s.InFlight.Workloads = 1, []api.Workload{w("a", "1"), w("b", "1")}
	d.o.Written = &Written{Commit: "c1", Digest: "d1", At: d.o.Now, Problem: "webhook timed out", Workloads: []api.Workload{w("a", "2")}}
	d.step()
	list := d.s.InFlight.Workloads
	if len(list) != 2 || list[0].Name != "a" || string(list[0].Memory.Raw) != "2" || list[1].Name != "b" || string(list[1].Memory.Raw) != "1" {
		t.Errorf("it remembers %+v", list)
	}
}

// A commit that is Stuck by its pods, and cannot be written whole either, is called by the pods' cause in its message and in its
// causes; and one that cannot be written is called by its pods as soon as these are stuck.
func TestWhatAHalfWrittenCommitIsStuckBy(t *testing.T) {
	for name, first := range map[string]string{"pods": "CrashLoop", "writing": causeApplyFailed} {
		t.Run(name, func(t *testing.T) {
			d := newDriftStory(api.Applying)
			f := d.s.InFlight
			f.Attempts, f.Since = 1, metav1.NewMicroTime(d.o.Now)
			pods := &Rollout{Commit: "c1", Digest: "d1", State: api.Stuck, Message: "CrashLoop on node-1", Causes: []api.Cause{{Code: "CrashLoop"}}}
			fail := func() {
				d.o.Written = &Written{Commit: "c1", Digest: "d1", At: d.o.Now, Problem: "webhook timed out"}
				d.step()
			}
			if d.o.Rollout = pods; first == causeApplyFailed {
				d.o.Rollout = nil
				d.o.Now = d.o.Now.Add(2 * time.Hour)
			}
			fail()
			d.step()
			if f := d.s.InFlight; f.State != api.Stuck || f.Causes[0].Code != first {
				t.Fatalf("at first it is %s: %s, %+v", f.State, f.Message, f.Causes)
			}
			d.o.Rollout, d.o.Now = pods, d.o.Now.Add(2*time.Hour)
			fail()
			d.step()
			if f := d.s.InFlight; f.State != api.Stuck || f.Message != "CrashLoop on node-1" || f.Causes[0].Code != "CrashLoop" {
				t.Errorf("then it is %s: %s, %+v", f.State, f.Message, f.Causes)
			}
		})
	}
}

// A DaemonSet that cannot be seen keeps no other from being stuck, and a commit from being Complete.
func TestAPartialLook(t *testing.T) {
	d := newDriftStory(api.RollingOut)
	d.s.InFlight.Pruned = false
	d.s.InFlight.Nodes, d.s.InFlight.Message = api.NodeCounts{Desired: 7}, "as before"
	d.o.Rollout = &Rollout{Commit: "c1", Digest: "d1", State: api.RollingOut, Partial: true, Brakes: []BrakeOrder{{Name: "a", Pull: true}}}
	next := d.step()
	if f := d.s.InFlight; len(next.Brakes) != 1 || f.Nodes.Desired != 7 || f.Message != "as before" {
		t.Errorf("brakes %+v, %d nodes, %q", next.Brakes, f.Nodes.Desired, f.Message)
	}
	d.o.Rollout.State, d.o.Rollout.Message = api.Stuck, "CrashLoop on node-1"
	if d.step(); d.s.InFlight.State != api.Stuck {
		t.Errorf("it is %s", d.s.InFlight.State)
	}
	d.s.InFlight.State, d.o.Rollout.State, d.gate.Prune = api.Complete, api.RollingOut, true
	if next = d.step(); next.Prune {
		t.Error("it prunes although old pods may be left that are not seen")
	}
}
