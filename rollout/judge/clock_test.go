package judge

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// entry is what the API server notes of a write: when it took it by its own clock, and what was written.
func entry(taken time.Time, fields string) metav1.ManagedFieldsEntry {
	at := metav1.NewTime(taken.Truncate(time.Second))
	written := &metav1.FieldsV1{}
	written.SetRawBytes([]byte(fields))
	return metav1.ManagedFieldsEntry{Time: &at, FieldsV1: written}
}

// lease is one that a node renewed by its own clock and the API server took at a time by its own.
func lease(node string, renewed, taken time.Time) *coordinationv1.Lease {
	l := leases(renewed, node)[0]
	l.ManagedFields = []metav1.ManagedFieldsEntry{
		entry(taken.Add(-time.Hour), `{"f:metadata":{"f:ownerReferences":{}}}`),
		entry(taken, `{"f:spec":{"f:renewTime":{}}}`),
		entry(taken.Add(time.Hour), `{"f:metadata":{"f:labels":{}}}`)}
	return l
}

// A node's clock is told from its Lease in both directions and however old the Lease is, by the write of that very
// field; else from its status; and not at all where nobody noted when it was written.
func TestHowFarAClockIsOff(t *testing.T) {
	near := func(got, want time.Duration) bool { return got > want-time.Second && got < want+time.Second }
	for _, ahead := range []time.Duration{0, 90 * time.Second, -90 * time.Second, 3 * time.Second} {
		if got, told := fact.ClockOfLease(lease("n", fleetEpoch.Add(ahead), fleetEpoch)); !told || !near(got, ahead) {
			t.Errorf("%s, want %s", got, ahead)
		}
		n := &corev1.Node{Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady,
			LastHeartbeatTime: metav1.NewTime(fleetEpoch.Add(ahead))}}}}
		n.ManagedFields = []metav1.ManagedFieldsEntry{entry(fleetEpoch.Add(time.Hour), `{"f:spec":{}}`),
			entry(fleetEpoch, `{"f:status":{"f:conditions":{"k:{\"type\":\"Ready\"}":{"f:lastHeartbeatTime":{}}}}}`)}
		if got, told := fact.ClockOfNode(n); !told || !near(got, ahead) {
			t.Errorf("%s, want %s", got, ahead)
		}
	}
	for _, l := range []*coordinationv1.Lease{leases(fleetEpoch, "n")[0], {}} {
		if got, told := fact.ClockOfLease(l); told {
			t.Errorf("%s is told by nothing", got)
		}
	}
	if got, told := fact.ClockOfNode(&corev1.Node{}); told {
		t.Errorf("%s is told by nothing", got)
	}
}

// skewed is a fleet on whose first node the clock is five minutes ahead, at the moment at which its pod should have
// become available.
func skewed(t *testing.T) *fleet {
	f := newFleet(t, 2)
	f.apply(func(d *appsv1.DaemonSet) {
		d.Spec.MinReadySeconds = 10
		d.Spec.Template.Spec.Containers[0].Image = "v2"
	})
	p := f.ready(f.replace("node-1"))
	ahead := metav1.NewTime(f.now.Add(5 * time.Minute))
	fact.PodCondition(p, corev1.PodReady).LastTransitionTime = ahead
	p.Status.ContainerStatuses[0].State.Running.StartedAt = ahead
	if j := f.want(rollout.Progressing); len(j.ReadClocks) > 0 {
		t.Errorf("%v asked for too early", j.ReadClocks)
	}
	return f.after(15 * time.Second)
}

// judgeClocks judges this moment with clocks that were read.
func (f *fleet) judgeClocks(clocks ...rollout.Clock) rollout.Judgement {
	f.t.Helper()
	l := f.look()
	l.Clocks = clocks
	var j rollout.Judgement
	j, f.memory = bothWays(l, f.target, overAgain(f.t, f.memory), f.options)
	return j
}

