package judge

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// restartsAllFleet is a commit whose agent restarts all containers of its pod by some rules: a sidecar and another one.
func restartsAllFleet(t *testing.T, rules ...corev1.ContainerRestartRule) (*fleet, *corev1.Pod) {
	f := newFleet(t, 3).apply(func(d *appsv1.DaemonSet) {
		spec := &d.Spec.Template.Spec
		spec.InitContainers = []corev1.Container{{Name: "side",
			RestartPolicy: policy(corev1.ContainerRestartPolicyAlways)}}
		spec.Containers[0].RestartPolicy, spec.Containers[0].RestartPolicyRules = policy(corev1.ContainerRestartPolicyNever), rules
		spec.Containers = append(spec.Containers, corev1.Container{Name: "other"})
	})
	p := f.replace("node-1")
	p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "side"}}
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.AllContainersRestarting,
		Status: corev1.ConditionFalse})
	return f, f.startAll(p)
}

func statusesOf(p *corev1.Pod) []*corev1.ContainerStatus {
	list := []*corev1.ContainerStatus{&p.Status.InitContainerStatuses[0]}
	for i := range p.Status.ContainerStatuses {
		list = append(list, &p.Status.ContainerStatuses[i])
	}
	return list
}

// startAll has all containers of a pod run, and the pod Ready.
func (f *fleet) startAll(p *corev1.Pod) *corev1.Pod {
	yes := true
	for _, c := range statusesOf(p) {
		c.Ready, c.Started, c.State = true, &yes,
			corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(f.now)}}
	}
	p.Status.Phase = corev1.PodRunning
	f.condition(p, corev1.PodReady, corev1.ConditionTrue, "", "")
	return p
}

// endsAll has the agent end with some code, so that all containers are about to be restarted.
func (f *fleet) endsAll(p *corev1.Pod, code int32) *corev1.Pod {
	f.ends(p, code, "Error")
	f.condition(p, corev1.AllContainersRestarting, corev1.ConditionTrue, "RestartAllContainersStarted", "")
	return p
}

// restartAll has the kubelet remove all containers of a pod, as it does, and start them again.
func (f *fleet) restartAll(p *corev1.Pod) *corev1.Pod {
	f.condition(p, corev1.AllContainersRestarting, corev1.ConditionTrue, "RestartAllContainersStarted", "")
	for _, c := range statusesOf(p) {
		c.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137,
			Reason:  fact.RestartingAll,
			Message: "The container is removed because RestartAllContainers in place"}}
		c.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: fact.RestartingAll}}
		c.RestartCount++
	}
	f.judge() // in the middle of it
	f.condition(p, corev1.AllContainersRestarting, corev1.ConditionFalse, "", "")
	return f.startAll(p)
}

// Of a pod whose containers are all restarted the one whose own end did it is named, with its own code: while it is to
// be seen, and after it has been removed. The other ones' 137 is nobody's end.
func TestTheContainerThatRestartsAllIsNamed(t *testing.T) {
	f, p := restartsAllFleet(t, onCodes("RestartAllContainers", notIn, 0))
	f.after(time.Second).endsAll(p, 3)
	says(t, f.want(rollout.Progressing, rollout.CrashLoop).Causes[0], "container agent, exit code 3",
		"RestartAllContainers on any exit code but 0", "!137")
	f.restartAll(p)
	says(t, f.want(rollout.Progressing, rollout.CrashLoop).Causes[0], "container agent, exit code 3")
	f.after(time.Second).endsAll(p, 3)
	c := f.want(rollout.Stuck, rollout.CrashLoop).Causes[0]
	says(t, c, "container agent keeps ending with exit code 3", "logs -f "+p.Name+" -c agent", "!--previous")
	if c.Container != "agent" {
		t.Errorf("%+v", c)
	}
	for range 500 {
		f.restartAll(p)
		f.after(time.Second)
		says(t, f.want(rollout.Stuck, rollout.CrashLoop).Causes[0], "container agent, exit code 3", "!137")
		f.endsAll(p, 3)
		f.want(rollout.Stuck, rollout.CrashLoop)
	}
}

