package kubelet

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Behaviours that nobody recorded go through the states that a kubelet shows, each in turn.
func TestBehavioursOnRequest(t *testing.T) {
	for behaviour, want := range map[string][]string{
		"oom": {"agent ready=true started=true restarts=0 running", "terminated:OOMKilled:137",
			"restarts=1 running last=terminated:OOMKilled:137", "restarts=1 waiting:CrashLoopBackOff"},
		"dies-after=40s": {"restarts=0 running", "terminated:Error:1", "restarts=1 running",
			"restarts=2 running"},
		"dies-once-after=40s": {"restarts=0 running", "terminated:Error:1", "Running",
			"restarts=1 running last=terminated:Error:1"},
		"never-ready": {"Ready=False ContainersNotReady", "agent ready=false started=true restarts=0 running"},
		"liveness-fails": {"Ready=True", "restarts=1 running last=terminated:Completed:0",
			"waiting:CrashLoopBackOff"},
		"startup-fails,untold": {"restarts=1 running last=terminated:Completed:0", "waiting:CrashLoopBackOff"},
		"hook-fails": {"restarts=0 waiting:PostStartHookError last=terminated:Completed:0",
			"restarts=1 waiting:PostStartHookError", "restarts=1 waiting:CrashLoopBackOff",
			"restarts=2 waiting:PostStartHookError"},
		"config-error":  {"agent ready=false started=false restarts=0 waiting:CreateContainerConfigError"},
		"mount-fails":   {"Pending PodReadyToStartContainers=False"},
		"sandbox-fails": {"Pending PodReadyToStartContainers=False"},
		"init-crash": {"Pending", "init ready=false started=false restarts=0 terminated:Error:3",
			"init ready=false started=false restarts=1 waiting:CrashLoopBackOff"},
		"evicted":              {"Running", "Failed"},
		"rejected":             {"Pending", "Failed"},
		"out-of-cpu":           {"Pending", "Failed"},
		"no-apparmor":          {"Pending", "Failed"},
		"pull-fails":           {"waiting:ErrImagePull", "waiting:ImagePullBackOff", "waiting:ErrImagePull"},
		"slow-stop=20s, crash": {"restarts=0 running", "terminated:Error:3"},
	} {
		t.Run(behaviour, func(t *testing.T) {
			s := &stage{}
			perform(t, agent(behaviour), s, 3*time.Minute)
			at := 0
			for _, state := range want {
				for at < len(s.looks) && !strings.Contains(s.looks[at].state, state) {
					at++
				}
				if at == len(s.looks) {
					t.Fatalf("never, or not in this order: %s\nplayed:\n%s", state, s.states())
				}
			}
		})
	}
}

// While an init container crashes nothing else has started, and a pod that can never be ready never is.
func TestNothingStartsBeforeTheInitContainers(t *testing.T) {
	s := &stage{}
	perform(t, agent("init-crash"), s, 3*time.Minute)
	for _, l := range s.looks {
		if !strings.Contains(l.state, "agent ready=false started=false restarts=0 waiting:PodInitializing") {
			t.Errorf("after %s: %s", l.at, l.state)
		}
	}
}

// A pod that waits for a ConfigMap starts by itself once somebody has made it.
func TestPodStartsWhenItsConfigMapAppears(t *testing.T) {
	pod := agent("")
	pod.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: "settings"},
	}}}
	s := &stage{missing: map[string]bool{"configmap/settings": true}}
	perform(t, pod, s, 2*time.Minute, func() {
		time.Sleep(time.Minute)
		s.set(func() { s.missing = nil })
	})
	last := s.looks[len(s.looks)-1]
	if !strings.Contains(last.state, "Ready=True") || last.at < time.Minute {
		t.Errorf("after the ConfigMap was made:\n%s", s.states())
	}
}

// An agent that dies on request runs well until somebody makes the ConfigMap that asks for it, and crash-loops from
// then on.
func TestAgentsDieOnRequest(t *testing.T) {
	s := &stage{missing: map[string]bool{"configmap/die": true}}
	perform(t, agent("dies-on-request"), s, 3*time.Minute, func() {
		time.Sleep(time.Minute)
		s.set(func() { s.missing = nil })
	})
	firstEnd := slices.IndexFunc(s.looks, func(l look) bool { return strings.Contains(l.state, "terminated:Error:1") })
	if firstEnd < 0 || s.looks[firstEnd].at < time.Minute || s.looks[firstEnd].at > time.Minute+2*time.Second {
		t.Errorf("it did not die when it was asked to, and only then:\n%s", s.states())
	}
	if !strings.Contains(s.states(), "CrashLoopBackOff") {
		t.Errorf("it is well again:\n%s", s.states())
	}
}

