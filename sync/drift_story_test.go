package sync

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// edit changes an object as a field manager does.
func (w *world) edit(manager, kind, name, patch string) {
	w.t.Helper()
	options := metav1.PatchOptions{FieldManager: manager}
	var err error
	switch kind {
	case "ConfigMap":
		_, err = w.kube.CoreV1().ConfigMaps(w.namespace).Patch(w.t.Context(), name, types.MergePatchType, []byte(patch),
			options)
	case "DaemonSet":
		_, err = w.kube.AppsV1().DaemonSets(w.namespace).Patch(w.t.Context(), name, types.StrategicMergePatchType,
			[]byte(patch), options)
	}
	w.check(err)
}

func (w *world) value(name string) string {
	w.t.Helper()
	m, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(w.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		return err.Error()
	}
	return m.Data["key"]
}

func (w *world) image() string {
	w.t.Helper()
	d, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(w.t.Context(), "agent", metav1.GetOptions{})
	if err != nil {
		return err.Error()
	}
	return d.Spec.Template.Spec.Containers[0].Image
}

// corrected waits for the nth correction in a row.
func (w *world) corrected(n int) api.SyncStatus {
	return w.wait("a correction", func(s api.SyncStatus) bool {
		return isCorrected(s, n)
	})
}

// correctedAtOnce is corrected without a pause before it, of which a status would tell: on a busy machine every correction
// takes its time.
func (w *world) correctedAtOnce(n int) api.SyncStatus {
	w.t.Helper()
	var paused *metav1.MicroTime
	s := w.wait("a correction", func(s api.SyncStatus) bool {
		paused = cmp.Or(paused, pauseIn(s))
		return isCorrected(s, n)
	})
	if paused != nil {
		w.t.Errorf("it was left alone until %s", paused)
	}
	return s
}

// pauseIn is until when the status says that what is not as asked is left alone.
func pauseIn(s api.SyncStatus) *metav1.MicroTime {
	if s.Drift == nil {
		return nil
	}
	return s.Drift.RetryAt
}

func isCorrected(s api.SyncStatus, n int) bool {
	return s.Drift != nil && s.Drift.Corrections == n && s.Drift.Count == 0
}

func drifted(s api.SyncStatus) string {
	c := meta.FindStatusCondition(s.Conditions, api.ConditionDrifted)
	if c == nil || c.Status != metav1.ConditionTrue {
		return ""
	}
	return c.Reason + ": " + c.Message
}

// A change by hand after Complete is put right at once, and so is what was deleted right after it: the pause is of the
// field that was changed. The commit stays Complete. A second change of that field so soon after the first has to wait
// (law 8).
func TestDriftIsCorrectedAfterComplete(t *testing.T) {
	w := newWorld(t)
	t.Parallel() // it mostly waits
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1"), "b.yaml": configMap("b", "1"),
		"agent.yaml": agent("v1")})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	w.edit("kubectl-edit", "ConfigMap", "a", `{"data":{"key":"2"}}`)
	w.corrected(1)
	if got := w.value("a"); got != "1" {
		t.Errorf("the edit still stands: %q", got)
	}
	w.check(w.kube.CoreV1().ConfigMaps(w.namespace).Delete(t.Context(), "b", metav1.DeleteOptions{}))
	s := w.correctedAtOnce(2)
	if got := w.value("b"); got != "1" || drifted(s) != "" {
		t.Errorf("the object is %q, the condition %q", got, drifted(s))
	}
	w.edit("kubectl-edit", "ConfigMap", "a", `{"data":{"key":"2"}}`)
	s = w.wait("the change to be seen", func(s api.SyncStatus) bool { return s.Drift.Count == 1 })
	if c := drifted(s); !strings.Contains(c, "KeepsComingBack: ConfigMap "+w.namespace+
		"/a: data.key was changed by kubectl-edit; undone once") {
		t.Errorf("the condition says %q", c)
	}
	if at := s.Drift.RetryAt; at == nil || s.Summary.State != api.Complete ||
		at.Sub(s.Drift.Pauses[0].CorrectedAt.Time) < gate.CorrectPause {
		t.Errorf("the next correction is at %s, the commit is %s", at, s.Summary.State)
	}
	w.corrected(3)
	if got := w.value("a"); got != "1" {
		t.Errorf("the second edit still stands: %q", got)
	}
}

