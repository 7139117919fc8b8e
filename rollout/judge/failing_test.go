package judge

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// commit is a commit on top of one that completed, whose nodes are looked at before it is applied, as Daemongate does.
func (f *fleet) commit(tag string) *fleet {
	f.t.Helper()
	current, _ := fact.CurrentRevision(f.ds, f.revs)
	sick := FailingBefore(f.look(), current.Hash, f.options)
	f.image(tag)
	f.target.FailingBefore = sick
	return f
}

// crashes has a node's pod end a number of times, ten seconds apart, by itself.
func (f *fleet) crashes(node string, code int32, times int) {
	for range times {
		f.ends(f.runs(f.pod(node)), code, "Error")
		f.after(10 * time.Second)
	}
}

func sickNodes(list []rollout.FailingNode) string {
	var names []string
	for _, n := range list {
		names = append(names, fmt.Sprintf("%s %s %s", n.Node, n.Cause, n.Evidence))
	}
	return strings.Join(names, ", ")
}

// A node whose agent crash-looped before the commit neither counts nor brakes as long as it shows the same; it is
// listed, and the others complete the rollout.
func TestANodeThatWasFailingBefore(t *testing.T) {
	f := newFleet(t, 3)
	f.crashes("node-3", 1, 3)
	if sick := FailingBefore(f.look(), "h0", f.options); sick != nil {
		t.Fatalf("by another template: %v", sick)
	}
	f.commit("v2")
	if got := sickNodes(f.target.FailingBefore); got != "node-3 CrashLoop agent exit code 1" {
		t.Fatal(got)
	}
	f.roll("node-1", "node-2")
	f.ends(f.runs(f.replace("node-3")), 1, "Error")
	if j := f.want(rollout.Progressing); len(j.Ended) != 0 || len(j.FailingBefore) != 1 {
		t.Errorf("%+v", j)
	}
	f.after(10 * time.Second).want(rollout.Complete)
}

