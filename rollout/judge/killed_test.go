package judge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
)

// killedFleet is a fleet whose new pod on node-1 has a startup and a liveness probe, a postStart hook, and runs.
func killedFleet(t testing.TB) (*fleet, *corev1.Pod) {
	f := newFleet(t, 3).apply(func(d *appsv1.DaemonSet) {
		p := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(8080)}}, FailureThreshold: 3, PeriodSeconds: 5}
		c := &d.Spec.Template.Spec.Containers[0]
		c.StartupProbe, c.LivenessProbe = p, p
		c.Lifecycle = &corev1.Lifecycle{PostStart: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"/agent", "warm"}}}}
	})
	return f, f.runs(f.replace("node-1"))
}

// killings are what the kubelet does to a container, round by round, with what it says while it still does.
var killings = map[string]struct {
	code rollout.Code
	says string
	show func(f *fleet, p *corev1.Pod, events bool)
}{
	"the startup probe":  {rollout.ProbeFailing, "startup probe (TCP port 8080)", probeRound("Startup", "startup")},
	"the liveness probe": {rollout.ProbeFailing, "liveness probe (TCP port 8080)", probeRound("Liveness", "liveness")},
	"the postStart hook": {rollout.HookFailing, "postStart hook (exec /agent warm) fails",
		func(f *fleet, p *corev1.Pod, events bool) {
			f.runs(p)
			if events {
				f.event(p, "Pod", "FailedPostStartHook", "PostStart hook failed")
				f.event(p, "Pod", "Killing", "FailedPostStartHook")
			}
			f.after(time.Second).ends(p, 0, "Completed")
			f.waits(p, "CrashLoopBackOff", "back-off")
		}},
}

// probeRound has a container start and be killed by a probe; it ends as it is asked to.
func probeRound(title, name string) func(*fleet, *corev1.Pod, bool) {
	return func(f *fleet, p *corev1.Pod, events bool) {
		f.runs(p)
		f.after(15 * time.Second)
		if events {
			f.event(p, "Pod", "Unhealthy", title+" probe failed: connection refused")
			f.event(p, "Pod", "Killing", "Container agent failed "+name+" probe, will be restarted")
		}
		f.ends(p, 0, "Completed")
		f.waits(p, "CrashLoopBackOff", "back-off")
	}
}

// What the kubelet kills a container for is the cause at the first end, at the second, and at every later one, also
// when its Events are folded, and when they are gone.
func TestWhatKilledAContainerStaysItsCause(t *testing.T) {
	for name, c := range killings {
		t.Run(name, func(t *testing.T) {
			f, p := killedFleet(t)
			c.show(f, p, true)
			f.want(rollout.Progressing, c.code)
			c.show(f, p, true)
			f.want(rollout.Stuck, c.code)
			for range 3 {
				c.show(f.after(5*time.Minute), p, false)
				f.want(rollout.Stuck, c.code)
			}
			f.events = nil
			c.show(f.after(time.Hour), p, false)
			if cause := f.want(rollout.Stuck, c.code).Causes[0]; !strings.Contains(cause.Message, c.says) {
				t.Errorf("%+v", cause)
			}
		})
	}
}

// What was evidenced of a pod ends with it: with the pod, when it settles, and when its container ends in a way that
// its killer cannot have brought about, which holds until it is evidenced anew.
func TestWhatKilledAContainerIsNotHeldAgainstEverything(t *testing.T) {
	for name, c := range killings {
		for other, show := range map[string]func(f *fleet, p *corev1.Pod){
			"an exit code of its own": func(f *fleet, p *corev1.Pod) {
				f.after(20*time.Second).ends(f.runs(p), 3,
					"Error")
			},
			"out of memory": func(f *fleet, p *corev1.Pod) {
				f.after(20*time.Second).ends(f.runs(p), 137,
					"OOMKilled")
			},
		} {
			t.Run(name+", then "+other, func(t *testing.T) {
				f, p := killedFleet(t)
				c.show(f, p, true)
				f.want(rollout.Progressing, c.code)
				show(f, p)
				f.want(rollout.Stuck, rollout.CrashLoop)
				f.after(20*time.Second).ends(f.runs(p), 0, "Completed")
				f.want(rollout.Stuck, rollout.CrashLoop)
				c.show(f.after(time.Minute), p, true)
				f.want(rollout.Stuck, c.code)
			})
		}
		t.Run(name+", then another pod", func(t *testing.T) {
			f, p := killedFleet(t)
			c.show(f, p, true)
			f.want(rollout.Progressing, c.code)
			f.ends(f.runs(f.replace("node-1")), 0, "Completed")
			f.want(rollout.Progressing, rollout.CrashLoop)
			if len(f.memory.Killed) > 0 {
				t.Errorf("%v", f.memory.Killed)
			}
		})
		t.Run(name+", then it settles", func(t *testing.T) {
			f, p := killedFleet(t)
			c.show(f, p, true)
			f.want(rollout.Progressing, c.code)
			f.ready(p)
			f.after(time.Hour).want(rollout.Progressing)
			f.events = nil
			f.ends(p, 0, "Completed")
			f.want(rollout.Progressing, rollout.CrashLoop)
		})
	}
}

// A container that ends sooner than its probe gives up has ended by itself, whatever its exit code.
func TestAnEndThatComesTooSoonForTheProbe(t *testing.T) {
	f, p := killedFleet(t)
	killings["the liveness probe"].show(f, p, true)
	f.want(rollout.Progressing, rollout.ProbeFailing)
	f.runs(f.after(time.Minute).pods[len(f.pods)-1])
	f.after(2*time.Second).ends(p, 0, "Completed")
	f.want(rollout.Stuck, rollout.CrashLoop)
}

