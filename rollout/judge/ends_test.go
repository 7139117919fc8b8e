package judge

import (
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
)

// policy is a restartPolicy of a container's own.
func policy(p corev1.ContainerRestartPolicy) *corev1.ContainerRestartPolicy { return &p }

// onCodes is a restart rule for some exit codes.
func onCodes(action corev1.ContainerRestartRuleAction, op corev1.ContainerRestartRuleOnExitCodesOperator,
	codes ...int32) corev1.ContainerRestartRule {
	return corev1.ContainerRestartRule{Action: action, ExitCodes: &corev1.ContainerRestartRuleOnExitCodes{Operator: op,
		Values: codes}}
}

const (
	in    = corev1.ContainerRestartRuleOnExitCodesOpIn
	notIn = corev1.ContainerRestartRuleOnExitCodesOpNotIn
)

// endsForGood is a commit whose agent has a restartPolicy of its own, and perhaps a second container beside it.
func endsForGood(t *testing.T, p corev1.ContainerRestartPolicy, beside bool,
	rules ...corev1.ContainerRestartRule) *fleet {
	return newFleet(t, 3).apply(func(d *appsv1.DaemonSet) {
		spec := &d.Spec.Template.Spec
		spec.Containers[0].RestartPolicy, spec.Containers[0].RestartPolicyRules = policy(p), rules
		if beside {
			spec.Containers = append(spec.Containers, corev1.Container{Name: "metrics",
				Image: "registry.example.com/metrics:v1"})
		}
	})
}

// fails has a pod end for good, and be over with it.
func (f *fleet) fails(p *corev1.Pod, code int32) *corev1.Pod {
	f.ends(p, code, "Error")
	p.Status.Phase = corev1.PodFailed
	if code == 0 {
		p.Status.Phase = corev1.PodSucceeded
	}
	return p
}

// says holds that a cause's message and remedy contain some words, and that they do not contain others, which begin
// with !.
func says(t *testing.T, c rollout.Cause, words ...string) {
	t.Helper()
	text := c.About + "\n" + c.Message + "\n" + c.Remedy
	for _, w := range words {
		if not, unwanted := strings.CutPrefix(w, "!"); unwanted && strings.Contains(text, not) || !unwanted &&
			!strings.Contains(text, w) {
			t.Errorf("%q in:\n%s", w, text)
		}
	}
}

// A pod that is over because its container ended and nothing restarts it is a crash, not a node that refuses its pod:
// at once, with exit code and policy, and with a log that is there.
func TestAPodThatEndedForGoodIsACrash(t *testing.T) {
	for name, c := range map[string]struct {
		policy corev1.ContainerRestartPolicy
		rules  []corev1.ContainerRestartRule
		code   int32
		says   []string
	}{
		"never": {corev1.ContainerRestartPolicyNever, nil, 3, []string{"exit code 3", "restartPolicy is Never",
			"phase Failed"}},
		"no rule for it": {corev1.ContainerRestartPolicyNever,
			[]corev1.ContainerRestartRule{onCodes("Restart", in, 42)}, 3,
			[]string{"exit code 3", "Restart on exit code 42"}},
		"on failure": {corev1.ContainerRestartPolicyOnFailure, nil, 0,
			[]string{"exit code 0", "restartPolicy is OnFailure", "phase Succeeded"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := endsForGood(t, c.policy, false, c.rules...)
			p := f.fails(f.ready(f.replace("node-1")), c.code)
			j := f.want(rollout.Stuck, rollout.CrashLoop)
			says(t, j.Causes[0], append(c.says, "logs "+p.Name+" -c agent`", "!--previous", "!refuses")...)
			if j.Causes[0].Pods[0] != p.Name || !slices.Contains(j.Ended, "node-1") || j.Updated != 1 {
				t.Errorf("%+v", j)
			}
		})
	}
}

// The pod that the controller makes in place of one that ended is not a new beginning: it is on probation, and what is
// to be read is its log, as that of the old one is gone.
func TestThePodAfterOneThatEndedIsOnProbation(t *testing.T) {
	f := endsForGood(t, corev1.ContainerRestartPolicyNever, false)
	f.fails(f.ready(f.replace("node-1")), 3)
	f.want(rollout.Stuck, rollout.CrashLoop)
	f.gone("node-1")
	says(t, f.want(rollout.Stuck, rollout.CrashLoop).Causes[0], "exit code 3", "get pods -w")
	p := f.ready(f.newPod("node-1"))
	j := f.want(rollout.Stuck, rollout.CrashLoop)
	says(t, j.Causes[0], "exit code 3", "logs -f "+p.Name+" -c agent", "!--previous")
	if f.after(30 * time.Second); f.judge().Settled != 0 {
		t.Error("settled within its probation")
	}
	f.after(31 * time.Second).want(rollout.Progressing)
	if f.judge().Settled != 1 {
		t.Error("not settled after its probation")
	}
	f.fails(p, 3) // once it has settled, an end is a first one again
	f.want(rollout.Stuck, rollout.CrashLoop)
}

