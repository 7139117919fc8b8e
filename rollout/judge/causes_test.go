package judge

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// unready is a fleet of three nodes with a commit under way: node-1's new pod is there, and not Ready.
func unready(t testing.TB) (*fleet, *corev1.Pod) {
	f := newFleet(t, 3).image("v2")
	return f, f.replace("node-1")
}

// shownCauses are causes that a pod shows from one moment to the next, with how long each must last.
var shownCauses = map[string]struct {
	show  func(f *fleet, p *corev1.Pod)
	code  rollout.Code
	lasts time.Duration
	about string
}{
	"the image name is invalid": {func(f *fleet,
		p *corev1.Pod) {
		f.waits(p, "InvalidImageName", "x: must be lowercase")
	}, rollout.InvalidImage, 10 * time.Second, "must be lowercase"},
	"the image is not on the node and may not be pulled": {func(f *fleet,
		p *corev1.Pod) {
		f.waits(p, "ErrImageNeverPull", "")
	}, rollout.InvalidImage, 10 * time.Second, "imagePullPolicy is Never"},
	"the image is not found, and no Event tells of it": {func(f *fleet, p *corev1.Pod) {
		f.waits(p, "ErrImagePull",
			"not found")
	}, rollout.ImagePull, 30 * time.Second, "agent:v2"},
	"a Secret that the environment needs is missing": {func(f *fleet,
		p *corev1.Pod) {
		f.waits(p, "CreateContainerConfigError", `secret "s" not found`)
	}, rollout.ConfigError, time.Minute, `secret "s"`},
	"the container cannot be created": {func(f *fleet, p *corev1.Pod) {
		f.waits(p, "CreateContainerError",
			"no command")
	}, rollout.ConfigError, time.Minute, "no command"},
	"the command is not in the image": {func(f *fleet, p *corev1.Pod) {
		f.ends(p, 128, "StartError")
		p.Status.ContainerStatuses[0].State.Terminated.Message = "exec: no such file or directory"
		f.waits(p, "CrashLoopBackOff", "back-off")
	}, rollout.ConfigError, time.Minute, "no such file"},
	"a ConfigMap that a volume needs is missing": {func(f *fleet, p *corev1.Pod) {
		f.event(p, "Pod", "FailedMount", `MountVolume.SetUp failed for volume "v" : configmap "c" not found`)
	}, rollout.VolumeMount, 3 * time.Minute, `configmap "c" not found`},
	"a volume is attached to another node": {func(f *fleet, p *corev1.Pod) {
		f.event(p, "Pod", "FailedAttachVolume",
			"Multi-Attach error")
	}, rollout.VolumeMount, 3 * time.Minute, "Multi-Attach"},
	"the CNI plugin is not there": {func(f *fleet, p *corev1.Pod) {
		f.event(p, "Pod", "FailedCreatePodSandBox", "Failed to create pod sandbox: rpc error: code = Unknown desc = "+
			"cni plugin not initialized")
	}, rollout.Sandbox, time.Minute, "cni plugin"},
	"the node has too little cpu left": {func(f *fleet, p *corev1.Pod) {
		f.pending(p, "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't match Pod's node "+
			"affinity/selector. preemption: none.")
	}, rollout.Unschedulable, 2 * time.Minute, "node-1: asks for cpu"},
	"a scheduling gate is not lifted": {func(f *fleet, p *corev1.Pod) {
		f.pending(p, "")
		p.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "example.com/wait"}}
		fact.PodCondition(p, corev1.PodScheduled).Reason = corev1.PodReasonSchedulingGated
	}, rollout.NotScheduled, time.Minute, "example.com/wait"},
	"no scheduler looks at the pod": {func(f *fleet,
		p *corev1.Pod) {
		f.pending(p, "")
		p.Status.Conditions = p.Status.Conditions[:1]
	}, rollout.NotScheduled, time.Minute, "default-scheduler"},
	"a quota refuses the pod": {func(f *fleet, p *corev1.Pod) {
		f.gone("node-1")
		f.event(f.ds, "DaemonSet", "FailedCreate", `Error creating: pods "agent-x" is forbidden: exceeded quota: q`)
	}, rollout.Forbidden, 30 * time.Second, "exceeded quota: q"},
}

var _ = playShownCauses()

