package outbox

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate/gatetest"
	"github.com/daemongate/daemongate/sync/summary"
)

// says is what the status, and a Git host after a restart without an outbox, say: of the Sync and of each commit.
func says(s *gatetest.Stage) (status api.SyncStatus, reports map[string]report) {
	status = api.SyncStatus{GateStatus: s.State}
	summary.Write(&status, s.Observation.Now)
	reports = map[string]report{}
	for _, m := range recorded(&api.Sync{Status: status}) {
		reports[m.Commit] = reportOf(m, "")
	}
	return status, reports
}

// A relapse is a condition and the Sync's message while the commit stays Complete and Ready, and a failure on the host;
// it goes when all is well again.
func TestARelapseIsAConditionAndAFailureOnTheHost(t *testing.T) {
	lines := []string{"push v1", "written", "push v2", "push v3", "rollout Complete", "pruned", "written",
		"rollout Complete", "pruned",
		"relapse CrashLoop on 3 of 3 nodes"}
	status, reports := says(gatetest.Played(t, lines...))
	healthy := meta.FindStatusCondition(status.Conditions, api.ConditionHealthy)
	if healthy == nil || healthy.Status != metav1.ConditionFalse || healthy.Reason != "Relapsed" ||
		healthy.Message != "relapsed: CrashLoop on 3 of 3 nodes" {
		t.Errorf("Healthy is %+v", healthy)
	}
	if status.Summary.State != api.Complete || status.Summary.Message != "relapsed: CrashLoop on 3 of 3 nodes" ||
		!meta.IsStatusConditionTrue(status.Conditions, api.ConditionReady) {
		t.Errorf("the Sync says %+v, %+v", status.Summary, status.Conditions)
	}
	for commit, want := range map[string]string{
		"v3": "failure relapsed: CrashLoop on 3 of 3 nodes",
		"v2": "failure carried by v3, which relapsed: CrashLoop on 3 of 3 nodes", "v1": "success Complete",
	} {
		if got := string(reports[commit].State) + " " + string(reports[commit].Description); got != want {
			t.Errorf("of %s the host is told %q, want %q", commit, got, want)
		}
	}
}

// When all is well again, also after a restart, the host is told success, and the commit is one to go back to.
func TestARelapseEnds(t *testing.T) {
	well := gatetest.Played(t, "push v1", "written", "push v2", "push v3", "rollout Complete", "pruned", "written",
		"rollout Complete", "pruned",
		"relapse CrashLoop on 3 of 3 nodes", "restart", "well")
	status, reports := says(well)
	summary.Write(&status, well.Observation.Now)
	if c := meta.FindStatusCondition(status.Conditions, api.ConditionHealthy); c != nil &&
		c.Status != metav1.ConditionTrue {
		t.Errorf("well again, Healthy is %+v", c)
	}
	if reports["v3"].State != forge.Success || reports["v2"].State != forge.Success || well.State.LastComplete != "v3" {
		t.Errorf("well again the host is told %+v; last complete is %s", reports, well.State.LastComplete)
	}
}

// Where a relapse is rolled back, what Git asks for does not run: the Sync is not Ready, from the first write on.
func TestARelapseThatIsRolledBackIsNotReady(t *testing.T) {
	lines := []string{"gate RelapseRollback", "push v1", "written", "rollout Complete", "pruned", "push v2", "written",
		"rollout Complete", "pruned",
		"relapse CrashLoop on 3 of 3 nodes"}
	for _, more := range [][]string{nil, {"written"}, {"written", "rollout Complete", "pruned"}} {
		status, reports := says(gatetest.Played(t, append(lines, more...)...))
		stalled := meta.FindStatusCondition(status.Conditions, api.ConditionStalled)
		if meta.IsStatusConditionTrue(status.Conditions, api.ConditionReady) ||
			stalled.Status != metav1.ConditionTrue || stalled.Reason != "Relapsed" {
			t.Errorf("after %v: %+v", more, status.Conditions)
		}
		if status.Summary.Commit != "v2" || status.Summary.State != api.Complete ||
			!strings.HasPrefix(status.Summary.Message, "relapsed: CrashLoop on 3 of 3 nodes; roll") {
			t.Errorf("after %v: %+v", more, status.Summary)
		}
		if reports["v2"].State != forge.Failure || reports["v1"].State != forge.Success {
			t.Errorf("after %v: %+v", more, reports)
		}
	}
}

// That something of a complete commit is not well is told in notes, and so is that all is well again; after a restart,
// too, if that came in between. A Git host is told nothing: the commit's state is the same.
func TestIllHealthIsToldInNotes(t *testing.T) {
	ails := func(lasts bool) api.SyncStatus {
		s := api.SyncStatus{}
		s.InFlight = &api.Flight{Commit: "c1", State: api.Complete}
		s.Ailing = &api.AilingStatus{Lasts: lasts}
		return s
	}
	for _, provider := range []api.Provider{api.ProviderNotes, api.ProviderGitHub} {
		b, s, at := newOutbox(nil), &api.Sync{Status: ails(false)}, time.Unix(100, 0)
		s.Spec.Report.Provider = provider
		b.put(b.reportsOf(s, recorded(s)))
		for i, lasts := range []bool{true, true, false} {
			if s.Status = ails(lasts); b.isAiling(s.Status.InFlight) != lasts {
				at = at.Add(time.Minute)
				b.AddHealth(s, at)
			}
			told := provider == api.ProviderNotes
			if r := b.reports[0]; len(b.reports) != 1 || r.State != forge.Success || r.Ailing != (lasts && told) ||
				told && (!r.Time.Equal(at) || r.addressed(s, "").Details.Ailing != lasts) {
				t.Errorf("%s, %d: %+v", provider, i, b.reports)
			}
		}
	}
	b, s := newOutbox(nil), &api.Sync{}
	b.AddHealth(s, time.Unix(100, 0))
	if s.Spec.Report.Provider = api.ProviderNotes; b.isAiling(nil) {
		t.Error("nothing is not well")
	}
	if b.AddHealth(s, time.Unix(100, 0)); len(b.reports) > 0 {
		t.Errorf("without a commit: %+v", b.reports)
	}
}