// What says that a node is sick: a cause that has ripened, or five minutes without being Ready. A pod that is starting,
// restarting or young says nothing, nor does one whose node has just booted again.
func TestWhatSaysThatANodeIsSick(t *testing.T) {
	budget := func(p *corev1.Pod) {
		p.Spec.Containers[0].StartupProbe = &corev1.Probe{PeriodSeconds: 10, FailureThreshold: 60}
	}
	for name, c := range map[string]struct {
		story func(f *fleet, p *corev1.Pod)
		want  string
	}{
		"deleted, and made anew": {func(f *fleet, p *corev1.Pod) { f.replace("node-3"); f.after(4 * time.Second) },
			""},
		"starting for five minutes": {func(f *fleet,
			p *corev1.Pod) {
			f.replace("node-3")
			f.after(5*time.Minute - 1)
		}, ""},
		"not Ready for five minutes": {func(f *fleet, p *corev1.Pod) { f.replace("node-3"); f.after(5 * time.Minute) },
			"node-3  "},
		"within its startup probe": {func(f *fleet,
			p *corev1.Pod) {
			budget(f.replace("node-3"))
			f.after(10 * time.Minute)
		}, ""},
		"beyond its startup probe": {func(f *fleet,
			p *corev1.Pod) {
			budget(f.replace("node-3"))
			f.after(15 * time.Minute)
		}, "node-3  "},
		"ended once": {func(f *fleet, p *corev1.Pod) { f.crashes("node-3", 1, 1) }, ""},
		"ended twice": {func(f *fleet, p *corev1.Pod) { f.crashes("node-3", 1, 2) },
			"node-3 CrashLoop agent exit code 1"},
		"Ready between two ends": {func(f *fleet, p *corev1.Pod) { f.crashes("node-3", 1, 3); f.ready(p) },
			"node-3 CrashLoop agent exit code 1"},
		"settled since": {func(f *fleet, p *corev1.Pod) {
			f.crashes("node-3", 1,
				2)
			f.ready(p)
			f.after(time.Hour)
		}, ""},
		"its node booted twice": {func(f *fleet, p *corev1.Pod) { f.reboots(p); f.reboots(p) }, ""},
		"going": {func(f *fleet, p *corev1.Pod) { f.crashes("node-3", 1, 3); f.terminate(p) },
			""},
		"its node is down": {func(f *fleet, p *corev1.Pod) {
			f.crashes("node-3", 1, 3)
			f.setReady("node-3",
				false)
		}, ""},
		"its image is gone, just now": {func(f *fleet, p *corev1.Pod) {
			f.waits(f.replace("node-3"), "ErrImagePull",
				"no")
		}, ""},
		"its image is gone": {func(f *fleet, p *corev1.Pod) {
			f.waits(f.replace("node-3"), "ImagePullBackOff", "no")
			f.after(30 * time.Second)
		}, "node-3 ImagePull registry.example.com/agent:v1"},
		"its volume is missing": {func(f *fleet, _ *corev1.Pod) {
			p := f.replace("node-3")
			f.event(p, "Pod", "FailedMount", `MountVolume.SetUp failed for volume "disk" : no such device`)
			f.after(3 * time.Minute)
		}, "node-3 VolumeMount disk"},
	} {
		f := newFleet(t, 3)
		f.after(time.Hour)
		c.story(f, f.pod("node-3"))
		if got := sickNodes(FailingBefore(f.look(), "h1", f.options)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// reboots has the node of a pod boot anew: the kubelet does not know when the container ended.
func (f *fleet) reboots(p *corev1.Pod) {
	c := &p.Status.ContainerStatuses[0]
	f.runs(f.ends(p, 137, "ContainerStatusUnknown"))
	c.LastTerminationState.Terminated.StartedAt.Reset()
	c.LastTerminationState.Terminated.FinishedAt.Reset()
	f.after(5 * time.Second)
}

// Pods that were deleted, or whose nodes joined, a few seconds before a broken commit say nothing of their nodes: it is
// stuck within seconds and braked, whether it breaks most nodes or all of them.
func TestAPodThatWasStartingCounts(t *testing.T) {
	for _, spared := range []int{0, 1} {
		f := newFleet(t, 12)
		f.after(time.Hour)
		broken := f.nodes[spared:]
		for _, n := range broken {
			f.replace(n.Name)
		}
		f.after(4 * time.Second).commit("v2")
		if len(f.target.FailingBefore) > 0 {
			t.Fatalf("%v", f.target.FailingBefore)
		}
		for _, n := range broken {
			f.ends(f.runs(f.replace(n.Name)), 1, "Error")
		}
		j := f.want(rollout.Progressing, rollout.CrashLoop)
		if len(j.Ended) != 12-spared || spared == 1 && j.Brake != rollout.BrakePull {
			t.Errorf("%+v", j)
		}
		for _, n := range broken {
			f.ends(f.runs(f.pod(n.Name)), 1, "Error")
		}
		f.after(3*time.Second).want(rollout.Stuck, rollout.CrashLoop)
	}
}

// Where the agent of the last commit has died on all nodes they count beyond the few that may be let off, which a note
// names: a fix with a typo is stuck for its image, so the next one comes through and completes.
func TestWhereAllNodesWereFailingBefore(t *testing.T) {
	f := newFleet(t, 12)
	for _, n := range f.nodes {
		f.crashes(n.Name, 1, 2)
	}
	f.commit("typo")
	if len(f.target.FailingBefore) != 12 {
		t.Fatal(f.target.FailingBefore)
	}
	for _, n := range f.nodes {
		f.waits(f.replace(n.Name), "ErrImagePull", "not found")
	}
	j := f.want(rollout.Progressing, rollout.ImagePull)
	if j.Desired != 12 {
		t.Error(plain(j))
	}
	f.after(30*time.Second).want(rollout.Stuck, rollout.ImagePull)

	sick := StillFailing(f.target.FailingBefore, f.memory, f.look())
	if len(sick) != 0 { // the typo broke them, and the fix must reach them
		t.Errorf("still failing: %v", sick)
	}
	f.image("v3")
	f.target.FailingBefore = sick
	if j = f.judge(); len(j.FailingBefore) != 0 || j.Desired != 12 {
		t.Error(plain(j))
	}
	for _, n := range f.nodes {
		f.ready(f.replace(n.Name))
	}
	f.after(10 * time.Second).want(rollout.Complete)
}

// As many nodes as may be absent are let off, the longest sick first; of the others a note says that they count.
func TestNoMoreNodesAreLetOffThanMayBeAbsent(t *testing.T) {
	f := newFleet(t, 12)
	for _, n := range f.nodes[:10] {
		f.crashes(n.Name, 1, 2)
	}
	f.commit("v2")
	j := f.judge()
	if len(j.FailingBefore) != 2 || j.Desired != 10 ||
		!slices.Contains(j.Notes, "was failing before this commit, counted all the same because at most 2 nodes may "+
			"be left out: node-10, node-3, node-4, node-5, node-6 and 3 more") {
		t.Errorf("%s %v", plain(j), j.Notes)
	}
	for _, n := range f.nodes {
		f.ready(f.replace(n.Name))
	}
	f.after(10 * time.Second)
	if j = f.want(rollout.Complete); j.Desired != 12 {
		t.Errorf("%+v", j)
	}
}

// A node that was failing before counts from the moment on at which its pod has settled, old or new: what breaks it
// then is this commit's, also where it is what it showed before.
func TestANodeThatRecoversCountsFromThenOn(t *testing.T) {
	for _, updated := range []bool{true, false} {
		f := newFleet(t, 3)
		f.crashes("node-3", 1, 2)
		f.commit("v2")
		f.roll("node-1")
		p := f.pod("node-3")
		if updated {
			p = f.replace("node-3")
		}
		f.ready(p)
		if j := f.judge(); j.Desired != 2 {
			t.Fatalf("at once: %s", plain(j))
		}
		f.after(5 * time.Minute)
		if j := f.judge(); j.Desired != 3 || len(j.FailingBefore) != 0 {
			t.Errorf("updated %v: %s", updated, plain(j))
		}
		f.roll("node-2")
		f.ends(f.runs(f.replace("node-3")), 1, "Error")
		if j := f.want(rollout.Progressing, rollout.CrashLoop); len(j.Ended) != 1 {
			t.Errorf("updated %v: %+v", updated, j)
		}
		f.after(time.Minute)
		f.ends(f.runs(f.pod("node-3")), 1, "Error")
		f.want(rollout.Stuck, rollout.CrashLoop)
	}
}

// A node's own trouble of before is not held against the commit, whatever it is; another one is, with all that ended.
func TestWhatTheNewTemplateBringsCounts(t *testing.T) {
	mount := func(f *fleet, p *corev1.Pod, volume string) {
		f.event(p, "Pod", "FailedMount", `MountVolume.SetUp failed for volume "`+volume+`" : no such device`)
		f.after(3 * time.Minute)
	}
	for name, c := range map[string]struct {
		story func(*fleet, *corev1.Pod)
		stuck rollout.Code
	}{
		"the same volume is missing": {func(f *fleet, p *corev1.Pod) { mount(f, p, "disk") }, ""},
		"another volume is missing":  {func(f *fleet, p *corev1.Pod) { mount(f, p, "config") }, rollout.VolumeMount},
		"its image is missing": {func(f *fleet, p *corev1.Pod) {
			f.waits(p, "ImagePullBackOff", "not found")
			f.judge()
			f.after(30 * time.Second)
		}, rollout.ImagePull},
		"it crashes": {func(f *fleet, p *corev1.Pod) {
			f.ends(f.runs(p), 1, "Error")
			if j := f.judge(); len(j.Ended) != 1 || j.Verdict == rollout.Complete {
				t.Error(plain(j))
			}
			f.ends(f.runs(p), 1, "Error")
		}, rollout.CrashLoop},
	} {
		f := newFleet(t, 12)
		mount(f, f.replace("node-12"), "disk")
		f.commit("v2")
		for _, n := range f.nodes[:11] {
			f.ready(f.replace(n.Name))
		}
		f.judge()
		c.story(f, f.replace("node-12"))
		if c.stuck == "" {
			f.want(rollout.Complete)
			continue
		}
		j := f.judge()
		if j.Verdict == rollout.Complete || j.Causes[0].Code != c.stuck || !slices.Equal(f.memory.Counted,
			[]string{"node-12"}) {
			t.Errorf("%s: %s %v", name, plain(j), f.memory.Counted)
		}
	}
}

// What was failing before and is lost, absent, late or not meant any more is that: it hides nothing.
func TestFailingBeforeHidesNoOtherClass(t *testing.T) {
	for want, story := range map[rollout.NodeState]func(f *fleet){
		rollout.IsLate:   func(f *fleet) { f.node("node-3").CreationTimestamp.Time = f.now.Add(time.Second) },
		rollout.IsAbsent: func(f *fleet) { f.setReady("node-3", false) },
		rollout.IsLost:   func(f *fleet) { f.replace("node-3"); f.after(time.Second).setReady("node-3", false) },
		rollout.IsNotEligible: func(f *fleet) {
			f.node("node-3").Spec.Taints = []corev1.Taint{{Key: "gpu", Effect: corev1.TaintEffectNoSchedule}}
		},
	} {
		f := newFleet(t, 3)
		f.crashes("node-3", 1, 2)
		f.commit("v2")
		story(f)
		if got := stateOf(f.judge(), "node-3"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Where no node counts nothing is complete in silence: the late nodes, or those that were failing before, do.
func TestWhereNoOtherNodeCounts(t *testing.T) {
	sick := newFleet(t, 1)
	sick.crashes("node-1", 1, 2)
	sick.commit("v2")
	late := newFleet(t, 2).commit("v2")
	late.nodes, late.pods = nil, nil
	late.after(time.Second)
	for _, n := range []string{"node-7", "node-8"} {
		late.addNode(n)
	}
	for _, f := range []*fleet{sick, late} {
		for _, n := range f.nodes {
			f.replace(n.Name)
		}
		last := f.nodes[len(f.nodes)-1].Name
		f.ends(f.runs(f.pod(last)), 1, "Error")
		if len(f.nodes) > 1 {
			f.ready(f.pod(f.nodes[0].Name))
		}
		f.after(20 * time.Second)
		if j := f.judge(); j.Verdict == rollout.Complete || j.Desired != len(f.nodes) ||
			j.Causes[0].Code != rollout.CrashLoop {
			t.Fatal(plain(j))
		}
		f.ends(f.runs(f.pod(last)), 1, "Error")
		f.want(rollout.Stuck, rollout.CrashLoop)
		f.ready(f.pod(last))
		f.after(10 * time.Minute).want(rollout.Complete)
	}
}
