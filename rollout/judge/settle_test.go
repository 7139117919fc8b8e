package judge

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// A good commit: each node counts when its pod has been Ready for ten seconds, not before; the last one completes it.
func TestAGoodRollout(t *testing.T) {
	f := newFleet(t, 2).image("v2")
	j := f.want(rollout.Progressing)
	if j.Headline != `daemon set "agent": 0 of 2 nodes run a settled new pod` || len(j.Old) != 2 {
		t.Errorf("%+v", j)
	}
	for _, node := range []string{"node-1", "node-2"} {
		p := f.replace(node)
		f.want(rollout.Progressing, rollout.Starting)
		f.after(3 * time.Second).ready(p)
		f.wakesIn(f.want(rollout.Progressing), 10*time.Second)
		f.after(10*time.Second - 1).want(rollout.Progressing)
		f.after(1)
	}
	j = f.want(rollout.Complete)
	if j.Headline != `daemon set "agent" successfully rolled out` || !j.ReadLeases || j.Settled != 2 {
		t.Errorf("%+v", j)
	}
}

// minReadySeconds longer than the settling time is what a pod must wait for.
func TestMinReadySecondsCountWhenLonger(t *testing.T) {
	f := newFleet(t, 1)
	f.apply(func(d *appsv1.DaemonSet) {
		d.Spec.MinReadySeconds = 40
		d.Spec.Template.Spec.Containers[0].Image = "x:v2"
	})
	f.ready(f.replace("node-1"))
	f.after(39 * time.Second).want(rollout.Progressing)
	f.after(time.Second).want(rollout.Complete)
}

// A container that has ended puts its pod on probation: a minute, doubled by each further end, ten minutes at most. The
// Ready condition of the pod never moves here: the container's own times must tell.
func TestProbation(t *testing.T) {
	f := newFleet(t, 1).image("v2")
	p := f.ready(f.replace("node-1"))
	for i, probation := range []time.Duration{1, 2, 4, 8, 10, 10} {
		f.after(5 * time.Second)
		stamp := fact.PodCondition(p, corev1.PodReady).LastTransitionTime
		f.ends(p, 1, "Error")
		f.ready(p)
		fact.PodCondition(p, corev1.PodReady).LastTransitionTime = stamp
		if i == 0 {
			f.want(rollout.Progressing, rollout.CrashLoop)
		}
		f.after(probation*time.Minute - 1)
		if j := f.judge(); j.Verdict == rollout.Complete {
			t.Fatalf("complete after %d ends, %s after the last", i+1, probation*time.Minute-1)
		}
		f.after(1).want(rollout.Complete)
	}
}

// A container that is terminated has ended, although nothing has restarted it yet.
func TestTerminatedCountsBeforeTheRestart(t *testing.T) {
	f := newFleet(t, 1).image("v2")
	p := f.ends(f.ready(f.replace("node-1")), 3, "Error")
	if n := fact.EndsOf(p); n != 1 {
		t.Errorf("%d ends", n)
	}
	if j := f.want(rollout.Progressing, rollout.CrashLoop); len(j.Ended) != 1 {
		t.Errorf("ended: %v", j.Ended)
	}
}

// An init container is meant to end with 0. Tries before that count; a sandbox that was made anew does not.
func TestEndsOfInitContainers(t *testing.T) {
	ended := func(code int32) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}
	}
	for name, c := range map[string]struct {
		status corev1.ContainerStatus
		want   int
	}{
		"done at once": {corev1.ContainerStatus{State: ended(0)}, 0},
		"failed once, then done": {corev1.ContainerStatus{RestartCount: 1, State: ended(0),
			LastTerminationState: ended(1)}, 1},
		"failed just now": {corev1.ContainerStatus{State: ended(1)}, 1},
		"failed, waits": {corev1.ContainerStatus{RestartCount: 1,
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}, LastTerminationState: ended(1)}, 2},
		"ran again in a new sandbox": {corev1.ContainerStatus{RestartCount: 1, State: ended(0),
			LastTerminationState: ended(0)}, 0},
	} {
		if got := fact.ContainerEnds(&c.status, true); got != c.want {
			t.Errorf("%s: %d ends, want %d", name, got, c.want)
		}
	}
}

// Pods that were settled before a commit that leaves the template alone need not settle again.
func TestACommitThatLeavesTheTemplateAloneIsComplete(t *testing.T) {
	f := newFleet(t, 3)
	f.apply(func(d *appsv1.DaemonSet) { d.Annotations = map[string]string{"team": "nodes"} })
	f.want(rollout.Complete)
}

// With maxSurge there are two pods on a node for a while: it is one node, and settled by its new one.
func TestTwoPodsOnANodeAreOneNode(t *testing.T) {
	f := newFleet(t, 1).image("v2")
	f.ready(f.newPod("node-1"))
	j := f.want(rollout.Progressing)
	if j.Desired != 1 || j.Updated != 1 || len(j.Old) != 0 || j.OldPods != 1 {
		t.Errorf("%+v", j)
	}
	f.after(10 * time.Second).want(rollout.Complete)
}

// A pod that is going, or that has ended for good, settles nothing.
func TestAPodThatGoesIsNoSettledPod(t *testing.T) {
	f := newFleet(t, 1).image("v2")
	p := f.ready(f.replace("node-1"))
	f.after(time.Minute).want(rollout.Complete)
	f.terminate(p)
	f.want(rollout.Progressing)
	p.DeletionTimestamp = nil
	p.Status.Phase = corev1.PodFailed
	f.want(rollout.Progressing, rollout.Rejected)
}

// Somebody else's pods that match the selector are not the DaemonSet's.
func TestOnlyOwnPodsCount(t *testing.T) {
	f := newFleet(t, 1).image("v2")
	p := f.ready(f.replace("node-1"))
	p.OwnerReferences[0].UID = "another"
	f.after(time.Minute)
	if j := f.want(rollout.Progressing); j.Updated != 0 {
		t.Errorf("%+v", j)
	}
}
