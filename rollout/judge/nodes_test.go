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
	"github.com/daemongate/daemongate/rollout/fact"
)

func (f *fleet) roll(nodes ...string) {
	for _, n := range nodes {
		f.ready(f.replace(n))
	}
}

func stateOf(j rollout.Judgement, node string) rollout.NodeState {
	for n := range j.Nodes.All() {
		if n.Name == node {
			return n.State
		}
	}
	return ""
}

// A node that was down before the rollout reached it does not count: the others complete the rollout without it.
func TestAnAbsentNodeDoesNotCount(t *testing.T) {
	f := newFleet(t, 3)
	f.setReady("node-3", false)
	f.after(time.Minute).image("v2").roll("node-1", "node-2")
	f.after(10 * time.Second)
	j := f.want(rollout.Complete)
	if len(j.Absent) != 1 || j.Desired != 2 || stateOf(j, "node-3") != rollout.IsAbsent {
		t.Errorf("%+v", j)
	}
}

// One absent node, or a fifth of them, is allowed; with more the rollout is not called complete.
func TestTooManyAbsentNodesKeepARolloutOpen(t *testing.T) {
	f := newFleet(t, 11)
	f.image("v2")
	for _, n := range f.nodes {
		f.ready(f.replace(n.Name))
	}
	f.after(time.Minute)
	for i, n := range f.nodes[:3] {
		f.ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = nil
		f.gone(n.Name)
		f.setReady(n.Name, false)
		f.after(time.Minute)
		want := rollout.Complete
		if i == 2 {
			want = rollout.Progressing
		}
		if j := f.judge(); j.Verdict != want || len(j.Absent) != i+1 {
			t.Fatalf("%d absent: %s", i+1, plain(j))
		}
	}
	f.after(16*time.Minute).want(rollout.Stuck, rollout.NoProgress)
}

// A node that goes down within ten minutes after its pod was updated is this rollout's loss, and stays it when its pod
// is taken away; it is no longer when it comes back.
func TestALostNode(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	f.roll("node-1")
	f.after(10*time.Minute).setReady("node-1", false)
	j := f.want(rollout.Progressing, rollout.NodeLost)
	f.wakesIn(j, 10*time.Second)
	if len(j.Lost) != 1 || j.Desired != 3 {
		t.Errorf("%+v", j)
	}
	f.after(10*time.Second).want(rollout.Stuck, rollout.NodeLost)
	f.gone("node-1")
	f.after(time.Second).want(rollout.Stuck, rollout.NodeLost)
	f.setReady("node-1", true)
	f.want(rollout.Progressing)
}

// Later than that, or on a node that somebody cordoned, it is not held against the commit.
func TestANodeThatGoesForOtherReasonsIsAbsent(t *testing.T) {
	for name, story := range map[string]func(*fleet){
		"ten minutes later": func(f *fleet) { f.after(10*time.Minute + time.Second) },
		"cordoned":          func(f *fleet) { f.node("node-1").Spec.Unschedulable = true },
	} {
		f := newFleet(t, 3).image("v2")
		f.roll("node-1")
		story(f)
		f.setReady("node-1", false)
		j := f.judge()
		if len(j.Absent) != 1 || len(j.Lost) != 0 {
			t.Errorf("%s: %s", name, plain(j))
		}
	}
}

// A node that boots anew soon after its pod was updated is lost, although it is ready again, until its pod has settled.
func TestARebootedNodeIsLostUntilItsPodSettles(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	f.roll("node-1")
	f.after(30 * time.Second).want(rollout.Progressing)
	f.node("node-1").Status.NodeInfo.BootID = "another-boot"
	f.want(rollout.Progressing, rollout.NodeLost) // the pod's status is still that of before
	f.after(10*time.Second).want(rollout.Stuck, rollout.NodeLost)
	p := f.pod("node-1")
	f.ready(f.ends(p, 255, "Unknown"))
	f.after(59*time.Second).want(rollout.Stuck, rollout.NodeLost)
	f.after(time.Second).want(rollout.Progressing)
	f.after(time.Second).want(rollout.Progressing)
}

// A node that joined after the commit was applied never keeps it open, and never moves the mark; its failing pod is
// evidence all the same.
func TestALateNodeNeverBlocks(t *testing.T) {
	f := newFleet(t, 1).image("v2")
	f.after(5 * time.Second).addNode("node-2")
	f.roll("node-1")
	p := f.newPod("node-2")
	f.ends(f.runs(p), 3, "Error")
	j := f.want(rollout.Progressing, rollout.CrashLoop)
	if len(j.Late) != 1 || j.Desired != 1 {
		t.Errorf("%+v", j)
	}
	f.ready(p)
	f.ends(p, 3, "Error")
	f.want(rollout.Stuck, rollout.CrashLoop)
	f.after(10 * time.Second)
	if j := f.want(rollout.Complete, rollout.CrashLoop); j.Mark != 1 || j.Causes[0].Final {
		t.Errorf("%+v", j)
	}
}