// A container that nothing restarts is down for good, though another one of its pod runs on: there is nothing to wait
// for.
func TestAContainerThatEndedForGoodBesideAnother(t *testing.T) {
	for name, c := range map[string]struct {
		policy corev1.ContainerRestartPolicy
		code   int32
		stuck  bool
	}{
		"never":                  {corev1.ContainerRestartPolicyNever, 3, true},
		"never, exit 0":          {corev1.ContainerRestartPolicyNever, 0, true},
		"on failure, exit 0":     {corev1.ContainerRestartPolicyOnFailure, 0, true},
		"on failure, restarted":  {corev1.ContainerRestartPolicyOnFailure, 3, false},
		"always, first end only": {corev1.ContainerRestartPolicyAlways, 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := endsForGood(t, c.policy, true)
			f.ends(f.ready(f.replace("node-1")), c.code, "Error")
			if !c.stuck {
				f.want(rollout.Progressing, rollout.CrashLoop)
				return
			}
			says(t, f.want(rollout.Stuck, rollout.CrashLoop).Causes[0], "has ended for good with exit code",
				"though the pod goes on", "!--previous")
			f.options.After = map[rollout.Code]time.Duration{rollout.CrashLoop: time.Minute}
			f.want(rollout.Progressing, rollout.CrashLoop)
		})
	}
}

// A rule that restarts the container makes it an ordinary crash, at its second end; the code that no rule is for ends
// it.
func TestARuleThatRestartsTheContainer(t *testing.T) {
	f := endsForGood(t, corev1.ContainerRestartPolicyNever, false, onCodes("Restart", notIn, 0, 3))
	p := f.ends(f.ready(f.replace("node-1")), 42, "Error")
	f.want(rollout.Progressing, rollout.CrashLoop)
	f.ends(f.runs(p), 42, "Error")
	says(t, f.want(rollout.Stuck, rollout.CrashLoop).Causes[0], "keeps ending: exit code 42", "--previous")
	f.fails(f.runs(p), 3)
	says(t, f.want(rollout.Stuck, rollout.CrashLoop).Causes[0], "has ended for good with exit code 3",
		"Restart on any exit code but 0, 3", "!--previous")
}

// An init container with a restartPolicy of its own ends the pod as well; one that has exited 0 has done its work.
func TestAnInitContainerThatIsNotRestarted(t *testing.T) {
	f := newFleet(t, 3).apply(func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "setup",
			RestartPolicy: policy(corev1.ContainerRestartPolicyNever)}}
	})
	p := f.replace("node-1")
	end := &corev1.ContainerStateTerminated{ExitCode: 0, StartedAt: metav1.NewTime(f.now),
		FinishedAt: metav1.NewTime(f.now)}
	p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "setup",
		State: corev1.ContainerState{Terminated: end}}}
	f.want(rollout.Progressing, rollout.Starting)
	end.ExitCode, p.Status.Phase = 7, corev1.PodFailed
	says(t, f.want(rollout.Stuck, rollout.CrashLoop).Causes[0],
		"init container setup has ended for good with exit code 7", "logs "+p.Name+" -c setup`")
}

// What the kernel killed for its memory stays that, also where nothing restarts it.
func TestOutOfMemoryForGood(t *testing.T) {
	f := endsForGood(t, corev1.ContainerRestartPolicyNever, false)
	f.fails(f.ready(f.replace("node-1")), 137).Status.ContainerStatuses[0].State.Terminated.Reason = "OOMKilled"
	says(t, f.want(rollout.Stuck, rollout.CrashLoop).Causes[0], "OOMKilled", "restartPolicy is Never", "limits.memory")
	f.ready(f.replace("node-1"))
	says(t, f.want(rollout.Stuck, rollout.CrashLoop).Causes[0], "OOMKilled")
}

// A pod that its node turned away or out stays Rejected, whatever its containers' policies, and although they ended
// with it.
func TestAPodThatTheNodeTurnsOutStaysRejected(t *testing.T) {
	for _, reason := range []string{"Evicted", "UnexpectedAdmissionError", "NodeAffinity", "OutOfcpu", "Terminated"} {
		f := endsForGood(t, corev1.ContainerRestartPolicyNever, false)
		f.fails(f.ready(f.replace("node-1")), 137).Status.Reason = reason
		says(t, f.want(rollout.Progressing, rollout.Rejected).Causes[0], reason)
		f.after(time.Second).fails(f.ready(f.replace("node-1")), 137).Status.Reason = reason
		f.want(rollout.Stuck, rollout.Rejected)
	}
	f := endsForGood(t, corev1.ContainerRestartPolicyNever, false)
	p := f.fails(f.ready(f.replace("node-1")), 137)
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.DisruptionTarget,
		Status: corev1.ConditionTrue})
	f.want(rollout.Progressing, rollout.Rejected)
}
