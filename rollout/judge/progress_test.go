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

// A rollout that moves is never stuck, however long it takes in all: each newly settled node begins the deadline anew,
// also when nobody has looked for longer than the deadline.
func TestTheMarkMovesTheDeadline(t *testing.T) {
	f := newFleet(t, 6).image("v2")
	for i := range 5 {
		f.ready(f.replace(fmt.Sprintf("node-%d", i+1)))
		f.after(16 * time.Minute)
		if j := f.want(rollout.Progressing); j.Mark != i+1 {
			t.Fatalf("mark %d", j.Mark)
		}
	}
	f.wakesIn(f.want(rollout.Progressing), 15*time.Minute)
	f.after(15*time.Minute - 1).want(rollout.Progressing)
	j := f.after(1).want(rollout.Stuck, rollout.NoProgress)
	if c := j.Causes[0]; !strings.Contains(c.Message, "node-6 still on the old pod") ||
		!strings.Contains(c.Remedy, "kubectl -n platform describe ds agent") {
		t.Errorf("%+v", c)
	}
	f.roll("node-6")
	f.after(10 * time.Second).want(rollout.Complete)
}

// A mark that falls back and returns has not risen: a node that keeps settling and failing does not keep the deadline
// away.
func TestTheMarkIsAHighWaterMark(t *testing.T) {
	f := newFleet(t, 2).image("v2")
	p := f.ready(f.replace("node-1"))
	for range 4 {
		f.after(2 * time.Minute).judge()
		f.condition(p, corev1.PodReady, corev1.ConditionFalse, "", "")
		f.after(2 * time.Minute).judge()
		f.condition(p, corev1.PodReady, corev1.ConditionTrue, "", "")
	}
	if j := f.after(time.Minute).judge(); j.Verdict != rollout.Stuck || j.Mark != 1 {
		t.Errorf("%s", plain(j))
	}
}

// The deadline leaves room for what the pods themselves may take.
func TestTheDeadlineKnowsThePods(t *testing.T) {
	f := newFleet(t, 2).apply(func(d *appsv1.DaemonSet) {
		grace := int64(60)
		d.Spec.MinReadySeconds, d.Spec.Template.Spec.TerminationGracePeriodSeconds = 30, &grace
		d.Spec.Template.Spec.Containers[0].StartupProbe = &corev1.Probe{PeriodSeconds: 10, FailureThreshold: 30,
			InitialDelaySeconds: 15}
	})
	f.want(rollout.Progressing)
	allowed := 15*time.Minute + 30*time.Second + 60*time.Second + 315*time.Second
	f.after(allowed - 1).want(rollout.Progressing)
	f.after(1).want(rollout.Stuck, rollout.NoProgress)
}

// Within the failure budget the rollout goes on; when only failing nodes are left it is Stuck at once, never Complete.
func TestFailureBudget(t *testing.T) {
	f := newFleet(t, 4)
	f.options.FailureBudget, _ = rollout.ParseBudget("1")
	f.image("v2")
	f.waits(f.replace("node-1"), "InvalidImageName", "x")
	f.after(time.Minute)
	if j := f.want(rollout.Progressing, rollout.InvalidImage); j.Causes[0].Final {
		t.Errorf("%+v", j.Causes[0])
	}
	f.roll("node-2", "node-3")
	f.after(time.Minute).want(rollout.Progressing, rollout.InvalidImage)
	f.roll("node-4")
	f.after(9*time.Second).want(rollout.Progressing, rollout.InvalidImage)
	f.after(time.Second).want(rollout.Stuck, rollout.InvalidImage)
	f.waits(f.replace("node-2"), "InvalidImageName", "x")
	f.replace("node-3")
	f.want(rollout.Progressing, rollout.InvalidImage)
	f.after(10*time.Second).want(rollout.Stuck, rollout.InvalidImage)
	f.options.FailureBudget, _ = rollout.ParseBudget("50%")
	f.want(rollout.Progressing, rollout.InvalidImage)
}