// Eligible is the DaemonSet controller's own rule, but a node that is only not ready is still meant.
func TestWhichNodesAreMeant(t *testing.T) {
	affinity := &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "pool",
			Operator: corev1.NodeSelectorOpIn, Values: []string{"b"}}}}}}}}
	taint := func(key string, effect corev1.TaintEffect) []corev1.Taint {
		return []corev1.Taint{{Key: key, Effect: effect}}
	}
	for name, c := range map[string]struct {
		spec  corev1.PodSpec
		taint []corev1.Taint
		meant bool
	}{
		"plain": {corev1.PodSpec{}, nil, true},
		"another pool": {corev1.PodSpec{NodeSelector: map[string]string{"pool": "b"}}, nil,
			false},
		"another pool, by affinity": {corev1.PodSpec{Affinity: affinity}, nil, false},
		"another node by name":      {corev1.PodSpec{NodeName: "node-9"}, nil, false},
		"untolerated taint":         {corev1.PodSpec{}, taint("gpu", corev1.TaintEffectNoSchedule), false},
		"untolerated NoExecute":     {corev1.PodSpec{}, taint("gpu", corev1.TaintEffectNoExecute), false},
		"PreferNoSchedule": {corev1.PodSpec{}, taint("gpu", corev1.TaintEffectPreferNoSchedule),
			true},
		"tolerated taint": {corev1.PodSpec{Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}}},
			taint("gpu", corev1.TaintEffectNoSchedule), true},
		"cordoned": {corev1.PodSpec{}, taint(corev1.TaintNodeUnschedulable,
			corev1.TaintEffectNoSchedule), true},
		"disk pressure": {corev1.PodSpec{}, taint(corev1.TaintNodeDiskPressure,
			corev1.TaintEffectNoSchedule), true},
		"not ready": {corev1.PodSpec{}, taint(corev1.TaintNodeNotReady,
			corev1.TaintEffectNoSchedule), true},
		"unreachable": {corev1.PodSpec{}, taint(corev1.TaintNodeUnreachable,
			corev1.TaintEffectNoExecute), true},
		"no network": {corev1.PodSpec{}, taint(corev1.TaintNodeNetworkUnavailable,
			corev1.TaintEffectNoSchedule), false},
		"no network, but the host's is used": {corev1.PodSpec{HostNetwork: true},
			taint(corev1.TaintNodeNetworkUnavailable, corev1.TaintEffectNoSchedule), true},
	} {
		n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1", Labels: map[string]string{"pool": "a"}},
			Spec: corev1.NodeSpec{Taints: c.taint}}
		why := fact.EligibilityOf(&corev1.PodTemplateSpec{Spec: c.spec}).Refuses(n)
		if (why == "") != c.meant {
			t.Errorf("%s: %q", name, why)
		}
	}
}

// A node that the commit no longer means is not waited for, and its class says why.
func TestANodeThatIsNotMeant(t *testing.T) {
	f := newFleet(t, 3)
	f.node("node-3").Labels = map[string]string{"pool": "b"}
	f.apply(func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.NodeSelector = map[string]string{"pool": "a"} })
	f.gone("node-3")
	f.roll("node-1", "node-2")
	f.after(10 * time.Second)
	j := f.want(rollout.Complete)
	if stateOf(j, "node-3") != rollout.IsNotEligible || slices.Collect(j.Nodes.All())[2].Why == "" || j.Eligible != 2 {
		t.Errorf("%+v", j)
	}
}

// Without the Leases nobody knows whether each node is alive: nothing is Complete, and at the deadline that is the
// cause.
func TestLeasesThatCannotBeRead(t *testing.T) {
	f := newFleet(t, 2).image("v2")
	f.roll("node-1", "node-2")
	unread := func() rollout.Judgement {
		l := f.look()
		l.LeasesProblem = "list leases: forbidden"
		var j rollout.Judgement
		j, f.memory = bothWays(l, f.target, f.memory, f.options)
		return j
	}
	f.after(time.Minute)
	if j := unread(); j.Verdict != rollout.Progressing || j.ReadLeases || j.Causes[0].Code != rollout.NoProgress ||
		j.Causes[0].Final || j.Wake != f.now.Add(5*time.Second) {
		t.Errorf("at once: %s", plain(j))
	}
	f.after(time.Hour)
	if j := unread(); j.Verdict != rollout.Stuck || !strings.Contains(j.Causes[0].Message, "list leases: forbidden") {
		t.Errorf("at the deadline: %s", plain(j))
	}
	if j, _ := bothWays(f.look(), f.target, f.memory, f.options); j.Verdict != rollout.Complete {
		t.Errorf("it does not heal: %s", plain(j))
	}
}

// Before Complete is believed the Leases are read: a node that stopped renewing its own is not settled, although nobody
// has called it not ready yet.
func TestAStaleLeaseIsNotSettled(t *testing.T) {
	f := newFleet(t, 2).image("v2")
	f.roll("node-1", "node-2")
	f.after(time.Minute)
	l := f.look()
	l.Leases = leases(f.now.Add(-25*time.Second), "node-1", "node-2")
	if j, _ := bothWays(l, f.target, f.memory, f.options); j.Verdict != rollout.Complete || j.ReadLeases {
		t.Errorf("renewed in time: %s", plain(j))
	}
	l.Leases[1].Spec.RenewTime.Time = f.now.Add(-26 * time.Second)
	written := metav1.NewTime(f.now.Add(-5 * time.Second))
	// by the API server's clock: the node's is behind
	l.Leases[1].ManagedFields = []metav1.ManagedFieldsEntry{{Time: &written}}
	if j, _ := bothWays(l, f.target, f.memory, f.options); j.Verdict != rollout.Complete {
		t.Errorf("a clock that is behind: %s", plain(j))
	}
	l.Leases[1].ManagedFields = nil
	if j, _ := bothWays(l, f.target, f.memory, f.options); j.Verdict != rollout.Progressing || j.Settled != 1 ||
		j.Wake.IsZero() {
		t.Errorf("overdue: %s", plain(j))
	}
}