// playShownCauses puts them on the page, as they are once they have lasted long enough.
func playShownCauses() (all bool) {
	for title, c := range shownCauses {
		all = plays(title, func(t testing.TB) rollout.Judgement {
			f, p := unready(t)
			c.show(f, p)
			f.judge()
			return f.after(c.lasts).judge()
		})
	}
	return all
}

// Each cause is the present reason as soon as its evidence is seen, and final exactly when its time has passed. Nothing
// asks for a look in between, and the look that makes it final is asked for.
func TestHowLongEachCauseLasts(t *testing.T) {
	for name, c := range shownCauses {
		t.Run(name, func(t *testing.T) {
			f, p := unready(t)
			c.show(f, p)
			j := f.want(rollout.Progressing, c.code)
			if cause := j.Causes[0]; strings.Join(cause.Nodes, "") != "node-1" || !strings.Contains(cause.Message,
				c.about) || cause.Final {
				t.Errorf("%+v", cause)
			}
			f.wakesIn(j, c.lasts)
			f.after(c.lasts-1).want(rollout.Progressing, c.code)
			if j = f.after(1).want(rollout.Stuck, c.code); !j.Causes[0].Final ||
				!j.Causes[0].Since.Equal(f.now.Add(-c.lasts)) {
				t.Errorf("%+v", j.Causes[0])
			}
			f.options.After = map[rollout.Code]time.Duration{c.code: 4 * time.Minute}
			f.after(4*time.Minute-c.lasts-1).want(rollout.Progressing, c.code)
			f.after(1).want(rollout.Stuck, c.code)
		})
	}
}

// pending takes a pod back to the scheduler.
func (f *fleet) pending(p *corev1.Pod, message string) {
	p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{p.Spec.NodeName}}}}}}}}
	p.Spec.NodeName, p.Status.ContainerStatuses = "", nil
	f.condition(p, corev1.PodScheduled, corev1.ConditionFalse, corev1.PodReasonUnschedulable, message)
}

// Every time of the table is an option.
func TestEachTimeIsAnOption(t *testing.T) {
	f, p := unready(t)
	f.options.After = map[rollout.Code]time.Duration{rollout.ConfigError: 5 * time.Minute,
		rollout.CrashLoop: time.Minute}
	f.waits(p, "CreateContainerConfigError", "no")
	f.want(rollout.Progressing, rollout.ConfigError)
	f.after(5*time.Minute-1).want(rollout.Progressing, rollout.ConfigError)
	f.after(1).want(rollout.Stuck, rollout.ConfigError)
	p = f.replace("node-1")
	f.ends(f.ready(f.ends(f.runs(p), 1, "Error")), 1, "Error")
	f.want(rollout.Progressing, rollout.CrashLoop)
	f.after(time.Minute).want(rollout.Stuck, rollout.CrashLoop)
}

// A container's first end may happen; its second is a cause. Running for a moment in between heals nothing.
func TestCrashLoop(t *testing.T) {
	f, p := unready(t)
	f.ends(f.ready(p), 3, "Error")
	f.want(rollout.Progressing, rollout.CrashLoop)
	f.after(time.Second).ready(p)
	f.want(rollout.Progressing, rollout.CrashLoop)
	p.Status.ContainerStatuses[0].State.Running.StartedAt = metav1.NewTime(f.now)
	f.ends(p, 3, "Error")
	p.Status.ContainerStatuses[0].State.Terminated.Message = "starting\ncannot open /etc/agent.conf\n"
	j := f.want(rollout.Stuck, rollout.CrashLoop)
	if c := j.Causes[0]; !strings.Contains(c.Message, "exit code 3: cannot open /etc/agent.conf") ||
		!strings.Contains(c.Remedy, "kubectl -n platform logs "+p.Name+" -c agent --previous") {
		t.Errorf("%+v", c)
	}
	f.after(20 * time.Second).ready(p)
	f.want(rollout.Stuck, rollout.CrashLoop)
	f.after(2 * time.Minute).want(rollout.Progressing) // it has settled after all
}

// However often a container ended in its life: once it has settled, the next end is a first one again.
func TestEndsCountSinceTheContainerLastSettled(t *testing.T) {
	f := newFleet(t, 3)
	p := f.pod("node-1")
	p.Status.ContainerStatuses[0].RestartCount = 7
	f.after(24 * time.Hour).apply(func(d *appsv1.DaemonSet) { d.Spec.MinReadySeconds = 1 })
	f.want(rollout.Complete)
	f.ends(p, 3, "Error")
	f.want(rollout.Progressing, rollout.CrashLoop)
	f.ends(f.ready(p), 3, "Error")
	f.want(rollout.Stuck, rollout.CrashLoop)
}

