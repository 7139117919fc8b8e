package sync

import (
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// played is a stage after some lines of a transcript.
func played(t *testing.T, lines ...string) *stage {
	t.Helper()
	s := newStage(t)
	s.play(strings.Join(lines, "\n"))
	return s
}

// says is what the status, and a Git host after a restart without an outbox, say: of the Sync and of each commit.
func (s *stage) says() (status api.SyncStatus, letters map[string]letter) {
	status = api.SyncStatus{GateStatus: s.state}
	summarize(&status, s.o.Now)
	letters = map[string]letter{}
	for _, m := range recorded(&api.Sync{Status: status}) {
		letters[m.Commit] = letterOf(m, "")
	}
	return status, letters
}

// A relapse is a condition and the Sync's message while the commit stays Complete and Ready, and a failure on the host; it
// goes when all is well again.
func TestARelapseIsAConditionAndAFailureOnTheHost(t *testing.T) {
	lines := []string{"push v1", "written", "push v2", "push v3", "rollout Complete", "pruned", "written", "rollout Complete", "pruned",
		"relapse CrashLoop on 3 of 3 nodes"}
	status, letters := played(t, lines...).says()
	healthy := meta.FindStatusCondition(status.Conditions, conditionHealthy)
	if healthy == nil || healthy.Status != metav1.ConditionFalse || healthy.Reason != "Relapsed" || healthy.Message != "relapsed: CrashLoop on 3 of 3 nodes" {
		t.Errorf("Healthy is %+v", healthy)
	}
	if status.Summary.State != api.Complete || status.Summary.Message != "relapsed: CrashLoop on 3 of 3 nodes" ||
		!meta.IsStatusConditionTrue(status.Conditions, conditionReady) {
		t.Errorf("the Sync says %+v, %+v", status.Summary, status.Conditions)
	}
	for commit, want := range map[string]string{
		"v3": "failure relapsed: CrashLoop on 3 of 3 nodes", "v2": "failure carried by v3, which relapsed: CrashLoop on 3 of 3 nodes", "v1": "success Complete",
	} {
		if got := string(letters[commit].State) + " " + letters[commit].Description; got != want {
			t.Errorf("of %s the host is told %q, want %q", commit, got, want)
		}
	}
}

// When all is well again, also after a restart, the host is told success, and the commit is one to go back to.
func TestARelapseEnds(t *testing.T) {
	well := played(t, "push v1", "written", "push v2", "push v3", "rollout Complete", "pruned", "written", "rollout Complete", "pruned",
		"relapse CrashLoop on 3 of 3 nodes", "restart", "well")
	status, letters := well.says()
	summarize(&status, well.o.Now)
	if c := meta.FindStatusCondition(status.Conditions, conditionHealthy); c != nil && c.Status != metav1.ConditionTrue {
		t.Errorf("well again, Healthy is %+v", c)
	}
	if letters["v3"].State != forge.Success || letters["v2"].State != forge.Success || well.state.LastComplete != "v3" {
		t.Errorf("well again the host is told %+v; last complete is %s", letters, well.state.LastComplete)
	}
}

// Where a relapse is rolled back, what Git asks for does not run: the Sync is not Ready, from the first write on.
func TestARelapseThatIsRolledBackIsNotReady(t *testing.T) {
	lines := []string{"gate RelapseRollback", "push v1", "written", "rollout Complete", "pruned", "push v2", "written", "rollout Complete", "pruned",
		"relapse CrashLoop on 3 of 3 nodes"}
	for _, more := range [][]string{nil, {"written"}, {"written", "rollout Complete", "pruned"}} {
		status, letters := played(t, append(lines, more...)...).says()
		stalled := meta.FindStatusCondition(status.Conditions, conditionStalled)
		if meta.IsStatusConditionTrue(status.Conditions, conditionReady) || stalled.Status != metav1.ConditionTrue || stalled.Reason != "Relapsed" {
			t.Errorf("after %v: %+v", more, status.Conditions)
		}
		if status.Summary.Commit != "v2" || status.Summary.State != api.Complete || !strings.HasPrefix(status.Summary.Message, "relapsed: CrashLoop on 3 of 3 nodes; roll") {
			t.Errorf("after %v: %+v", more, status.Summary)
		}
		if letters["v2"].State != forge.Failure || letters["v1"].State != forge.Success {
			t.Errorf("after %v: %+v", more, letters)
		}
	}
}

// When it spreads to more nodes the Sync says so, and nobody is told twice; when fewer show it for a moment nothing is said.
func TestARelapseThatSpreadsIsNoNews(t *testing.T) {
	s := played(t, "push v1", "written", "rollout Complete", "pruned")
	for _, n := range []struct{ nodes, says int }{{1, 1}, {3, 3}, {2, 3}} {
		s.relapse([]string{"CrashLoop", "on", strconv.Itoa(n.nodes)})
		s.o.Relapse.Causes[0].NodeCount = n.nodes
		var d Decision
		s.state, d = s.gate.Step(s.state, s.o)
		if told := len(d.Moves) > 0; told != (n.nodes == 1) {
			t.Errorf("on %d nodes: moves %+v", n.nodes, d.Moves)
		}
		if got, want := s.state.InFlight.Relapse.Message, "CrashLoop on "+strconv.Itoa(n.says); got != want {
			t.Errorf("on %d nodes it says %q, want %q", n.nodes, got, want)
		}
	}
}

// A Sync for which no time is asked is told of no relapse.
func TestNoRelapseWithoutTime(t *testing.T) {
	s := newStage(t)
	s.gate.Relapse = 0
	if text := s.play("push v1\nwritten\nrollout Complete\npruned\nrelapse CrashLoop"); strings.Contains(text, "relapsed") {
		t.Error(text)
	}
}
