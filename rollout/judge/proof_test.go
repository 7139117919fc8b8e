package judge

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/report"
)

// provenFleet has the default proof, and its nodes may roll all at once or so many at a time.
func provenFleet(t *testing.T, nodes int, unavailable string) *fleet {
	f := newFleet(t, nodes)
	f.options = rollout.Options{}
	return f.apply(func(d *appsv1.DaemonSet) {
		most := intstr.Parse(unavailable)
		d.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &most
		d.Spec.Template.Spec.Containers[0].Image = "registry.example.com/agent:v2"
	})
}

// An agent that dies after 25 s settles on all of its three nodes first, and is never Complete for that: it has to live
// for a minute, and on its second end it is Stuck.
func TestAnAgentThatDiesAfter25sIsNeverComplete(t *testing.T) {
	f := provenFleet(t, 3, "3")
	nodes := []string{"node-1", "node-2", "node-3"}
	f.roll(nodes...)
	for range 24 {
		if f.after(time.Second); f.judge().Verdict == rollout.Complete {
			t.Fatalf("complete %s after its pods started", f.now.Sub(f.target.AppliedAt))
		}
	}
	for range 2 {
		for _, n := range nodes {
			f.ends(f.pod(n), 1, "Error")
		}
		f.after(time.Second)
		if j := f.judge(); j.Verdict == rollout.Complete {
			t.Fatalf("complete with every agent down\n%s", plain(j))
		}
		for _, n := range nodes {
			f.ready(f.pod(n))
		}
		f.after(25 * time.Second)
	}
	f.want(rollout.Stuck, rollout.CrashLoop)
}

// While nothing but the proof is waited for, people are told so and for how long, a Git host without a clock, and the
// next look is asked for at the very instant.
func TestProvingIsSaidAndEndsOnTime(t *testing.T) {
	f := provenFleet(t, 12, "1")
	for _, n := range f.nodes {
		f.roll(n.Name)
	}
	f.after(26 * time.Second)
	j := f.want(rollout.Progressing)
	f.wakesIn(j, 34*time.Second)
	if want := `daemon set "agent": 12 nodes settled, proving until ` +
		f.now.Add(34*time.Second).UTC().Format("2006-01-02 15:04:05 UTC"); j.Headline != want {
		t.Errorf("headline %q, want %q", j.Headline, want)
	}
	text := report.New(report.Judged{Target: f.target, Look: f.look(), Judgement: j}).Text()
	if !strings.Contains(text, "Progressing. 12 nodes settled, proving for 34 s more.") {
		t.Errorf("people are told\n%s", text)
	}
	if got := report.Summarize([]rollout.Judgement{j}); got != "12 nodes settled, proving" {
		t.Errorf("the Git host is told %q", got)
	}
	f.after(34*time.Second - 1).want(rollout.Progressing)
	f.after(1).want(rollout.Complete)
}

// In a large rollout the first pods have lived for long enough when the last one settles: the proof costs nothing.
func TestProofCostsALargeRolloutNothing(t *testing.T) {
	f := provenFleet(t, 10, "1")
	for _, n := range f.nodes {
		f.want(rollout.Progressing)
		f.roll(n.Name)
		f.after(10 * time.Second)
	}
	f.want(rollout.Complete)
}

// As many nodes as may be unavailable at once have to prove it: with four of eight at a time one early pod is not
// enough.
func TestProofIsOwedByAsManyNodesAsMayBeUnavailable(t *testing.T) {
	for unavailable, late := range map[string]time.Duration{"1": 0, "2": time.Minute, "25%": time.Minute,
		"20%": time.Minute, "8": time.Minute, "80": time.Minute} {
		f := provenFleet(t, 8, unavailable)
		f.ds.Status.DesiredNumberScheduled = 8
		f.roll("node-1")
		f.after(50 * time.Second)
		for _, n := range f.nodes[1:] {
			f.roll(n.Name)
		}
		f.after(10 * time.Second)
		if late > 0 {
			f.wakesIn(f.want(rollout.Progressing), 50*time.Second)
			f.after(50 * time.Second)
		}
		if j := f.judge(); j.Verdict != rollout.Complete {
			t.Errorf("maxUnavailable %s: %s", unavailable, plain(j))
		}
	}
}

// With maxSurge it is that many nodes.
func TestProofWithSurge(t *testing.T) {
	f := provenFleet(t, 4, "1")
	f.apply(func(d *appsv1.DaemonSet) {
		two, none := intstr.FromInt32(2), intstr.FromInt32(0)
		d.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: &two, MaxUnavailable: &none}
	})
	f.roll("node-1")
	f.after(50 * time.Second)
	f.roll("node-2", "node-3", "node-4")
	f.after(30 * time.Second).want(rollout.Progressing)
	f.after(30 * time.Second).want(rollout.Complete)
}

// What counts is since when every container has run, sidecars included: a sidecar that came up anew begins from there,
// an init container that did its work does not count, and neither does it when the pod became Ready.
func TestProofCountsFromTheLastStart(t *testing.T) {
	f := provenFleet(t, 1, "1")
	always := corev1.ContainerRestartPolicyAlways
	f.apply(func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "setup"},
			{Name: "proxy", RestartPolicy: &always}}
	})
	p := f.replace("node-1")
	f.runs(p)
	p.Status.InitContainerStatuses = []corev1.ContainerStatus{
		{Name: "setup", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{FinishedAt: metav1.NewTime(f.now.Add(5 * time.Second))}}},
		{Name: "proxy", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(f.now.Add(20 * time.Second))}}},
	}
	f.after(40 * time.Second)
	p.Status.ContainerStatuses[0].Ready = true
	f.condition(p, corev1.PodReady, corev1.ConditionTrue, "", "")
	f.after(10 * time.Second)
	f.wakesIn(f.want(rollout.Progressing), 30*time.Second)
	f.after(30 * time.Second).want(rollout.Complete)
}