// OOMKilled leads over everything, with the limit; 137 alone is said to prove nothing.
func TestOutOfMemory(t *testing.T) {
	f, _ := unready(t)
	f.ds.Spec.Template.Spec.Containers[0].Resources.Limits = corev1.ResourceList{"memory": resource.MustParse("64Mi")}
	f.apply(func(*appsv1.DaemonSet) {})
	p := f.replace("node-1")
	f.ends(f.ready(f.ends(f.runs(p), 137, "OOMKilled")), 137, "OOMKilled")
	f.event(p, "Pod", "Killing", "Container agent failed liveness probe, will be restarted")
	if c := f.want(rollout.Stuck, rollout.CrashLoop).Causes[0]; !strings.Contains(c.Message, "64Mi") ||
		!strings.Contains(c.About, "OOMKilled") {
		t.Errorf("%+v", c)
	}
	p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: "sidecar",
		State: corev1.ContainerState{
			Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "not found"}}})
	f.want(rollout.Stuck, rollout.CrashLoop)
	f.after(time.Minute).want(rollout.Stuck, rollout.CrashLoop) // the pull is final too by now
	p.Status.ContainerStatuses = p.Status.ContainerStatuses[:1]
	f.events = nil
	f.ends(f.ready(p), 137, "Error")
	if c := f.want(rollout.Stuck, rollout.CrashLoop).Causes[0]; !strings.Contains(c.Message, "not recorded") {
		t.Errorf("%+v", c)
	}
}

// An init container that keeps failing is named as one; what waits for it is not.
func TestAnInitContainerCrashes(t *testing.T) {
	f, p := unready(t)
	p.Spec.InitContainers = []corev1.Container{{Name: "setup", Image: "setup:v1"}}
	p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "setup", RestartCount: 2,
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1,
			FinishedAt: metav1.NewTime(f.now)}}}}
	f.waits(p, "PodInitializing", "")
	if c := f.want(rollout.Stuck, rollout.CrashLoop).Causes[0]; !strings.Contains(c.Message,
		"init container setup keeps ending: exit code 1") {
		t.Errorf("%+v", c)
	}
	p.Status.InitContainerStatuses[0].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 0}}
	f.want(rollout.Progressing, rollout.Starting) // it has done its work at last
}

// A registry that is away for ten seconds makes nobody Stuck, also with an image that then takes minutes to pull; one
// that stays away does at the second failed pull, and heals when it is back.
func TestARegistryOutage(t *testing.T) {
	f, p := unready(t)
	fails := func() {
		f.event(p, "Pod", "Pulling", `Pulling image "registry.example.com/agent:v2"`)
		f.after(time.Second)
		f.event(p, "Pod", "Failed", `Failed to pull image "registry.example.com/agent:v2": connection refused`)
		f.event(p, "Pod", "Failed", "Error: ErrImagePull")
		f.waits(p, "ErrImagePull", "connection refused")
	}
	fails()
	f.want(rollout.Progressing, rollout.ImagePull)
	f.after(12 * time.Second)
	f.event(p, "Pod", "Pulling", `Pulling image "registry.example.com/agent:v2"`)
	f.want(rollout.Progressing, rollout.Starting)
	f.after(9*time.Minute).want(rollout.Progressing, rollout.Starting)
	fails()
	j := f.want(rollout.Stuck, rollout.ImagePull)
	if !strings.Contains(j.Headline, "image registry.example.com/agent:v2") || !strings.Contains(j.Causes[0].Remedy,
		"DNS") {
		t.Errorf("%s\n%s", j.Headline, j.Causes[0].Remedy)
	}
	f.after(time.Minute)
	f.event(p, "Pod", "Pulled", "Successfully pulled image")
	f.ready(p)
	f.want(rollout.Progressing)
}

