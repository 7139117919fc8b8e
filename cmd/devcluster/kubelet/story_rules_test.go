package kubelet

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// never has the first container of a pod, which exits 3, end for good unless the rule is for that.
func never(action corev1.ContainerRestartRuleAction, operator corev1.ContainerRestartRuleOnExitCodesOperator,
	code int32) *corev1.Pod {
	pod, policy := agent("crash"), corev1.ContainerRestartPolicyNever
	pod.Spec.Containers[0].RestartPolicy = &policy
	pod.Spec.Containers[0].RestartPolicyRules = []corev1.ContainerRestartRule{{
		Action: action, ExitCodes: &corev1.ContainerRestartRuleOnExitCodes{Operator: operator, Values: []int32{code}},
	}}
	return pod
}

// lacks is the first of the states that a stage never showed, or not in this order; "" if it showed all.
func (s *stage) lacks(states ...string) string {
	at := 0
	for _, state := range states {
		for at < len(s.looks) && !strings.Contains(s.looks[at].state, state) {
			at++
		}
		if at == len(s.looks) {
			return state
		}
	}
	return ""
}

// A container with restartPolicy Never ends for good, with its exit code and no restart, and its pod is Failed without
// a reason, as recorded. A rule that is for the exit code starts it again.
func TestContainerThatIsNotStartedAgain(t *testing.T) {
	const in, notIn = corev1.ContainerRestartRuleOnExitCodesOpIn, corev1.ContainerRestartRuleOnExitCodesOpNotIn
	const restart = corev1.ContainerRestartRuleActionRestart
	const ended = "Ready=False PodFailed | agent ready=false started=false restarts=0 terminated:Error:3 last=-"
	const again = "agent ready=true started=true restarts=2 running last=terminated:Error:3"
	for _, c := range []struct {
		pod  *corev1.Pod
		want string
	}{{never(restart, in, 42), ended}, {never(restart, notIn, 3), ended}, {never(restart, in, 3), again},
		{never(restart, notIn, 42), again}} {
		c.pod.Spec.InitContainers, c.pod.Spec.Containers = nil, c.pod.Spec.Containers[:1]
		s := &stage{}
		perform(t, c.pod, s, time.Minute)
		if s.lacks(c.want) != "" || strings.HasPrefix(s.looks[len(s.looks)-1].state, "Failed") != (c.want == ended) {
			t.Errorf("%+v: never %s\nplayed:\n%s", c.pod.Spec.Containers[0].RestartPolicyRules, c.want, s.states())
		}
	}
}

// While another container runs, the pod goes on without the one that has ended; an init container that has ended for
// good with a failure takes the pod with it, and so does the last one.
func TestWhatAnEndedContainerLeaves(t *testing.T) {
	s := &stage{}
	perform(t, never(corev1.ContainerRestartRuleActionRestart, corev1.ContainerRestartRuleOnExitCodesOpIn, 42), s,
		5*time.Minute)
	last := s.looks[len(s.looks)-1].state
	if !strings.HasPrefix(last, "Running") ||
		!strings.Contains(last, "restarts=0 terminated:Error:3 last=- | proxy ready=true") {
		t.Errorf("beside another container:\n%s", s.states())
	}
	pod, policy := agent("init-crash"), corev1.ContainerRestartPolicyNever
	pod.Spec.InitContainers[0].RestartPolicy = &policy
	s = &stage{}
	perform(t, pod, s, 5*time.Minute)
	last = s.looks[len(s.looks)-1].state
	if !strings.HasPrefix(last, "Failed") ||
		!strings.Contains(last, "init ready=false started=false restarts=0 terminated:Error:3") {
		t.Errorf("an init container:\n%s", s.states())
	}
	pod = agent("liveness-fails")
	pod.Spec.Containers = pod.Spec.Containers[:1]
	pod.Spec.Containers[0].RestartPolicy = &policy
	s = &stage{}
	perform(t, pod, s, 5*time.Minute)
	if last = s.looks[len(s.looks)-1].state; !strings.HasPrefix(last, "Succeeded") ||
		!strings.Contains(last, "restarts=0 terminated:Completed:0") {
		t.Errorf("killed by a probe, exit code 0:\n%s", s.states())
	}
}

// A rule that restarts all containers does so without a back-off, says it in a condition while it happens, and leaves
// of every container's end only that it was restarted, as recorded. The pod stays initialized.
func TestRuleThatRestartsAllContainers(t *testing.T) {
	pod, always := never(restartAllContainers,
		corev1.ContainerRestartRuleOnExitCodesOpIn, 3), corev1.ContainerRestartPolicyAlways
	pod.Spec.InitContainers[0].RestartPolicy = &always
	s := &stage{}
	perform(t, pod, s, time.Minute)
	const anew = "last=terminated:RestartingAllContainers:137"
	if lacks := s.lacks("agent ready=false started=false restarts=0 terminated:Error:3 last=- | proxy ready=true",
		"restarts=1 waiting:RestartingAllContainers "+anew,
		"Initialized=True Ready=False ContainersNotReady AllContainersRestarting RestartAllContainersStarted | init "+
			"ready=true started=true restarts=2 running "+anew+
			" | agent ready=false started=false restarts=2 terminated:Error:3 "+anew+
			" | proxy ready=true started=true restarts=2 running "+anew,
		"restarts=8 running"); lacks != "" {
		t.Errorf("never, or not in this order: %s\nplayed:\n%s", lacks, s.states())
	}
	for _, about := range []string{"init", "proxy"} {
		if !s.heard("Killing", "killing", about) {
			t.Errorf("nobody said that %s is killed", about)
		}
	}
	if s.heard("Killing", "killing", "agent") || s.heard("BackOff", "", "agent") {
		t.Error("the container that ended by itself was killed, or backed off")
	}
}

// heard reports whether an Event about a container was said.
func (s *stage) heard(reason, message, container string) bool {
	for _, e := range s.events {
		if e.Reason == reason && strings.Contains(e.Message, message) && strings.Contains(e.InvolvedObject.FieldPath,
			"{"+container+"}") {
			return true
		}
	}
	return false
}

// A pod that the kubelet refuses says why in its status and in an Event, and has no containers.
func TestRefusedPodHasNoContainers(t *testing.T) {
	for behaviour, reason := range map[string]string{"rejected": "UnexpectedAdmissionError", "out-of-cpu": "OutOfcpu",
		"no-apparmor": "AppArmor"} {
		s := &stage{}
		perform(t, agent(behaviour), s, time.Minute)
		told := slices.ContainsFunc(s.events, func(e corev1.Event) bool {
			return e.Reason == reason &&
				e.InvolvedObject.FieldPath == ""
		})
		if last := s.looks[len(s.looks)-1].state; !told || !strings.HasPrefix(last, "Failed") ||
			strings.Contains(last, "|") {
			t.Errorf("%s: Event %v\n%s", behaviour, told, s.states())
		}
	}
}