// Set image, rollout undo, a change of the strategy, and then the DaemonSet is deleted: it is back at once, the Sync
// says that it was missing and is Ready again only when its new pods have settled. The commit is Complete all along.
func TestADeletedDaemonSetIsBackAtOnce(t *testing.T) {
	w := newWorld(t)
	t.Parallel() // it mostly waits
	v1 := w.push("v1", map[string]string{"agent.yaml": small("v1")})
	w.create(func(s *api.SyncSpec) { s.Rollout.Settle = metav1.Duration{Duration: 2 * time.Second} })
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	w.edit("kubectl-set", "DaemonSet", "agent",
		`{"spec":{"template":{"spec":{"containers":[{"name":"agent","image":"registry.local/agent:hotfix"}]}}}}`)
	w.corrected(1)
	w.edit("kubectl", "DaemonSet", "agent",
		`{"spec":{"template":{"spec":{"containers":[{"name":"agent","image":"registry.local/agent:v0"}]}}}}`)
	w.corrected(2)
	w.edit("kubectl-patch", "DaemonSet", "agent", `{"spec":{"updateStrategy":{"rollingUpdate":{"maxUnavailable":1}}}}`)
	w.corrected(3)
	w.wait("its pods", func(s api.SyncStatus) bool { return s.InFlight.Correcting == nil && s.Drift.Count == 0 })
	before := w.recorded("agent")
	w.deleteAgent()
	rollout := false
	var paused *metav1.MicroTime
	watches := func(s api.SyncStatus) { rollout, paused = rollout || isCorrecting(s), cmp.Or(paused, pauseIn(s)) }
	s := w.wait("a status that says so", func(s api.SyncStatus) bool {
		watches(s)
		return s.InFlight.Correcting != nil
	})
	if s.Summary.Nodes == "2/2" || isReady(s) || s.Summary.State != api.Complete || strings.Contains(s.Summary.Message,
		"successfully") {
		t.Errorf("it is missing, and the status says %+v, %+v", s.Summary, s.Conditions)
	}
	w.wait("the new DaemonSet", func(s api.SyncStatus) bool {
		watches(s)
		return w.image() == "registry.local/agent:v1"
	})
	if paused != nil {
		t.Errorf("it was left alone until %s", paused)
	}
	s = w.wait("its pods", func(s api.SyncStatus) bool {
		watches(s)
		if isReady(s) && s.InFlight.Correcting != nil {
			t.Errorf("Ready while it is corrected: %+v", s.InFlight.Correcting)
		}
		return s.InFlight.Correcting == nil
	})
	w.lastReady()
	if !rollout {
		t.Error("it was never told as a rollout")
	}
	if s.Summary.Nodes != "2/2" || !isReady(s) || s.LastComplete != v1 || w.recorded("agent") == before {
		t.Errorf("at the end: %+v", s.Summary)
	}
}