// An end that a probe brought about is the probe's, not a crash; the probe and what it asks for are named.
func TestProbesThatKill(t *testing.T) {
	for _, probe := range []string{"startup", "liveness"} {
		f := newFleet(t, 3).apply(func(d *appsv1.DaemonSet) {
			p := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/healthz",
				Port: intstr.FromInt32(8080)}}}
			d.Spec.Template.Spec.Containers[0].StartupProbe, d.Spec.Template.Spec.Containers[0].LivenessProbe = p, p
		})
		p := f.runs(f.replace("node-1"))
		f.event(p, "Pod", "Unhealthy", strings.ToUpper(probe[:1])+probe[1:]+
			" probe failed: HTTP probe failed with statuscode: 500")
		f.event(p, "Pod", "Killing", "Container agent failed "+probe+" probe, will be restarted")
		f.ends(p, 137, "Error")
		f.want(rollout.Progressing, rollout.ProbeFailing)
		f.ends(f.runs(p), 137, "Error")
		c := f.want(rollout.Stuck, rollout.ProbeFailing).Causes[0]
		for _, said := range []string{probe + " probe", "http GET /healthz on port 8080", "statuscode: 500"} {
			if !strings.Contains(c.Message, said) {
				t.Errorf("%s lacks %q", c.Message, said)
			}
		}
	}
}

// A pod that never becomes Ready for its readiness probe is only final at the deadline: it may still become so.
func TestReadinessWaitsForTheDeadline(t *testing.T) {
	f := newFleet(t, 3).apply(func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(9)}}}
	})
	p := f.runs(f.replace("node-1"))
	f.want(rollout.Progressing, rollout.Starting)
	f.after(time.Second).event(p, "Pod", "Unhealthy", "Readiness probe failed: dial tcp 10.0.0.1:9: connection refused")
	f.want(rollout.Progressing, rollout.ProbeFailing)
	f.after(15*time.Minute-time.Second-1).want(rollout.Progressing, rollout.ProbeFailing)
	if c := f.after(1).want(rollout.Stuck, rollout.ProbeFailing).Causes[0]; !strings.Contains(c.Message,
		"TCP port 9") || !c.Final {
		t.Errorf("%+v", c)
	}
}

// An Event of before this template proves nothing, and neither does one after which pods could be made again.
func TestOldRefusalsProveNothing(t *testing.T) {
	f := newFleet(t, 3)
	refuse := func() { f.event(f.ds, "DaemonSet", "FailedCreate", `Error creating: pods "agent-x" is forbidden: no`) }
	refuse()
	f.after(time.Minute).image("v2")
	f.gone("node-1")
	f.want(rollout.Progressing)
	f.after(time.Second)
	refuse()
	f.want(rollout.Progressing, rollout.Forbidden)
	f.after(time.Minute).want(rollout.Stuck, rollout.Forbidden)
	f.roll("node-1")
	f.gone("node-2")
	f.want(rollout.Progressing)
}

// What is dated later than the look has not happened, and a trouble is never older than the commit that it is held
// against.
func TestTimesThatCannotBe(t *testing.T) {
	f := newFleet(t, 3)
	f.event(f.ds, "DaemonSet", "FailedCreate", `Error creating: pods "agent-x" is forbidden: no`)
	f.after(time.Minute).image("v2")
	f.gone("node-1")
	f.after(time.Hour).event(f.ds, "DaemonSet", "FailedCreate", `Error creating: pods "agent-x" is forbidden: no`)
	f.event(f.ds, "DaemonSet", "FailedCreate", `Error creating: pods "agent-y" is forbidden: another reason`)
	// once, a minute before the commit, is all that has happened
	f.after(-time.Hour + time.Second).want(rollout.Progressing)
	f.after(time.Hour)
	f.memory = rollout.Memory{}
	if c := f.judge().Causes[0]; c.Code != rollout.Forbidden || !c.Since.Equal(f.target.AppliedAt) {
		t.Errorf("%+v", c)
	}

	f = newFleet(t, 2)
	f.condition(f.pod("node-1"), corev1.PodReady, corev1.ConditionFalse, "", "")
	f.after(time.Hour).apply(func(d *appsv1.DaemonSet) { d.Spec.MinReadySeconds = 5 })
	f.ds.Spec.Template.Spec.Containers[0].ReadinessProbe = &corev1.Probe{}
	f.revs = nil
	f.observe()
	f.pod("node-1").Status.ContainerStatuses[0].Ready = false
	for _, p := range f.pods {
		p.Labels[fact.HashLabel] = f.revs[0].Labels[fact.HashLabel]
	}
	if c := f.want(rollout.Progressing, rollout.ProbeFailing).Causes[0]; !c.Since.Equal(f.target.AppliedAt) {
		t.Errorf("%+v", c)
	}
}

