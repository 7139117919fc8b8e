package judge

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// What kubelets and runtimes say varies: each wording comes to its cause, and to a remedy that fits.
func TestOtherWordings(t *testing.T) {
	for name, c := range map[string]struct {
		show   func(f *fleet, p *corev1.Pod)
		code   rollout.Code
		says   string
		remedy string
	}{
		"a pull's error only in short": {func(f *fleet, p *corev1.Pod) {
			f.waits(p, "ImagePullBackOff",
				`Back-off pulling image "registry.example.com/agent:v2": ErrImagePull: manifest unknown`)
			f.event(p, "Pod", "Failed", "Error: ErrImagePull")
			f.event(p, "Pod", "Failed", "Error: ErrImagePull")
		}, rollout.ImagePull, "manifest unknown", "Push "},
		"an image that cannot be inspected": {func(f *fleet, p *corev1.Pod) {
			f.waits(p, "ImageInspectError",
				"broken layer")
		}, rollout.ImagePull, "broken layer", ""},
		"a command that is not there": {func(f *fleet, p *corev1.Pod) {
			f.waits(p, "RunContainerError",
				`failed to create containerd task: exec: "agnt": executable file not found in $PATH`)
		}, rollout.ConfigError, "agnt", "command and args"},
		"a container's name that is taken": {func(f *fleet, p *corev1.Pod) {
			f.waits(p, "CreateContainerError",
				`failed to reserve container name "agent_agent-x": name is reserved for "4f5a"`)
		}, rollout.ConfigError, "is reserved for", "container runtime"},
		"a runtime that hangs": {func(f *fleet, p *corev1.Pod) {
			f.waits(p, "CreateContainerError", "context "+
				"deadline exceeded")
		}, rollout.ConfigError, "deadline", "container runtime"},
		"a volume in a summary": {func(f *fleet, p *corev1.Pod) {
			f.event(p, "Pod", "FailedMount", "Unable to attach or mount volumes: unmounted volumes=[config], "+
				"unattached volumes=[]: timed out waiting for the condition")
		}, rollout.VolumeMount, "volume config cannot", ""},
		"a volume's own error before the summary": {func(f *fleet, p *corev1.Pod) {
			f.event(p, "Pod", "FailedMount",
				`MountVolume.SetUp failed for volume "config" : configmap "agent" not found`)
			f.after(time.Second).event(p, "Pod", "FailedMount",
				"Unable to attach or mount volumes: unmounted volumes=[config], unattached volumes=[]: timed out "+
					"waiting for the condition")
		}, rollout.VolumeMount, `configmap "agent" not found`, "Put the configmap into Git"},
		"a sidecar that is not ready": {func(f *fleet, p *corev1.Pod) {
			always := corev1.ContainerRestartPolicyAlways
			side := corev1.Container{Name: "proxy", RestartPolicy: &always, ReadinessProbe: &corev1.Probe{}}
			f.ds.Spec.Template.Spec.InitContainers, p.Spec.InitContainers = []corev1.Container{side},
				[]corev1.Container{side}
			f.revs = nil
			f.observe()
			p.Labels[fact.HashLabel] = f.revs[0].Labels[fact.HashLabel]
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "proxy",
				State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(f.now)}}}}
			f.runs(p).Status.ContainerStatuses[0].Ready = true
			f.event(p, "Pod", "Unhealthy", "Readiness probe failed: connection refused")
		}, rollout.ProbeFailing, "container proxy runs but is not ready", "-c proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			f, p := unready(t)
			c.show(f, p)
			j := f.judge()
			if len(j.Causes) == 0 || j.Causes[0].Code != c.code || !strings.Contains(j.Causes[0].Message, c.says) ||
				!strings.Contains(j.Causes[0].Remedy, c.remedy) {
				t.Errorf("want %s\n%s", c.code, plain(j))
			}
		})
	}
}

// OOMKilled leads over whatever its container waits for by now.
func TestOutOfMemoryLeadsOverThePullThatFollows(t *testing.T) {
	f, p := unready(t)
	f.ends(f.ready(f.ends(f.runs(p), 137, "OOMKilled")), 137, "OOMKilled")
	f.waits(p, "ImagePullBackOff", "not found")
	f.after(time.Minute)
	if c := f.want(rollout.Stuck, rollout.CrashLoop).Causes[0]; !strings.Contains(c.About, "OOMKilled") {
		t.Errorf("%+v", c)
	}
}

// A probe that once killed a container is not blamed for an end that came without it.
func TestACrashAfterAProbesKillIsACrash(t *testing.T) {
	f, p := unready(t)
	f.event(p, "Pod", "Killing", "Container agent failed liveness probe, will be restarted")
	f.ends(f.runs(p), 137, "Error")
	f.want(rollout.Progressing, rollout.ProbeFailing)
	f.after(5 * time.Second)
	f.runs(p)
	f.after(5 * time.Second)
	f.ends(p, 3, "Error")
	if c := f.want(rollout.Stuck, rollout.CrashLoop).Causes[0]; !strings.Contains(c.Message, "exit code 3") {
		t.Errorf("%+v", c)
	}
}

