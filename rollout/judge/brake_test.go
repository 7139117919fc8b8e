package judge

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
)

// brake pulls the brake as sync does: the strategy and the record, which make a generation but no revision.
func (f *fleet) brake(nodes string) {
	f.change(func(d *appsv1.DaemonSet) {
		d.Annotations = map[string]string{manifests.BrakeAnnotation: "9f3e2d1 " + nodes}
		d.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
	})
	f.observe()
}

// At the first end of a container, while old pods can still be saved, the brake is to be pulled; not when nothing is
// left to save, not within the failure budget, not when it is turned off.
func TestTheBrakeIsPulledAtTheFirstEnd(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	p := f.ready(f.replace("node-1"))
	if j := f.want(rollout.Progressing); j.Brake != rollout.BrakeLeave {
		t.Errorf("%+v", j)
	}
	f.after(40 * time.Second)
	f.ends(p, 3, "Error")
	j := f.want(rollout.Progressing, rollout.CrashLoop)
	if settled, _ := bothWays(withReady(f, p), f.target, f.memory, f.options); settled.Brake != rollout.BrakeLeave ||
		len(settled.Ended) != 0 {
		t.Errorf("after its probation: %+v", settled)
	}
	if j.Brake != rollout.BrakePull || strings.Join(j.Ended, " ") != "node-1" || j.OldAvailable != 2 {
		t.Errorf("%+v", j)
	}
	for name, change := range map[string]func(*fleet){
		"turned off":            func(f *fleet) { f.options.NoBrake = true },
		"within the budget":     func(f *fleet) { f.options.FailureBudget, _ = rollout.ParseBudget("1") },
		"the commit's OnDelete": func(f *fleet) { f.target.OnDelete = true },
		"nothing left to save": func(f *fleet) {
			for _, p := range f.pods[:2] {
				f.condition(p, corev1.PodReady, corev1.ConditionFalse, "", "")
			}
		},
	} {
		g := *f
		g.pods = nil
		for _, p := range f.pods {
			g.pods = append(g.pods, p.DeepCopy())
		}
		change(&g)
		if j := g.judge(); j.Brake != rollout.BrakeLeave {
			t.Errorf("%s: %s", name, j.Brake)
		}
	}
}

// withReady is the look some minutes later, the pod having been Ready since.
func withReady(f *fleet, p *corev1.Pod) rollout.Look {
	g := *f
	again := g.ready(p.DeepCopy())
	g.pods = []*corev1.Pod{again}
	return g.after(5 * time.Minute).look()
}

// A braked rollout is judged as the rolling update that it was, cannot be Complete, and keeps the cause it was pulled
// for even when the pods that showed it are gone, over a restart too.
func TestABrakedRolloutKeepsItsCause(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	f.target.Applied = f.asked()
	f.ends(f.ready(f.ends(f.runs(f.replace("node-1")), 3, "Error")), 3, "Error")
	if j := f.want(rollout.Stuck, rollout.CrashLoop); j.Brake != rollout.BrakePull {
		t.Fatalf("%+v", j)
	}
	f.brake("node-1")
	j := f.want(rollout.Stuck, rollout.CrashLoop)
	if !j.Braked || j.Brake != rollout.BrakeLeave {
		t.Errorf("%+v", j)
	}
	f.gone("node-1")
	j = f.want(rollout.Stuck, rollout.CrashLoop)
	if c := j.Causes[0]; strings.Join(c.Nodes, "") != "node-1" || !strings.Contains(c.Message, "exit code 3") {
		t.Errorf("%+v", c)
	}
	f.memory = rollout.Memory{}
	if c := f.want(rollout.Stuck, rollout.CrashLoop).Causes[0]; strings.Join(c.Nodes, "") != "node-1" {
		t.Errorf("%+v", c)
	}
}

// It is to be lifted when each node that it was pulled for has a settled new pod, or is gone; until then everything
// else may be settled, and the rollout is still not Complete.
func TestTheBrakeIsLifted(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	f.brake("node-1,node-2")
	f.roll("node-3")
	f.ready(f.ends(f.runs(f.replace("node-1")), 3, "Error"))
	f.after(time.Minute)
	if j := f.judge(); j.Brake != rollout.BrakeLeave || j.Verdict == rollout.Complete {
		t.Errorf("%s", plain(j))
	}
	f.nodes, f.pods = f.nodes[:1], f.pods[1:]
	f.gone("node-2")
	if j := f.judge(); j.Brake != rollout.BrakeLift || j.Verdict == rollout.Complete {
		t.Errorf("%s %s", j.Brake, plain(j))
	}
}

// A taint that comes and goes does not lift it: a node that it was pulled for must not have been eligible for ten
// minutes. One that is gone is so at once.
func TestTheBrakeOutlastsAMomentaryTaint(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	f.ends(f.ready(f.ends(f.runs(f.replace("node-1")), 3, "Error")), 3, "Error")
	f.want(rollout.Stuck, rollout.CrashLoop)
	f.brake("node-1")
	f.want(rollout.Stuck, rollout.CrashLoop)
	taint := []corev1.Taint{{Key: "example.com/booting", Effect: corev1.TaintEffectNoSchedule}}
	f.node("node-1").Spec.Taints = taint
	f.after(time.Second)
	if j := f.want(rollout.Stuck, rollout.CrashLoop); j.Brake != rollout.BrakeLeave {
		t.Errorf("tainted for a moment: %q %s", j.Brake, plain(j))
	}
	f.after(9 * time.Minute)
	f.node("node-1").Spec.Taints = nil
	f.want(rollout.Stuck, rollout.CrashLoop)
	f.node("node-1").Spec.Taints = taint
	f.after(5 * time.Minute)
	if j := f.judge(); j.Brake != rollout.BrakeLeave {
		t.Errorf("tainted anew: %q", j.Brake)
	}
	f.after(10*time.Minute - time.Second)
	if j := f.judge(); j.Brake != rollout.BrakeLeave {
		t.Errorf("a second before: %q", j.Brake)
	}
	f.after(time.Second)
	if j := f.judge(); j.Brake != rollout.BrakeLift {
		t.Errorf("after ten minutes: %q %s", j.Brake, plain(j))
	}
}

// With maxSurge only another template lifts it; turned off it is lifted at once; and it is pulled anew, for the nodes
// that need it now, where lifting it would only let the agent spread further.
func TestTheBrakeIsKept(t *testing.T) {
	healed := func() *fleet {
		f := newFleet(t, 4).image("v2")
		f.brake("node-1")
		f.roll("node-1")
		return f.after(time.Minute)
	}
	if j := healed().judge(); j.Brake != rollout.BrakeLift {
		t.Fatalf("healed: %q", j.Brake)
	}
	f, one := healed(), intstr.FromInt32(1)
	f.ds.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: &one}
	if j := f.judge(); j.Brake != rollout.BrakeLeave {
		t.Errorf("with maxSurge: %q", j.Brake)
	}
	f.options.NoBrake = true
	if j := f.judge(); j.Brake != rollout.BrakeLift {
		t.Errorf("turned off: %q", j.Brake)
	}
	f = healed()
	f.ready(f.ends(f.runs(f.replace("node-2")), 3, "Error"))
	if j := f.judge(); j.Brake != rollout.BrakePull || strings.Join(j.Ended, " ") != "node-2" {
		t.Errorf("another node's pod has ended: %q %v", j.Brake, j.Ended)
	}
}