// Where no look has seen it end, the rule tells which container it was, and with which code.
func TestTheRuleTellsWhoRestartsAll(t *testing.T) {
	loop := func(rules ...corev1.ContainerRestartRule) (*fleet, *corev1.Pod) {
		f, p := restartsAllFleet(t, rules...)
		for range 5 {
			f.after(time.Second).restartAll(p)
		}
		f.memory.Ended = nil
		return f, p
	}
	f, _ := loop(onCodes("RestartAllContainers", in, 3))
	says(t, f.want(rollout.Stuck, rollout.CrashLoop).Causes[0], "container agent, exit code 3")
	f, _ = loop(onCodes("RestartAllContainers", in, 3, 4))
	says(t, f.want(rollout.Stuck, rollout.CrashLoop).Causes[0], "container agent, exit code 3 or 4")
	f, p := loop(onCodes("RestartAllContainers", notIn, 0))
	p.Spec.Containers[1].RestartPolicyRules = []corev1.ContainerRestartRule{onCodes("RestartAllContainers", in, 9)}
	says(t, f.want(rollout.Stuck, rollout.CrashLoop).Causes[0], "a restart rule of agent or other", "--all-containers")
	f.event(p, "Pod", "Killing", "killing")
	f.events[len(f.events)-1].InvolvedObject.FieldPath = "spec.containers{other}" // killed for the sake of the agent
	says(t, f.want(rollout.Stuck, rollout.CrashLoop).Causes[0], "container agent, any exit code but 0")
}

// A restart of all containers is one end, however many containers there are: the pod is on probation for a minute.
func TestARestartOfAllIsOneEnd(t *testing.T) {
	f, p := restartsAllFleet(t, onCodes("RestartAllContainers", in, 3))
	f.after(time.Second).restartAll(p)
	if n := fact.EndsOf(p); n != 1 {
		t.Errorf("%d ends", n)
	}
	running := p.Status.ContainerStatuses[0].State
	// not started again yet
	p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}
	if n := fact.EndsOf(p); n != 1 {
		t.Errorf("%d ends while one of them is about to start", n)
	}
	p.Status.ContainerStatuses[0].State = running
	f.want(rollout.Progressing, rollout.CrashLoop)
	if f.after(59 * time.Second); f.judge().Settled != 0 {
		t.Error("settled within its probation")
	}
	if f.after(time.Second); f.judge().Settled != 1 {
		t.Error("on probation for longer than one end")
	}
}

// A pod whose rule restarts all of it now and then, and that is well in between, is not stuck, and settles a minute
// after the last time, however often it was.
func TestAPodThatRestartsAllNowAndThenIsNotStuck(t *testing.T) {
	f, p := restartsAllFleet(t, onCodes("RestartAllContainers", in, 3))
	f.options.ProgressDeadline = 24 * time.Hour // the other nodes wait
	for range 12 {
		f.after(20*time.Minute).endsAll(p, 3)
		f.want(rollout.Progressing, rollout.CrashLoop)
		f.restartAll(p)
		f.want(rollout.Progressing, rollout.CrashLoop)
		f.after(time.Minute)
		if j := f.judge(); j.Settled != 1 {
			t.Fatalf("%+v", j)
		}
	}
	f.memory = rollout.Memory{} // also if nobody has looked before
	f.restartAll(p)
	f.want(rollout.Progressing, rollout.CrashLoop)
	f.after(time.Minute)
	if j := f.judge(); j.Settled != 1 {
		t.Fatalf("%+v", j)
	}
}

// A loop that begins after a long good time is a loop: the kubelet's Events tell how long the containers ran between.
func TestALoopAfterALongGoodTime(t *testing.T) {
	f, p := restartsAllFleet(t, onCodes("RestartAllContainers", in, 3))
	f.options.ProgressDeadline = 48 * time.Hour
	f.after(24 * time.Hour)
	for range 6 {
		f.after(5*time.Second).event(p, "Pod", "Killing", "killing")
		f.events[len(f.events)-1].InvolvedObject.FieldPath = "spec.containers{other}"
		f.restartAll(p)
	}
	f.want(rollout.Stuck, rollout.CrashLoop)
}

// A container's own ends count beside the restarts of all.
func TestOwnEndsBesideRestartsOfAll(t *testing.T) {
	f, p := restartsAllFleet(t, onCodes("RestartAllContainers", in, 3))
	f.after(time.Second).restartAll(p)
	other := &p.Status.ContainerStatuses[1]
	for range 2 {
		other.RestartCount++
		other.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 5,
			FinishedAt: metav1.NewTime(f.now), StartedAt: metav1.NewTime(f.now)}
		f.after(time.Second)
	}
	if n := fact.EndsOf(p); n != 3 {
		t.Errorf("%d ends", n)
	}
	says(t, f.want(rollout.Stuck, rollout.CrashLoop).Causes[0], "container other, exit code 5", "--previous")
}