// Once the kubelet swallows Events, a pull without an answer is no sign of hope any more.
func TestASwallowedAnswerIsNotMissing(t *testing.T) {
	f, p := unready(t)
	f.waits(p, "ImagePullBackOff", "not found")
	for range 8 {
		f.event(p, "Pod", "Pulling", "Pulling image")
		f.after(time.Second).event(p, "Pod", "Failed",
			`Failed to pull image "registry.example.com/agent:v2": not found`)
		f.event(p, "Pod", "Failed", "Error: ErrImagePull")
	}
	f.after(time.Minute).event(p, "Pod", "Pulling", "Pulling image")
	f.want(rollout.Stuck, rollout.ImagePull)
	f.events[0].Count-- // one less, and it could still be under way
	f.want(rollout.Progressing, rollout.Starting)
}

// A pull that failed once and of which nothing more is heard is enough after two minutes: the kubelet drops Events.
func TestAPullOfWhichNothingMoreIsHeard(t *testing.T) {
	f, p := unready(t)
	f.event(p, "Pod", "Failed", `Failed to pull image "registry.example.com/agent:v2": not found`)
	f.waits(p, "ImagePullBackOff", "not found")
	f.wakesIn(f.want(rollout.Progressing, rollout.ImagePull), 30*time.Second)
	f.after(2*time.Minute-1).want(rollout.Progressing, rollout.ImagePull)
	f.after(1).want(rollout.Stuck, rollout.ImagePull)
}

// A refusal of the commit before is not held against its fix, however long the controller takes to see the fix.
func TestARefusalOfTheCommitBefore(t *testing.T) {
	f := newFleet(t, 1)
	f.gone("node-1")
	f.change(func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.ServiceAccountName = "there" })
	f.target = rollout.Target{Namespace: "platform", Name: "agent", UID: "ds", Generation: f.ds.Generation,
		AppliedAt: f.now}
	f.memory = rollout.Memory{}
	f.want(rollout.Progressing, rollout.NotObserved)
	f.after(40 * time.Second)
	f.event(f.ds, "DaemonSet", "FailedCreate", `Error creating: pods "agent-x" is forbidden: no`)
	f.after(5 * time.Second).observe()
	f.want(rollout.Progressing)
	observed := f.now
	f.after(time.Second).event(f.ds, "DaemonSet", "FailedCreate", `Error creating: pods "agent-x" is forbidden: no`)
	if c := f.want(rollout.Progressing, rollout.Forbidden).Causes[0]; !c.Since.Equal(observed) {
		t.Errorf("%+v", c)
	}
}

// Once a node may refuse a pod; the second time is a cause, counted also over pods that are gone.
func TestRejected(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	reject := func() {
		p := f.replace("node-1")
		p.Status.Phase, p.Status.Reason, p.Status.Message = corev1.PodFailed, "UnexpectedAdmissionError",
			"no gpu is free"
	}
	reject()
	f.want(rollout.Progressing, rollout.Rejected)
	f.after(time.Second).want(rollout.Progressing, rollout.Rejected)
	f.after(time.Second)
	reject()
	if c := f.want(rollout.Stuck, rollout.Rejected).Causes[0]; !strings.Contains(c.Message,
		"UnexpectedAdmissionError: no gpu is free") {
		t.Errorf("%+v", c)
	}
	f.roll("node-1")
	f.want(rollout.Progressing)
}

// The controller's own Events tell of rejected pods that no look has seen.
func TestRejectedByEvents(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	f.gone("node-1")
	for _, pod := range []string{"agent-x", "agent-y"} {
		f.after(time.Second).event(f.ds, "DaemonSet", "FailedDaemonPod", "Found failed daemon pod platform/"+pod+
			" on node node-1, will try to kill it")
	}
	f.want(rollout.Stuck, rollout.Rejected)
}