// A node whose clock is known to be behind seems to have run its pod for longer than it has.
func TestProofAllowsForAClockThatIsBehind(t *testing.T) {
	f := provenFleet(t, 1, "1")
	p := f.replace("node-1")
	behind := metav1.NewTime(f.now.Add(-40 * time.Second))
	p.Status.StartTime = &behind
	f.ready(p)
	p.Status.ContainerStatuses[0].State.Running.StartedAt = behind
	fact.PodCondition(p, corev1.PodReady).LastTransitionTime = behind
	f.after(30 * time.Second)
	f.wakesIn(f.want(rollout.Progressing), 30*time.Second)
	f.after(30 * time.Second).want(rollout.Complete)
}

// So does one of which the look says it.
func TestProofAllowsForAClockThatWasRead(t *testing.T) {
	f := provenFleet(t, 1, "1")
	f.roll("node-1")
	f.after(70 * time.Second)
	l := f.look()
	l.Clocks = []rollout.Clock{{Node: "node-1", Ahead: -40 * time.Second}}
	if j, _ := bothWays(l, f.target, f.memory, f.options); j.Verdict != rollout.Progressing ||
		!j.Proving.Equal(f.now.Add(30*time.Second)) {
		t.Errorf("%s", plain(j))
	}
}

// A proof longer than the progress deadline is waited for: nothing that has settled everywhere is stuck for that.
func TestTheDeadlineDoesNotCutAProofShort(t *testing.T) {
	f := provenFleet(t, 2, "1")
	f.options.Proof = time.Hour
	f.roll("node-1", "node-2")
	f.after(10 * time.Second).want(rollout.Progressing)
	f.wakesIn(f.after(40*time.Minute).want(rollout.Progressing), time.Hour-40*time.Minute-10*time.Second)
	f.after(time.Hour).want(rollout.Complete)
}

// A pod that dies within its proof owes its probation, and the deadline counts again.
func TestTheDeadlineCountsWhereMoreThanProofIsMissing(t *testing.T) {
	f := provenFleet(t, 1, "1")
	f.options.Proof = time.Hour
	f.roll("node-1")
	f.after(time.Minute).want(rollout.Progressing)
	f.ends(f.pod("node-1"), 1, "Error")
	f.waits(f.pod("node-1"), "CrashLoopBackOff", "back-off")
	f.after(20*time.Minute).want(rollout.Stuck, rollout.CrashLoop)
}

// A commit that leaves the pods alone owes no new proof, nor does one whose pods a person replaces, when they like, as long
// as they have replaced none. What they have replaced proves itself as in any rollout, so that an agent which dies after
// it has settled does not pass; whoever waits for all of it waits for the proof of all.
func TestWhatOwesNoProof(t *testing.T) {
	f := newFleet(t, 3)
	f.options = rollout.Options{}
	f.apply(func(d *appsv1.DaemonSet) { d.Annotations = map[string]string{"team": "nodes"} })
	f.want(rollout.Complete)
	f.apply(func(d *appsv1.DaemonSet) {
		d.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
		d.Spec.Template.Spec.Containers[0].Image = "registry.example.com/agent:v2"
	})
	f.target.OnDelete = true
	f.want(rollout.Complete)
	f.roll("node-1")
	f.after(10 * time.Second).want(rollout.Progressing)
	f.after(50 * time.Second).want(rollout.Complete)
	f.options.WaitOnDelete = true
	f.roll("node-1", "node-2", "node-3")
	f.after(30 * time.Second).want(rollout.Progressing)
	f.after(30 * time.Second).want(rollout.Complete)
}

// NoProof turns it off: settled is enough.
func TestNoProof(t *testing.T) {
	f := provenFleet(t, 1, "1")
	f.options.NoProof = true
	f.roll("node-1")
	f.after(10 * time.Second).want(rollout.Complete)
}

// Recorded on three kubelets: an agent that dies after 40 s has three settled pods for a moment. No dump of it is
// Complete, whatever instant it is judged at.
func TestADumpOfSettledPodsThatWillDieIsNotComplete(t *testing.T) {
	raw, err := os.ReadFile("testdata/dump/dies-after-40s.json")
	if err != nil {
		t.Fatal(err)
	}
	newest := time.Date(2026, 11, 28, 22, 49, 12, 0, time.UTC)
	for second := range 35 { // the oldest pod's 60 s have passed at second 35; it had died before
		at := newest.Add(time.Duration(second) * time.Second)
		d, j := explainDump(t, at, raw)
		if j.Verdict != rollout.Progressing {
			t.Fatalf("at %s: %s", at, plain(j))
		}
		if settled := second >= 10; settled != (j.Proving.Equal(time.Date(2026, 11, 28, 22, 49, 47, 0, time.UTC))) {
			t.Errorf("at %s: proving until %s", at, j.Proving)
		} else if text := report.New(report.Judged{Target: d.Target, Look: d.Look, Judgement: j}).Text(); settled &&
			!strings.Contains(text, "3 nodes settled, proving for ") {
			t.Errorf("at %s:\n%s", at, text)
		}
	}
	if !bytes.Contains(raw, []byte(`"maxUnavailable": 1`)) {
		t.Error("the dump should let one node be unavailable")
	}
}