// With Report the DaemonSet stays away, and for as long the Sync claims no settled node and is not Ready.
func TestAMissingDaemonSetIsSaidToBeMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": small("v1")})
	w.create(func(s *api.SyncSpec) { s.Apply.Drift = api.DriftReport })
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	w.deleteAgent()
	says := func(s api.SyncStatus) bool {
		return s.InFlight.Correcting != nil && drifted(s) != "" && strings.Contains(s.Summary.Message, "DaemonSet "+
			w.namespace+"/agent does not exist")
	}
	w.wait("a status that says so", says)
	for range 10 {
		s := w.status()
		if s.Summary.Nodes == "2/2" || isReady(s) || s.Summary.State != api.Complete || !says(s) {
			t.Fatalf("it is missing, and the status says %+v, %+v", s.Summary, s.Conditions)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func isReady(s api.SyncStatus) bool {
	return meta.IsStatusConditionTrue(s.Conditions, api.ConditionReady)
}

// isCorrecting reports whether the Sync says that it waits for pods which a correction has made anew.
func isCorrecting(s api.SyncStatus) bool {
	ready := meta.FindStatusCondition(s.Conditions, api.ConditionReady)
	return ready.Reason == "Correcting" && strings.HasPrefix(ready.Message, "being corrected: ") &&
		strings.HasPrefix(s.Summary.Message, "being corrected: ")
}

// An image set by hand is put right; what another manager adds beside it, and `kubectl rollout restart`, are left
// alone.
func TestAdditionsAreNoDrift(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1")})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	w.edit("injector", "DaemonSet", "agent",
		`{"spec":{"template":{"spec":{"containers":[{"name":"agent","env":[{"name":"A","value":"1"}]}]}}}}`)
	w.edit("kubectl-rollout", "DaemonSet", "agent",
		`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"now"}}}}}`)
	w.edit("kubectl-set", "DaemonSet", "agent",
		`{"spec":{"template":{"spec":{"containers":[{"name":"agent","image":"registry.local/agent:hotfix"}]}}}}`)
	w.corrected(1)
	d, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(t.Context(), "agent", metav1.GetOptions{})
	w.check(err)
	c := d.Spec.Template.Spec.Containers[0]
	if c.Image != "registry.local/agent:v1" || len(c.Env) != 1 ||
		d.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] != "now" {
		t.Errorf("image %s, env %v, annotations %v", c.Image, c.Env, d.Spec.Template.Annotations)
	}
}

// With Report a person is told who changed what, and nothing is written; when it is put right the condition ends.
func TestReportedDriftIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	w.create(func(s *api.SyncSpec) { s.Apply.Drift = api.DriftReport })
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	w.edit("kubectl-edit", "ConfigMap", "a", `{"data":{"key":"2"}}`)
	s := w.wait("the report", func(s api.SyncStatus) bool { return drifted(s) != "" })
	if c := drifted(s); c != "Found: ConfigMap "+w.namespace+"/a: data.key was changed by kubectl-edit" {
		t.Errorf("the condition says %q", c)
	}
	if got := w.value("a"); got != "2" {
		t.Errorf("it was written: %q", got)
	}
	w.edit("kubectl-edit", "ConfigMap", "a", `{"data":{"key":"1"}}`)
	w.wait("the end of it", func(s api.SyncStatus) bool { return drifted(s) == "" && s.Drift.Count == 0 })
}

// While the Sync is suspended nothing is corrected; what happened meanwhile is afterwards (law 9).
func TestSuspendedSyncCorrectsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1"), "b.yaml": configMap("b", "1")})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	suspend := func(yes string) {
		_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Patch(t.Context(), "agents",
			types.MergePatchType,
			[]byte(`{"spec":{"suspend":`+yes+`}}`), metav1.PatchOptions{})
		w.check(err)
	}
	suspend("true")
	s, err := w.syncs.Get(t.Context(), w.namespace, "agents")
	w.check(err)
	w.wait("the controller to see it", func(now api.SyncStatus) bool { return now.ObservedGeneration == s.Generation })
	w.edit("kubectl-edit", "ConfigMap", "a", `{"data":{"key":"2"}}`)
	time.Sleep(2 * time.Second)
	if got, s := w.value("a"), w.status(); got != "2" || s.Drift != nil {
		t.Errorf("corrected while suspended: %q, %+v", got, s.Drift)
	}
	suspend("false")
	w.corrected(1)
	if got := w.value("a"); got != "1" {
		t.Errorf("not corrected afterwards: %q", got)
	}
}

// What another controller holds is not torn from it: the condition names it and the field, and the pauses grow.
func TestAFightIsNotFought(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1"), "agent.yaml": agent("v1")})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	w.edit("other-operator", "ConfigMap", "a", `{"data":{"key":"2"}}`)
	s := w.wait("the conflict", func(s api.SyncStatus) bool { return strings.HasPrefix(drifted(s), "NotCorrected") })
	if c := drifted(s); !strings.Contains(c, "data.key was changed by other-operator") ||
		!strings.Contains(c, "apply.force") {
		t.Errorf("the condition says %q", c)
	}
	if got := w.value("a"); got != "2" || s.Drift.RetryAt.Sub(s.Drift.CorrectedAt.Time) < gate.CorrectPause {
		t.Errorf("the value is %q, the next try is at %s", got, s.Drift.RetryAt)
	}
}

