package judge

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/daemongate/daemongate/rollout"
)

// A node that is not ready for a moment, such as one that boots, is not left out for good: a rollout is complete
// without it only when that has lasted for a minute. When it is back it counts.
func TestANodeThatIsAbsentForAMomentIsWaitedFor(t *testing.T) {
	f := newFleet(t, 3).image("v2")
	f.setReady("node-3", false)
	f.roll("node-1", "node-2")
	f.after(59 * time.Second)
	f.wakesIn(f.want(rollout.Progressing), time.Second)
	f.setReady("node-3", true)
	if j := f.want(rollout.Progressing); j.Desired != 3 {
		t.Error(plain(j))
	}
	f.setReady("node-3", false)
	f.after(time.Minute).want(rollout.Complete)
}

// With OnDelete old pods are not waited for, but a new one is, until it has settled or failed: a person who has just
// replaced it wants to know. One that does neither is waited for as long as a rollout may stand still.
func TestOnDeleteWaitsForPodsThatWereReplaced(t *testing.T) {
	f := newFleet(t, 12)
	f.applyOnDelete()
	f.want(rollout.Complete)
	p := f.replace("node-1")
	f.want(rollout.Progressing, rollout.Starting)
	f.ready(f.runs(p))
	f.want(rollout.Progressing)
	f.after(10 * time.Second).want(rollout.Complete)
	f.replace("node-2")
	f.want(rollout.Progressing, rollout.Starting)
	f.after(16*time.Minute).want(rollout.Complete, rollout.Starting)
}

// However long somebody goes on replacing pods, each of which would be waited for by itself, with OnDelete a rollout waits
// no longer than any other may stand still. Which pods have not settled is said then.
func TestOnDeleteDoesNotWaitForEver(t *testing.T) {
	f := newFleet(t, 12)
	f.applyOnDelete()
	f.replace("node-1")
	f.want(rollout.Progressing, rollout.Starting)
	f.after(10 * time.Minute)
	f.replace("node-2")
	f.wakesIn(f.want(rollout.Progressing, rollout.Starting), 5*time.Minute)
	f.after(5 * time.Minute)
	f.replace("node-3")
	j := f.want(rollout.Complete, rollout.Starting)
	if notes := strings.Join(j.Notes, " "); !strings.Contains(notes, "have not settled, on node-1, node-2, node-3") {
		t.Error(notes)
	}
}

// With OnDelete old pods are not waited for, but what ails a new one is: it becomes a cause, or passes.
func TestOnDeletePassesNothingThatFails(t *testing.T) {
	for _, again := range []bool{true, false} {
		f := newFleet(t, 12)
		f.apply(func(d *appsv1.DaemonSet) {
			d.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
			d.Spec.Template.Spec.Containers[0].Image = "registry.example.com/agent:v2"
		})
		f.target.OnDelete = true
		p := f.replace("node-1")
		f.ends(f.runs(p), 1, "Error")
		f.want(rollout.Progressing, rollout.CrashLoop)
		f.after(10 * time.Second)
		if again {
			f.ends(f.runs(p), 1, "Error")
			f.want(rollout.Stuck, rollout.CrashLoop)
			continue
		}
		f.ready(p)
		f.after(time.Minute).want(rollout.Complete)
	}
}

// With OnDelete an agent that settles and dies some time later is not called rolled out in between: what was replaced
// proves itself. Where its nodes go on to fail and to come back, one after the other, it is waited for no longer than any
// rollout may stand still.
func TestOnDeleteProvesWhatWasReplaced(t *testing.T) {
	f := newFleet(t, 12)
	f.options = rollout.Options{}
	f.applyOnDelete()
	f.want(rollout.Complete)
	p := f.ready(f.runs(f.replace("node-1")))
	f.after(10 * time.Second)
	f.wakesIn(f.want(rollout.Progressing), 50*time.Second)
	f.after(30 * time.Second)
	f.ends(p, 1, "Error")
	f.want(rollout.Progressing, rollout.CrashLoop)
	f.ready(f.runs(p))
	f.after(40 * time.Second)
	f.ends(p, 1, "Error")
	f.want(rollout.Stuck, rollout.CrashLoop)
}

// Trouble after trouble on one node after the other, each of which may pass by itself, is waited for no longer.
func TestOnDeleteDoesNotWaitForEveryTrouble(t *testing.T) {
	f := newFleet(t, 12)
	f.applyOnDelete()
	f.want(rollout.Complete)
	f.after(15*time.Minute - time.Second)
	f.ends(f.runs(f.replace("node-1")), 1, "Error")
	f.wakesIn(f.want(rollout.Progressing, rollout.CrashLoop), time.Second)
	f.after(time.Second).want(rollout.Complete, rollout.CrashLoop)
}

// Nor is a proof that a late replacement would begin.
func TestOnDeleteDoesNotWaitForEveryProof(t *testing.T) {
	f := newFleet(t, 12)
	f.options = rollout.Options{}
	f.applyOnDelete()
	f.want(rollout.Complete)
	f.after(15*time.Minute - 11*time.Second)
	f.ready(f.runs(f.replace("node-1")))
	f.after(10 * time.Second).want(rollout.Progressing)
	f.after(time.Second).want(rollout.Complete)
}

// applyOnDelete applies a commit whose pods a person replaces.
func (f *fleet) applyOnDelete() {
	f.apply(func(d *appsv1.DaemonSet) {
		d.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
		d.Spec.Template.Spec.Containers[0].Image = "registry.example.com/agent:v2"
	})
	f.target.OnDelete = true
}