// A pod that does not go holds up the new one: half a minute after it should have gone.
func TestTerminating(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	p := f.terminate(f.pod("node-1"))
	f.wakesIn(f.want(rollout.Progressing), time.Minute)
	f.after(time.Minute - 1).want(rollout.Progressing)
	j := f.after(1).want(rollout.Stuck, rollout.Terminating)
	if c := j.Causes[0]; c.Nodes[0] != "node-1" || c.Pods[0] != p.Name || !strings.Contains(c.Remedy, "--force") {
		t.Errorf("%+v", c)
	}
	p.Finalizers = []string{"example.com/hold"}
	if c := f.want(rollout.Stuck, rollout.Terminating).Causes[0]; !strings.Contains(c.Message, "example.com/hold") {
		t.Errorf("%+v", c)
	}
}

// A pod that has come to its images has its volumes and its sandbox.
func TestWhatThePodHasComeBeyondIsNoCause(t *testing.T) {
	f, p := unready(t)
	f.event(p, "Pod", "FailedMount", "no")
	f.after(time.Second).event(p, "Pod", "FailedCreatePodSandBox", "no")
	f.want(rollout.Progressing, rollout.Sandbox)
	f.after(time.Second).event(p, "Pod", "FailedMount", "no")
	f.want(rollout.Progressing, rollout.VolumeMount)
	f.after(time.Second).event(p, "Pod", "Pulling", "Pulling image")
	f.after(10*time.Minute).want(rollout.Progressing, rollout.Starting)
}

// A pod that others make room for is not unschedulable.
func TestPreemptionIsUnderWay(t *testing.T) {
	f, p := unready(t)
	f.pending(p, "0/3 nodes are available: 3 Insufficient cpu.")
	p.Status.NominatedNodeName = "node-1"
	f.after(5*time.Minute).want(rollout.Progressing, rollout.Starting)
}

// A host port can never be had beside the old pod: with maxSurge that is said.
func TestAHostPortWithSurge(t *testing.T) {
	f := newFleet(t, 1)
	f.apply(func(d *appsv1.DaemonSet) {
		one, zero := intstr.FromInt32(1), intstr.FromInt32(0)
		d.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: &one, MaxUnavailable: &zero}
		d.Spec.Template.Spec.Containers[0].Ports = []corev1.ContainerPort{{HostPort: 80, ContainerPort: 80}}
	})
	f.pending(f.newPod("node-1"), "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod "+
		"ports.")
	c := f.after(2*time.Minute).want(rollout.Stuck, rollout.Unschedulable).Causes[0]
	if !strings.Contains(c.Message, "maxSurge") || !strings.Contains(c.Remedy, "maxUnavailable") {
		t.Errorf("%+v", c)
	}
}

// A node whose clock goes ahead keeps its Ready pods from being available: that is named once minReadySeconds and five
// seconds have passed.
func TestClockSkew(t *testing.T) {
	f := newFleet(t, 2)
	f.apply(func(d *appsv1.DaemonSet) {
		d.Spec.MinReadySeconds = 10
		d.Spec.Template.Spec.Containers[0].Image = "v2"
	})
	p := f.ready(f.replace("node-1"))
	f.want(rollout.Progressing)
	ahead := metav1.NewTime(f.now.Add(5 * time.Minute))
	fact.PodCondition(p, corev1.PodReady).LastTransitionTime = ahead
	p.Status.ContainerStatuses[0].State.Running.StartedAt = ahead
	f.wakesIn(f.want(rollout.Progressing), 15*time.Second)
	f.after(15*time.Second).want(rollout.Progressing, rollout.ClockSkew)
	if c := f.after(30*time.Second).want(rollout.Stuck, rollout.ClockSkew).Causes[0]; !strings.Contains(c.Message,
		"ahead, by about 5m0s") {
		t.Errorf("%+v", c)
	}
}

// Many nodes with one trouble are one cause; another trouble of the same kind is another, after it.
func TestCausesAreGathered(t *testing.T) {
	f := newFleet(t, 5).image("v2")
	for _, n := range []string{"node-4", "node-1", "node-2"} {
		f.waits(f.replace(n), "ErrImagePull", "not found on "+n)
	}
	f.waits(f.replace("node-3"), "CreateContainerConfigError", "x")
	j := f.want(rollout.Progressing, rollout.ImagePull)
	if len(j.Causes) != 2 || strings.Join(j.Causes[0].Nodes, " ") != "node-1 node-2 node-4" ||
		!strings.Contains(j.Causes[0].Message, "not found on node-1") {
		t.Errorf("%s", plain(j))
	}
}