// Only the clock of a node whose Ready pod stays unavailable is asked for, once a minute at most and not again after a
// restart; what it says then is the evidence.
func TestAClockIsReadOnlyWhenItMayExplainSomething(t *testing.T) {
	f := skewed(t)
	if j := f.want(rollout.Progressing, rollout.ClockSkew); strings.Join(j.ReadClocks, " ") != "node-1" {
		t.Fatalf("%v", j.ReadClocks)
	}
	j := f.judgeClocks(rollout.Clock{Node: "node-1", Ahead: 5*time.Minute + 300*time.Millisecond})
	if c := j.Causes[0]; c.Code != rollout.ClockSkew ||
		!strings.Contains(c.Message, "is 5m0s ahead of the API server's") || len(j.ReadClocks) > 0 {
		t.Errorf("%+v", c)
	}
	f.after(50 * time.Second)
	if j = f.want(rollout.Stuck, rollout.ClockSkew); len(j.ReadClocks) > 0 || !strings.Contains(j.Causes[0].Message,
		"5m0s ahead of") {
		t.Errorf("%v %s", j.ReadClocks, j.Causes[0].Message)
	}
	f.after(10 * time.Second)
	if j = f.want(rollout.Stuck, rollout.ClockSkew); strings.Join(j.ReadClocks, " ") != "node-1" {
		t.Errorf("it is not read again: %s", plain(j))
	}
	j = f.judgeClocks(rollout.Clock{Node: "node-1", Ahead: 300 * time.Millisecond}) // somebody has set it
	if c := j.Causes[0]; !strings.Contains(c.Message, "was ahead by about 5m0s") ||
		!strings.Contains(c.Message, "right by now") ||
		!strings.Contains(c.Remedy, "passes by itself at 2026-11-20 09:05:10 UTC") {
		t.Errorf("%+v", c)
	}
	f.after(4 * time.Minute)
	f.want(rollout.Progressing) // available at last
}

// A clock that cannot be read does not hide the cause.
func TestAClockThatCannotBeRead(t *testing.T) {
	f := skewed(t)
	f.want(rollout.Progressing, rollout.ClockSkew)
	j := f.judgeClocks(rollout.Clock{Node: "node-1", Unknown: "leases is forbidden"})
	if c := j.Causes[0]; c.Code != rollout.ClockSkew || !strings.Contains(c.Message, "ahead, by about 5m0s") ||
		!strings.Contains(c.Message, "leases is forbidden") || len(j.ReadClocks) > 0 {
		t.Errorf("%+v", c)
	}
}

// Without minReadySeconds no clock keeps a pod from being available: it is a note that the pod settles later.
func TestASkewThatExplainsNothingIsANote(t *testing.T) {
	f := newFleet(t, 2).image("v2")
	p := f.ready(f.replace("node-1"))
	ahead := metav1.NewTime(f.now.Add(time.Minute))
	fact.PodCondition(p, corev1.PodReady).LastTransitionTime = ahead
	p.Status.ContainerStatuses[0].State.Running.StartedAt = ahead
	j := f.after(20 * time.Second).want(rollout.Progressing)
	if len(j.ReadClocks) > 0 || !strings.Contains(strings.Join(j.Notes, "\n"),
		"node-1 is ahead, so that its pod settles later") {
		t.Errorf("%s", plain(j))
	}
}

// A pod on a node whose clock is behind seems to have been Ready for longer than it has. The Leases, which are read
// before Complete, tell; its pod has to make up for it.
func TestAClockThatIsBehindSettlesNothingEarly(t *testing.T) {
	f := newFleet(t, 2).image("v2")
	f.roll("node-1", "node-2")
	f.after(time.Minute)
	for _, n := range []string{"node-1", "node-2"} {
		p := f.ready(f.replace(n))
		behind := metav1.NewTime(f.now.Add(-time.Minute))
		fact.PodCondition(p, corev1.PodReady).LastTransitionTime = behind
		p.Status.ContainerStatuses[0].State.Running.StartedAt = behind
	}
	read := func() rollout.Look {
		l := f.look()
		l.Leases = []*coordinationv1.Lease{lease("node-1", f.now, f.now), lease("node-2", f.now.Add(-time.Minute),
			f.now)}
		return l
	}
	f.after(5 * time.Second)
	j, _ := bothWays(read(), f.target, f.memory, f.options)
	if j.Verdict != rollout.Progressing || j.Settled != 1 || !strings.Contains(strings.Join(j.Notes, ""),
		"node-2 is 1m") || j.Wake.IsZero() {
		t.Errorf("%s", plain(j))
	}
	f.after(6 * time.Second)
	if j, _ = bothWays(read(), f.target, f.memory, f.options); j.Verdict != rollout.Complete {
		t.Errorf("%s", plain(j))
	}
}