// A liveness restart that leaves the Ready condition where it was puts its pod on probation, and so does an agent that
// dies once after 40 s while the rollout still runs.
func TestARestartTakesASettledNodeBack(t *testing.T) {
	f := newFleet(t, 2).image("v2")
	p := f.ready(f.replace("node-1"))
	if j := f.after(40 * time.Second).want(rollout.Progressing); j.Settled != 1 {
		t.Fatalf("%s", plain(j))
	}
	stamp := fact.PodCondition(p, corev1.PodReady).LastTransitionTime
	f.event(p, "Pod", "Killing", "Container agent failed liveness probe, will be restarted")
	f.ready(f.ends(p, 137, "Error"))
	fact.PodCondition(p, corev1.PodReady).LastTransitionTime = stamp
	f.roll("node-2")
	f.after(time.Minute - time.Second)
	if j := f.want(rollout.Progressing, rollout.ProbeFailing); j.Settled != 1 || j.Mark != 1 {
		t.Errorf("%s", plain(j))
	}
	f.after(time.Second).want(rollout.Complete)
}

// A sidecar must run for its pod to be settled, whatever the Ready condition still says; an ephemeral container that
// ended means nothing.
func TestSidecarsCountAndEphemeralContainersDoNot(t *testing.T) {
	f := newFleet(t, 1).image("v2")
	p := f.ready(f.replace("node-1"))
	always := corev1.ContainerRestartPolicyAlways
	p.Spec.InitContainers = []corev1.Container{{Name: "proxy", RestartPolicy: &always}}
	p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "proxy",
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(f.now)}}}}
	p.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{{Name: "debugger", RestartCount: 1,
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}}}
	f.after(10 * time.Second).want(rollout.Complete)
	p.Status.InitContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
	f.want(rollout.Progressing, rollout.Starting)
}

// A node whose clock is behind settles no pod early: its kubelet cannot have taken the pod up before it was bound.
func TestAPodTellsThatItsNodesClockIsBehind(t *testing.T) {
	f := newFleet(t, 1).image("v2")
	p := f.ready(f.replace("node-1"))
	behind := metav1.NewTime(f.now.Add(-5 * time.Minute))
	p.Status.StartTime, fact.PodCondition(p, corev1.PodReady).LastTransitionTime = &behind, behind
	p.Status.ContainerStatuses[0].State.Running.StartedAt = behind
	f.wakesIn(f.want(rollout.Progressing), 10*time.Second)
	f.after(10*time.Second - 1).want(rollout.Progressing)
	f.after(1).want(rollout.Complete)
}

// A node that is gone is not waited for, although its pods linger; a NotReady that its own clock dates ahead is one
// now.
func TestNodesThatAreGoneOrAheadOfTheirTime(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	f.roll("node-1", "node-2")
	f.after(time.Minute).want(rollout.Progressing)
	f.nodes = f.nodes[:2]
	if j := f.want(rollout.Complete); stateOf(j, "node-3") != rollout.IsNotEligible || j.Desired != 2 {
		t.Errorf("%s", plain(j))
	}
	f.setReady("node-2", false)
	f.node("node-2").Status.Conditions[0].LastTransitionTime = metav1.NewTime(f.now.Add(time.Hour))
	f.node("node-2").Status.Conditions[0].Message = "container runtime is down."
	j := f.want(rollout.Progressing, rollout.NodeLost)
	if c := rollout.Classes(j.Nodes)[0]; c.State != rollout.IsLost || c.Why != "container runtime is down" {
		t.Errorf("%+v", c)
	}
}

// What nothing explains is told by what is known: a readiness gate that is missing, and the last Events, the newest
// first.
func TestNoProgressSaysWhatIsKnown(t *testing.T) {
	f, p := unready(t)
	f.runs(p).Status.ContainerStatuses[0].Ready = true
	f.condition(p, corev1.PodReady, corev1.ConditionFalse, "ReadinessGatesNotReady",
		`corresponding condition of pod readiness gate "example.com/routed" does not exist.`)
	if j := f.want(rollout.Progressing, rollout.Starting); !strings.Contains(j.Causes[0].Message,
		"example.com/routed") {
		t.Errorf("%s", plain(j))
	}
	for _, said := range []string{"FailedA", "FailedB", "FailedC", "FailedD"} {
		f.after(time.Second).event(p, "Pod", said, "the words of "+said)
	}
	c := f.after(16*time.Minute).want(rollout.Stuck, rollout.NoProgress).Causes[0]
	for _, said := range []string{"example.com/routed", "FailedD: the words of FailedD | FailedC: the words of " +
		"FailedC | FailedB: "} {
		if !strings.Contains(c.Message, said) {
			t.Errorf("lacks %q: %s", said, c.Message)
		}
	}
	if strings.Contains(c.Message, "FailedA") {
		t.Errorf("says more than the last three: %s", c.Message)
	}
}

// With OnDelete told to wait, the Leases are read before it is complete as with any other rollout; one that passes
// waits for no pod.
func TestOnDeleteThatWaitsReadsTheLeases(t *testing.T) {
	f := newFleet(t, 1)
	f.apply(func(d *appsv1.DaemonSet) {
		d.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
		d.Spec.Template.Spec.Containers[0].Image = "v2"
	})
	f.target.OnDelete = true
	if f.want(rollout.Complete).ReadLeases {
		t.Error("Pass reads Leases")
	}
	f.roll("node-1")
	f.options.WaitOnDelete = true
	if !f.after(10 * time.Second).want(rollout.Complete).ReadLeases {
		t.Error("Wait does not read the Leases")
	}
}

// A figure that is absurd does not turn the deadline around.
func TestAbsurdFiguresDoNotOverflow(t *testing.T) {
	f := newFleet(t, 2).apply(func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.Containers[0].StartupProbe = &corev1.Probe{PeriodSeconds: 1 << 30,
			FailureThreshold: 1 << 30, InitialDelaySeconds: 1 << 30}
	})
	if a := fact.Allowance(f.ds); a <= 0 || a > 300*24*time.Hour {
		t.Errorf("%s", a)
	}
	f.after(24 * time.Hour).want(rollout.Progressing)
}