// A budget is a number or a percentage, rounded down; "0" is none, and what is neither is an error.
func TestBudgets(t *testing.T) {
	for text, want := range map[string]int{"0": 0, "3": 3, "1%": 1, "10%": 15, "0%": 0, "100%": 150} {
		b, err := rollout.ParseBudget(text)
		if got := rollout.Portion(b, 150); err != nil || got != want {
			t.Errorf("%s of 150: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "-1", "101%", "%", "1.5%"} {
		if _, err := rollout.ParseBudget(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
	if got := rollout.Portion(rollout.Options{}.WithDefaults().FailureBudget, 199); got != 1 {
		t.Errorf("the default allows %d of 199", got)
	}
}

// The controller may not go on: dead nodes have used up maxUnavailable. They are named, and who waits, after five
// minutes; it leads over their pods' not ending.
func TestBudgetSpent(t *testing.T) {
	f := newFleet(t, 4)
	f.setReady("node-2", false)
	f.after(time.Minute).image("v2")
	f.condition(f.pod("node-2"), corev1.PodReady, corev1.ConditionFalse, "", "")
	f.terminate(f.pod("node-2"))
	f.want(rollout.Progressing, rollout.BudgetSpent)
	f.wakesIn(f.want(rollout.Progressing, rollout.BudgetSpent), 5*time.Minute)
	f.after(5*time.Minute-1).want(rollout.Progressing, rollout.BudgetSpent)
	c := f.after(1).want(rollout.Stuck, rollout.BudgetSpent).Causes[0]
	if strings.Join(c.Nodes, " ") != "node-2" || !strings.Contains(c.Message, "3 nodes still wait: node-[1,3-4]") ||
		!strings.Contains(c.Remedy, "kubectl delete node node-2") {
		t.Errorf("%+v", c)
	}
	two := intstr.FromInt32(2)
	f.ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &two
	f.want(rollout.Progressing)
}

// Not every absent node spends the budget: one whose old pod still counts as available does not, nor one without a pod
// that the controller does not want there as long as it is not ready.
func TestAbsentNodesThatDoNotSpendTheBudget(t *testing.T) {
	f := newFleet(t, 3)
	f.setReady("node-2", false)
	f.after(time.Minute).image("v2").want(rollout.Progressing)
	f.condition(f.pod("node-2"), corev1.PodReady, corev1.ConditionFalse, "", "")
	f.want(rollout.Progressing, rollout.BudgetSpent)
	f.gone("node-2")
	f.want(rollout.Progressing)
	f.apply(func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	})
	f.want(rollout.Progressing, rollout.BudgetSpent)
}

// A trouble of this commit that uses the budget up is that trouble, not BudgetSpent.
func TestABudgetSpentByTheCommitIsTheCommitsCause(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	f.waits(f.replace("node-1"), "InvalidImageName", "x")
	f.want(rollout.Progressing, rollout.InvalidImage)
	j := f.after(10*time.Minute).want(rollout.Stuck, rollout.InvalidImage)
	if len(j.Causes) != 1 {
		t.Errorf("%s", plain(j))
	}
}

// OnDelete passes once its template was observed, and says which nodes still run the old pod; told to wait it waits for
// a person, without a deadline. A new pod that fails is judged as always.
func TestOnDelete(t *testing.T) {
	f := newFleet(t, 3)
	f.apply(func(d *appsv1.DaemonSet) {
		d.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
		d.Spec.Template.Spec.Containers[0].Image = "v2"
	})
	f.target.OnDelete = true
	j := f.want(rollout.Complete)
	if len(j.Old) != 3 || !strings.Contains(strings.Join(j.Notes, " "), "3 of 3 nodes still run the old pod") ||
		strings.Contains(j.Headline, "success") {
		t.Errorf("%s", plain(j))
	}
	f.options.WaitOnDelete = true
	f.after(24 * time.Hour).want(rollout.Progressing)
	f.roll("node-1", "node-2", "node-3")
	f.after(10 * time.Second).want(rollout.Complete)
	f.options.WaitOnDelete = false
	p := f.pod("node-1")
	f.ends(f.ready(f.ends(p, 3, "Error")), 3, "Error")
	f.want(rollout.Stuck, rollout.CrashLoop)
}

// No node fits: that is fine if none did before, and a cause if the commit took them away.
func TestNoEligibleNodes(t *testing.T) {
	nowhere := func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.NodeSelector = map[string]string{"pool": "none"} }
	f := newFleet(t, 3).apply(nowhere)
	f.want(rollout.Progressing, rollout.NoEligibleNodes)
	f.pods = nil
	f.wakesIn(f.want(rollout.Progressing, rollout.NoEligibleNodes), 10*time.Second)
	f.after(10*time.Second).want(rollout.Stuck, rollout.NoEligibleNodes)
	f.target.HadNodes = false
	j := f.want(rollout.Complete)
	if strings.Join(j.Notes, "") != "no eligible nodes" {
		t.Errorf("%+v", j)
	}
	f.ds.Status.DesiredNumberScheduled = 3 // the controller knows nodes that this look does not
	f.want(rollout.Progressing)
}

// Without nodes, Events or revisions the answer is poorer, and says so; it is never richer than the truth.
func TestALookThatLacksKinds(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	f.ds.Status.DesiredNumberScheduled = 3
	f.roll("node-1", "node-2")
	f.gone("node-3")
	f.after(time.Minute)
	f.nodes, f.missing = nil, []string{rollout.KindNodes}
	if j := f.want(rollout.Progressing); j.Desired != 3 || !strings.Contains(strings.Join(j.Notes, " "),
		"without nodes") {
		t.Errorf("%+v", j)
	}
	f.roll("node-3")
	f.after(time.Minute).want(rollout.Complete)
	f.revs, f.missing = nil, []string{rollout.KindRevisions, rollout.KindNodes}
	f.memory = rollout.Memory{}
	f.ds.Status.UpdatedNumberScheduled = 3
	f.want(rollout.Complete)
	f.ds.Status.UpdatedNumberScheduled = 0
	f.want(rollout.Progressing)
}

// kubectl's lines stand where they are true, and only there.
func TestHeadlines(t *testing.T) {
	f := newFleet(t, 2).image("v2")
	status := func(updated, available int32) {
		f.ds.Status = appsv1.DaemonSetStatus{ObservedGeneration: f.ds.Generation, DesiredNumberScheduled: 2,
			UpdatedNumberScheduled: updated, NumberAvailable: available}
	}
	says := func(want string) {
		t.Helper()
		if j := f.judge(); j.Headline != want {
			t.Errorf("%q, want %q", j.Headline, want)
		}
	}
	status(0, 2)
	says(`Waiting for daemon set "agent" rollout to finish: 0 out of 2 new pods have been updated...`)
	f.replace("node-1")
	says(`daemon set "agent": 0 of 2 nodes run a settled new pod`) // the counters are late
	status(1, 1)
	says(`Waiting for daemon set "agent" rollout to finish: 1 out of 2 new pods have been updated...`)
	f.ready(f.pod("node-1"))
	f.replace("node-2")
	status(2, 1)
	says(`Waiting for daemon set "agent" rollout to finish: 1 of 2 updated pods are available...`)
	status(2, 0)
	says(`daemon set "agent": 0 of 2 nodes run a settled new pod`) // the counter is late: one is available
	f.ready(f.pod("node-2"))
	status(2, 2)
	says(`daemon set "agent": 0 of 2 nodes run a settled new pod`) // kubectl would call it a success
	f.after(10 * time.Second)
	says(`daemon set "agent" successfully rolled out`)
}