// While a node's kubelet is dead nothing happens to its pods and nobody says anything; then their stories go on.
func TestDeadKubeletDoesNothing(t *testing.T) {
	s := &stage{}
	var looks, events int
	perform(t, agent("crash"), s, 10*time.Minute, func() {
		time.Sleep(20 * time.Second)
		s.set(func() { s.dead, looks, events = true, len(s.looks), len(s.events) })
		time.Sleep(5 * time.Minute)
		s.set(func() {
			if len(s.looks) != looks || len(s.events) != events {
				t.Errorf("a dead kubelet changed %d states and said %d things", len(s.looks)-looks,
					len(s.events)-events)
			}
			s.dead = false
		})
	})
	if len(s.looks) == looks {
		t.Error("the kubelet lives again and does nothing")
	}
}

// A condition's transition time is when its status changed, not when the kubelet last looked: rollouts count from it.
func TestTransitionTimeMovesWithTheStatusOnly(t *testing.T) {
	var status corev1.PodStatus
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	setCondition(&status, corev1.PodReady, true, "", "", at(1))
	setCondition(&status, corev1.PodReady, true, "", "", at(2))
	if got := status.Conditions[0].LastTransitionTime.Time; !got.Equal(at(1)) {
		t.Errorf("still Ready: moved to %s", got)
	}
	setCondition(&status, corev1.PodReady, false, "ContainersNotReady", "", at(3))
	if got := status.Conditions[0].LastTransitionTime.Time; !got.Equal(at(3)) {
		t.Errorf("no longer Ready: stayed at %s", got)
	}
}

// A pod of which only the first killing is told goes on being killed: the kubelet's Events stop, the ends do not.
func TestOnlyTheFirstKillingIsTold(t *testing.T) {
	for behaviour, reason := range map[string]string{"liveness-fails,untold": "Killing",
		"hook-fails,untold": "FailedPostStartHook"} {
		s := &stage{}
		perform(t, agent(behaviour), s, 3*time.Minute)
		told := 0
		for _, e := range s.events {
			if e.Reason == reason {
				told++
			}
		}
		if told != 1 || !strings.Contains(s.states(), "restarts=2") {
			t.Errorf("%s: %d times\n%s", behaviour, told, s.states())
		}
	}
}

// What a pod's spec asks for that the nodes cannot do is refused as real kubelets do: an image volume about the pod and
// in the words of its own image, a wish of the sandbox before any container.
func TestWhatTheNodesCannotDo(t *testing.T) {
	for name, c := range map[string]struct {
		ask           func(*corev1.PodSpec)
		state, reason string
		says          string
	}{
		"an image volume": {func(s *corev1.PodSpec) {
			s.Volumes = []corev1.Volume{{Name: "models",
				VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: "registry.local/models:typo"}}}}
			s.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "models"}}
		}, "agent ready=false started=false restarts=0 waiting:ErrImagePull", "Failed",
			`Failed to pull image "registry.local/models:typo"`},
		"user namespaces": {func(s *corev1.PodSpec) { s.HostUsers = new(bool) }, "Pending", "FailedCreatePodSandBox",
			"user namespaces"},
		"a tiny limit": {func(s *corev1.PodSpec) {
			s.Containers[0].Resources.Limits = corev1.ResourceList{"memory": resource.MustParse("600Ki")}
		}, "Pending", "FailedCreatePodSandBox", "memory limit too low"},
		"a hook": {func(s *corev1.PodSpec) {
			s.Containers[0].Lifecycle = &corev1.Lifecycle{PostStart: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"false"}}}}
		}, "waiting:PostStartHookError", "FailedPostStartHook", "PostStartHook failed"},
	} {
		t.Run(name, func(t *testing.T) {
			pod, s := agent(""), &stage{}
			c.ask(&pod.Spec)
			perform(t, pod, s, time.Minute)
			said := slices.ContainsFunc(s.events, func(e corev1.Event) bool {
				return e.Reason == c.reason && strings.Contains(e.Message, c.says) &&
					(c.reason != "Failed" || e.InvolvedObject.FieldPath == "")
			})
			if !said || !strings.Contains(s.states(), c.state) {
				t.Errorf("said %v\n%s", said, s.states())
			}
		})
	}
}