// The brake outlasts the correction of what somebody changes on a braked DaemonSet.
func TestCorrectionLeavesTheBrake(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	slow := func(image string, args ...string) string {
		// Without minReadySeconds the controller may replace the last old pod before it is seen that the first new one
		// ends.
		return strings.NewReplacer("maxUnavailable: 100%", "maxUnavailable: 1", "spec:\n  selector",
			"spec:\n  minReadySeconds: 3\n  selector").
			Replace(agent(image, args...))
	}
	v1 := w.push("v1", map[string]string{"agent.yaml": slow("v1")})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	crash := w.push("crash", map[string]string{"agent.yaml": slow("v2", "crash")})
	w.waitFor(crash, api.Stuck)
	w.braked(true)
	w.edit("kubectl-edit", "DaemonSet", "agent",
		`{"spec":{"updateStrategy":{"type":"RollingUpdate"},"template":{"spec":{"terminationGracePeriodSeconds":7}}}}`)
	w.corrected(1)
	w.braked(true)
	if w.image() != "registry.local/agent:v2" || w.status().InFlight.State != api.Stuck {
		t.Errorf("image %s, in flight %+v", w.image(), w.status().InFlight)
	}
}

// In flight, a DaemonSet that somebody changes or deletes is put right and rolls out; with Report the commit is Stuck
// and says by whom.
func TestDriftInFlight(t *testing.T) {
	t.Parallel()
	for _, policy := range []api.DriftPolicy{api.DriftCorrect, api.DriftReport} {
		t.Run(string(policy), func(t *testing.T) {
			w := newWorld(t)
			slow := strings.Replace(agent("v1"), "maxUnavailable: 100%", "maxUnavailable: 1", 1)
			v1 := w.push("v1", map[string]string{"agent.yaml": slow})
			w.create(func(s *api.SyncSpec) {
				s.Apply.Drift, s.Rollout.Settle = policy, metav1.Duration{Duration: 5 * time.Second}
				// what is stuck need not settle: it is not to be Complete before it is changed
				if policy == api.DriftReport {
					s.Rollout.Settle.Duration = time.Minute
				}
			})
			w.controller(shared.Config, t.TempDir())
			w.wait("v1 to roll out", func(s api.SyncStatus) bool {
				return s.InFlight != nil &&
					s.InFlight.State == api.RollingOut
			})
			w.edit("kubectl-set", "DaemonSet", "agent",
				`{"spec":{"template":{"spec":{"containers":[{"name":"agent","image":"registry.local/agent:hotfix"}]}}}}`)
			if policy == api.DriftReport {
				r := w.waitFor(v1, api.Stuck)
				if s := w.status(); !strings.Contains(r.Message.Private, gate.CauseOverwritten) ||
					!strings.Contains(s.InFlight.Causes[0].Message, "kubectl-set") {
					t.Errorf("%q, %+v", r.Message.Private, s.InFlight.Causes)
				}
				return
			}
			w.corrected(1)
			w.check(w.kube.AppsV1().DaemonSets(w.namespace).Delete(t.Context(), "agent", metav1.DeleteOptions{}))
			w.waitFor(v1, api.Complete)
			if s := w.status(); w.image() != "registry.local/agent:v1" || stuckOnce(s, v1) {
				t.Errorf("image %s, history %+v", w.image(), s.History)
			}
		})
	}
}

// stuckOnce reports whether an Event or record calls a commit Stuck; the history keeps only the newest state.
func stuckOnce(s api.SyncStatus, commit string) bool {
	for _, r := range s.History {
		if r.Commit == commit && r.State == api.Stuck {
			return true
		}
	}
	return false
}

// What happened while Daemongate was down is put right when it is back: once everything is compared.
func TestDriftDuringARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1"), "b.yaml": configMap("b", "1")})
	w.create(nil)
	data := t.TempDir()
	stop := w.controller(shared.Config, data)
	w.waitFor(v1, api.Complete)
	stop()
	w.edit("kubectl-edit", "ConfigMap", "a", `{"data":{"key":"2"}}`)
	w.controller(shared.Config, data)
	w.corrected(1)
	if got := w.value("a"); got != "1" {
		t.Errorf("not corrected: %q", got)
	}
}
