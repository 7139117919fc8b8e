package judge

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/daemongate/daemongate/rollout"
)

// newPaced is a fleet with a commit of OnDelete that is paced and has reached so many nodes, node-1 and on, which have
// a new pod that starts.
func newPaced(t *testing.T, nodes, reached int) *fleet {
	f := newFleet(t, nodes)
	f.apply(func(d *appsv1.DaemonSet) {
		d.Spec.Template.Spec.Containers[0].Image = "registry.example.com/agent:v2"
		d.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
	})
	f.target.OnDelete, f.target.Paced = true, &rollout.Paced{Reached: reached, Since: f.now, Moving: true}
	for i := range reached {
		f.replace(f.nodes[i].Name)
	}
	return f
}

// A paced rollout is complete when every node has a settled pod of the commit, and not when its template was observed:
// each old pod is on its way out.
func TestAPacedRolloutWaitsForItsOldPods(t *testing.T) {
	f := newPaced(t, 4, 1)
	f.ready(f.pod("node-1"))
	f.after(time.Minute)
	j := f.want(rollout.Progressing)
	if !strings.Contains(strings.Join(j.Notes, "\n"), "reached 1 of 4 nodes; 3 still run the old pod") ||
		!strings.Contains(j.Headline, "is paced: 1 of 4") {
		t.Error(plain(j))
	}
	for _, node := range []string{"node-2", "node-3", "node-4"} {
		f.ready(f.replace(node))
	}
	f.target.Paced.Reached = 4
	f.after(time.Minute)
	f.want(rollout.Complete)
}

// What fails is held against the nodes that were reached: of three canaries in a hundred nodes none may fail at a budget
// of 2%, of a hundred two may.
func TestAPacedRolloutFailsOnWhatItHasReached(t *testing.T) {
	for reached, want := range map[int]rollout.Verdict{3: rollout.Stuck, 100: rollout.Progressing} {
		f := newPaced(t, 100, 3)
		f.options.FailureBudget, _ = rollout.ParseBudget("2%")
		f.target.Paced.Reached = reached
		f.ready(f.pod("node-1"))
		f.waits(f.pod("node-2"), "InvalidImageName", "no")
		f.after(time.Second)
		f.judge()
		f.after(time.Minute)
		if j := f.judge(); j.Verdict != want {
			t.Errorf("%d reached: %s", reached, plain(j))
		}
	}
}

// A paced rollout is stuck when all of the nodes that it has reached and that have not settled fail, however many it has
// not come to.
func TestAPacedRolloutIsStuckWhenAllThatAreLeftOfItsStageFail(t *testing.T) {
	f := newPaced(t, 100, 10)
	f.options.FailureBudget, _ = rollout.ParseBudget("50%")
	for _, n := range f.nodes[:9] {
		f.ready(f.pod(n.Name))
	}
	f.waits(f.pod("node-10"), "InvalidImageName", "no")
	f.judge()
	f.after(time.Minute)
	f.want(rollout.Stuck, rollout.InvalidImage)
	f.target.Paced.Reached = 20 // ten more are to go
	f.want(rollout.Progressing, rollout.InvalidImage)
}

// The deadline of a paced rollout counts from when its stage was reached, and stands still while the stage waits for a
// soak, a person or a window.
func TestTheDeadlineStandsStillBetweenStages(t *testing.T) {
	f := newPaced(t, 4, 1)
	f.ready(f.pod("node-1"))
	f.after(time.Minute)
	f.want(rollout.Progressing)
	f.target.Paced.Moving = false
	f.after(48 * time.Hour)
	f.want(rollout.Progressing)
	f.target.Paced = &rollout.Paced{Reached: 4, Since: f.now, Moving: true}
	f.after(14 * time.Minute)
	f.want(rollout.Progressing)
	f.after(5 * time.Minute)
	f.want(rollout.Stuck, rollout.NoProgress)
}
