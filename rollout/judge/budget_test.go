package judge

import (
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// die has a node stop, and the controller delete its old pod, which nobody is there to end.
func (f *fleet) die(node string) {
	f.setReady(node, false)
	f.condition(f.pod(node), corev1.PodReady, corev1.ConditionFalse, "", "")
}

// unavailable sets how many nodes may be without a pod, of how many.
func (f *fleet) unavailable(limit string, of int) {
	value := intstr.Parse(limit)
	f.ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &value
	f.ds.Status.DesiredNumberScheduled = int32(of)
}

// A percentage is of the nodes that the controller wants, rounded up: it is said as Git has it and as what it comes to.
func TestABudgetInPercent(t *testing.T) {
	f := newFleet(t, 5)
	f.die("node-2")
	f.after(time.Minute).image("v2").unavailable("30%", 5)
	f.terminate(f.pod("node-2"))
	f.want(rollout.Progressing) // 30% of 5 are 2
	f.die("node-4")
	f.terminate(f.pod("node-4"))
	c := f.want(rollout.Progressing, rollout.BudgetSpent).Causes[0]
	if !strings.Contains(c.Message, "maxUnavailable 30% (2 of 5 nodes) is used up by node-2 (") ||
		!strings.Contains(c.Message, "3 nodes still wait: node-[1,3,5]") {
		t.Error(c.Message)
	}
	if !strings.Contains(c.Remedy, "raise maxUnavailable in Git to more than 2 nodes") {
		t.Error(c.Remedy)
	}
}

// Of every node that spends the budget it is said why: dead since when, which pod was deleted when and does not end,
// sick before, or not meant any more. Many that wait are folded.
func TestWhySpentAndWhoWaits(t *testing.T) {
	f := newFleet(t, 130)
	f.die("node-1")
	f.after(time.Minute)
	f.condition(f.pod("node-2"), corev1.PodReady, corev1.ConditionFalse, "", "")
	f.image("v2").unavailable("4", 130)
	f.target.FailingBefore = []rollout.FailingNode{{Node: "node-2"}}
	f.terminate(f.pod("node-1"))
	f.replace("node-2")
	f.terminate(f.pod("node-3"))
	f.node("node-4").Spec.Taints = []corev1.Taint{{Key: "shut-down", Effect: corev1.TaintEffectNoSchedule}}
	f.terminate(f.pod("node-4"))
	if j := f.judge(); len(j.Causes) > 0 && j.Causes[0].Code == rollout.BudgetSpent {
		t.Errorf("node-3's pod may still end: %s", plain(j))
	}
	f.after(time.Minute)
	j := f.judge()
	i := slices.IndexFunc(j.Causes, func(c rollout.Cause) bool { return c.Code == rollout.BudgetSpent })
	if i < 0 {
		t.Fatal(plain(j))
	}
	for _, said := range []string{
		"node-1 (not ready since 2026-11-20 09:00:00 UTC, its old pod was deleted at 2026-11-20 09:01:00 UTC and " +
			"does not end)",
		"node-2 (was failing before this commit, its new pod is not available)",
		"node-3 (its old pod was deleted at 2026-11-20 09:01:00 UTC and does not end)",
		"node-4 (not meant any more: taint shut-down:NoSchedule is not tolerated, its old pod was deleted at",
		"126 nodes still wait: node-[5-130]",
	} {
		if !strings.Contains(j.Causes[i].Message, said) {
			t.Errorf("%q is not said: %s", said, j.Causes[i].Message)
		}
	}
	if nodes := strings.Join(j.Causes[i].Nodes, " "); nodes != "node-1 node-2 node-3 node-4" {
		t.Error(nodes)
	}
}

// What the commit's own failing pods and other nodes use up together is said as a note; the verdict is the commit's
// cause.
func TestABudgetSpentByBoth(t *testing.T) {
	f := newFleet(t, 5)
	f.die("node-5")
	f.after(time.Minute).image("v2").unavailable("2", 5)
	f.terminate(f.pod("node-5"))
	f.waits(f.replace("node-1"), "InvalidImageName", "x")
	j := f.want(rollout.Progressing, rollout.InvalidImage)
	notes := strings.Join(j.Notes, "\n")
	if len(j.Causes) != 1 || !strings.Contains(notes, "maxUnavailable 2 is used up, in part by what is not this "+
		"commit's trouble: node-5 (not ready since") ||
		!strings.Contains(notes, "by its own: node-1 (InvalidImage)") {
		t.Errorf("%s", plain(j))
	}
	f.unavailable("3", 5)
	if j = f.want(rollout.Progressing, rollout.InvalidImage); strings.Contains(strings.Join(j.Notes, "\n"), "used up") {
		t.Errorf("there is budget left: %s", plain(j))
	}
}

// With maxSurge it is the new pods beside old ones that spend the budget: one on a dead node does for ever.
func TestASurgeThatIsSpent(t *testing.T) {
	f := newFleet(t, 3)
	f.apply(func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	})
	for _, p := range f.pods {
		p.Labels[fact.HashLabel] = "h2"
	}
	f.die("node-2")
	f.after(time.Minute).image("v2")
	one, zero := intstr.FromInt32(1), intstr.FromInt32(0)
	f.ds.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: &one, MaxUnavailable: &zero}
	f.want(rollout.Progressing)
	f.newPod("node-2")
	c := f.want(rollout.Progressing, rollout.BudgetSpent).Causes[0]
	if !strings.Contains(c.Message, "maxSurge 1 is used up by node-2 (not ready since") ||
		!strings.Contains(c.Message, "its new pod is not available") {
		t.Error(c.Message)
	}
	f.gone("node-2")
	f.newPod("node-2")
	f.want(rollout.Progressing) // without an old pod beside it, it is free of the limit
}