// A dump in which the Killing Event is missing tells by the complaints: as many as the probe takes for every end, up to
// the last one. Fewer, or older ones, are no evidence.
func TestTheComplaintsTellWhatKilledAContainer(t *testing.T) {
	for complaints, code := range map[int]rollout.Code{6: rollout.ProbeFailing, 5: rollout.CrashLoop,
		0: rollout.CrashLoop} {
		t.Run(fmt.Sprint(complaints), func(t *testing.T) {
			f, p := killedFleet(t)
			for range 2 {
				killings["the startup probe"].show(f, p, false)
			}
			for range complaints {
				f.event(p, "Pod", "Unhealthy", "Startup probe failed: connection refused")
			}
			f.target.AppliedAt = time.Time{}
			f.want(rollout.Stuck, code)
			f.ends(f.runs(f.after(2 * time.Minute).pods[len(f.pods)-1]), 0, "Completed")
			f.memory = rollout.Memory{}
			f.want(rollout.Stuck, rollout.CrashLoop)
		})
	}
}

// Of a sidecar a probe's kill is told alike, also in the words that the kubelet has for init containers.
func TestAProbeKillsASidecar(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	f := newFleet(t, 1).apply(func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "proxy", RestartPolicy: &always,
			LivenessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 9}}}}}
	})
	p := f.ready(f.replace("node-1"))
	proxy := *p.DeepCopy()
	proxy.Status.ContainerStatuses[0].Name = "proxy"
	for round := range 3 {
		f.ends(f.runs(&proxy), 143, "Error")
		if round == 0 {
			f.event(p, "Pod", "Killing", "Init container proxy failed liveness probe")
			f.events[len(f.events)-1].InvolvedObject.FieldPath = "spec.initContainers{proxy}"
		}
		p.Status.InitContainerStatuses = proxy.Status.ContainerStatuses
		f.condition(p, corev1.PodReady, corev1.ConditionFalse, "ContainersNotReady", "")
		f.judge()
		f.after(10 * time.Minute)
	}
	if c := f.want(rollout.Stuck, rollout.ProbeFailing).Causes[0]; c.Container != "proxy" ||
		!strings.Contains(c.Message, "liveness probe (gRPC on port 9)") {
		t.Errorf("%+v", c)
	}
}

// A hook's answer is shown for a moment only; it is told from then on, in the words of the hook. A node that is down in
// between changes nothing.
func TestAHooksAnswerIsRemembered(t *testing.T) {
	f, p := killedFleet(t)
	f.ends(p, 0, "Completed")
	f.waits(p, "PostStartHookError", `Exec lifecycle hook ([/agent warm]) for Container "agent" in Pod "agent-4_platform(pod-4)" failed - error: command '/agent warm' exited with 1: , message: "warming up\nno such table\n"`)
	told := "postStart hook (exec /agent warm) fails: exited with 1: no such table"
	if c := f.want(rollout.Progressing, rollout.HookFailing).Causes[0]; !strings.HasSuffix(c.Message, told) {
		t.Errorf("%s", c.Message)
	}
	f.ends(f.runs(p), 0, "Completed")
	f.waits(p, "CrashLoopBackOff", "back-off")
	if c := f.want(rollout.Stuck, rollout.HookFailing).Causes[0]; !strings.HasSuffix(c.Message, told) {
		t.Errorf("%s", c.Message)
	}
	f.setReady("node-1", false)
	f.judge()
	f.setReady("node-1", true)
	f.after(30 * time.Minute).judge()
	if len(f.memory.Killed) != 1 {
		t.Errorf("%v", f.memory.Killed)
	}
}

// A container that was started again without a trace of its end is told as that, and not as starting.
func TestAnEndThatNobodySaw(t *testing.T) {
	f, p := unready(t)
	f.runs(p)
	p.Status.ContainerStatuses[0].RestartCount = 4
	if c := f.want(rollout.Progressing, rollout.CrashLoop).Causes[0]; !strings.Contains(c.Message,
		"started again 4 times") {
		t.Errorf("%+v", c)
	}
	f.waits(p, "CrashLoopBackOff", "back-off")
	f.want(rollout.Stuck, rollout.CrashLoop)
}

// An old pod that a preStop hook keeps for most of a long grace period is named before that is over, and after it with
// the hook; it is never more than a present reason before its time.
func TestAPreStopHookThatEatsTheGracePeriod(t *testing.T) {
	f := newFleet(t, 3)
	old := f.pod("node-1")
	old.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"/drain", "--all"}}}}
	f.image("v2")
	f.terminate(old)
	grace := int64(600)
	old.DeletionTimestamp.Time, old.DeletionGracePeriodSeconds = f.now.Add(10*time.Minute), &grace
	f.wakesIn(f.want(rollout.Progressing), 5*time.Minute)
	f.after(5*time.Minute - 1).want(rollout.Progressing)
	hook := "container agent has a preStop hook (exec /drain --all)"
	if c := f.after(1).want(rollout.Progressing, rollout.Terminating).Causes[0]; !strings.Contains(c.Message, hook) ||
		strings.Contains(c.Remedy, "--force") {
		t.Errorf("%+v", c)
	}
	f.event(old, "Pod", "FailedPreStopHook", "PreStopHook failed")
	c := f.after(5*time.Minute+30*time.Second).want(rollout.Stuck, rollout.Terminating).Causes[0]
	if !strings.Contains(c.Message, hook+" that fails") || !strings.Contains(c.Message, "used up the grace period") {
		t.Errorf("%+v", c)
	}
}
