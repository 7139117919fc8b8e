package sync

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// rollingAgent is an agent that Git wants to be rolled out by its controller, three nodes at a time.
func rollingAgent(image, behaviour string) string {
	return strings.Replace(pacedAgent(image, behaviour), "{type: OnDelete, rollingUpdate: {maxUnavailable: 2}}",
		"{type: RollingUpdate, rollingUpdate: {maxUnavailable: 3}}", 1)
}

// strategy is the update strategy that the agent has in the cluster, and what is noted on it of a pace.
func (w *world) strategy() (kind appsv1.DaemonSetUpdateStrategyType, noted string) {
	w.t.Helper()
	d, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(w.t.Context(), "agent", metav1.GetOptions{})
	w.check(err)
	return d.Spec.UpdateStrategy.Type, d.Annotations[manifests.PacedAnnotation]
}

// wantStrategy holds that the agent is held for a commit, or that it has what Git asks for, and no note, if commit is
// empty.
func (w *world) wantStrategy(commit, stage string) {
	w.t.Helper()
	kind, noted := w.strategy()
	want, note := appsv1.RollingUpdateDaemonSetStrategyType, ""
	if commit != "" {
		want, note = appsv1.OnDeleteDaemonSetStrategyType, strings.TrimSpace(commit+" "+stage)
	}
	if kind != want || noted != note {
		w.t.Errorf("the update strategy is %s, noted is %q; want %s and %q", kind, noted, want, note)
	}
}

// podsByNode are the UIDs of the pods that are not going, by node.
func (w *world) podsByNode() map[string]types.UID {
	w.t.Helper()
	pods, err := w.kube.CoreV1().Pods(w.namespace).List(w.t.Context(), metav1.ListOptions{})
	w.check(err)
	uids := map[string]types.UID{}
	for _, p := range pods.Items {
		if p.DeletionTimestamp == nil {
			uids[p.Spec.NodeName] = p.UID
		}
	}
	return uids
}

// observed waits until the DaemonSet controller has looked at the agent as it is.
func (w *world) observed() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	for {
		d, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(ctx, "agent", metav1.GetOptions{})
		w.check(err)
		if d.Status.ObservedGeneration == d.Generation {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// orphan deletes a DaemonSet by hand, leaves its pods, and waits until it was made anew.
func (w *world) orphan(name string) {
	w.t.Helper()
	sets := w.kube.AppsV1().DaemonSets(w.namespace)
	d, err := sets.Get(w.t.Context(), name, metav1.GetOptions{})
	w.check(err)
	w.check(sets.Delete(w.t.Context(), name, metav1.DeleteOptions{
		PropagationPolicy: new(metav1.DeletePropagationOrphan)}))
	w.wait("the DaemonSet to be made anew", func(api.SyncStatus) bool {
		now, err := sets.Get(w.t.Context(), name, metav1.GetOptions{})
		return err == nil && now.UID != d.UID
	})
}

// A commit that Git wants to be rolled out by a RollingUpdate goes stage by stage, whatever becomes of the process, and
// of the DaemonSet if somebody deletes it and leaves its pods: it has OnDelete from the write of the template until the
// last stage is done, says for which commit and stage, and gets back what Git asks for, by which no pod moves any more.
func TestARollingUpdateGoesStageByStage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": rollingAgent("v1", "")})
	w.create(inStages)
	p := w.process()
	w.waitFor(v1, api.Complete)
	w.wantStrategy("", "") // nothing is held back of what is made
	before, cover := w.podsByNode(), w.watchCoverage()
	v2 := w.push("v2", map[string]string{"agent.yaml": rollingAgent("v2", "")})
	w.stage(v2, 1, api.StageApproval)
	p.kill()
	w.wantStrategy(v2, "canary")
	p = w.process()
	w.wait("a turn after the restart", func(s api.SyncStatus) bool {
		return s.InFlight.Stage.WaitsFor == api.StageApproval && s.InFlight.Stage.Settled == 2
	})
	w.orphan("agent")
	w.wait("a turn with the DaemonSet that was made anew", func(s api.SyncStatus) bool {
		d, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(t.Context(), "agent", metav1.GetOptions{})
		return err == nil && s.InFlight.Workloads[0].UID == d.UID && d.Status.ObservedGeneration > 0 &&
			s.InFlight.Stage.WaitsFor == api.StageApproval && s.InFlight.Stage.Settled == 2
	})
	w.wantStrategy(v2, "canary")
	if d, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(t.Context(), "agent", metav1.GetOptions{}); err != nil ||
		d.Generation != 1 {
		t.Errorf("%v: the DaemonSet was made with another strategy first: generation %d", err, d.Generation)
	}
	now := w.podsByNode()
	for _, node := range canaries {
		delete(before, node)
		delete(now, node)
	}
	if !maps.Equal(before, now) {
		t.Errorf("pods beside the canaries were replaced: %v, then %v", before, now)
	}
	w.check(w.syncs.Promote(t.Context(), w.namespace, "agents", v2, 1, time.Now()))
	w.wait("nodes of the rest", func(api.SyncStatus) bool { return len(w.nodesWith("v2")) > 4 })
	p.kill()
	// The note names the stage once the process that was started last has rendered the commit again.
	if kind, noted := w.strategy(); kind != appsv1.OnDeleteDaemonSetStrategyType || !strings.HasPrefix(noted, v2) {
		t.Errorf("in the middle of the rest the update strategy is %s, noted is %q", kind, noted)
	}
	p = w.process()
	w.waitFor(v2, api.Complete)
	w.wantStrategy("", "")
	all := w.podsByNode()
	w.observed()
	p.kill()
	if then := w.podsByNode(); !maps.Equal(all, then) || len(w.nodesWith("v1")) > 0 {
		t.Errorf("with its own strategy pods moved: %v, then %v", all, then)
	}
	if bare, _ := cover.now(); bare > 3 {
		t.Errorf("%d nodes were without a Ready pod at once", bare)
	}
}

// smallStages asks for a canary, which a person approves, and for another node.
func smallStages(s *api.SyncSpec) {
	inStages(s)
	s.Rollout.Pace.Stages[0].Nodes = &metav1.LabelSelector{MatchLabels: map[string]string{
		corev1.LabelHostname: "node-001"}}
}

// Law 4, of a strategy that was taken: whenever Daemongate dies on the way, also between the last stage and giving the
// strategy back, no pod goes out of turn, the commit completes, and the strategy is Git's in the end.
func TestDyingAtAnyWriteOfAPacedRollingUpdate(t *testing.T) {
	t.Parallel()
	everyDeath(t, &mortal{from: `"state":"Applying"`}, diesPaced)
}

func diesPaced(t *testing.T, m *mortal) {
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": small("v1")})
	w.create(smallStages)
	data := t.TempDir()
	stop := w.controller(shared.Config, data)
	w.waitFor(v1, api.Complete)
	stop()
	held := w.podsByNode()["node-002"]

	v2 := w.push("v2", map[string]string{"agent.yaml": small("v2")})
	promoted := false // what is seen of the status may be older than that
	goesOn := func(s api.SyncStatus) bool {
		f := s.InFlight
		if f == nil || f.Commit != v2 {
			return false
		}
		if got := w.podsByNode()["node-002"]; !promoted && got != held {
			t.Errorf("node-002 lost its pod before a person had approved")
		}
		if st := f.Stage; st != nil && st.WaitsFor == api.StageApproval && !promoted {
			promoted = true
			w.check(w.syncs.Promote(t.Context(), w.namespace, "agents", v2, 1, time.Now()))
		}
		return s.LastComplete == v2 && f.Pruned
	}
	stop = w.controller(m.connection(), data)
	w.diesOr(m, goesOn)
	stop()
	w.controller(shared.Config, data)
	w.wait("the end", goesOn)
	w.wantStrategy("", "")
	if on := w.nodesWith("v2"); len(on) != 2 {
		t.Errorf("it is on %v", on)
	}
}

// A commit that breaks its canaries stays there, with OnDelete, which is said on the DaemonSet. Its fix reaches those
// first, and gives the strategy back when it is everywhere.
func TestAFixIsPacedByARollingUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": rollingAgent("v1", "")})
	w.create(inStages)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	bad := w.push("broken", map[string]string{"agent.yaml": rollingAgent("v2", "crash")})
	w.waitFor(bad, api.Stuck)
	w.wantStrategy(bad, "canary")
	fix := w.push("fix", map[string]string{"agent.yaml": rollingAgent("v3", "")})
	w.stage(fix, 1, api.StageApproval)
	if on := w.nodesWith("v3"); !slices.Equal(on, canaries) || len(w.nodesWith("v1")) != 10 {
		t.Errorf("the fix is on %v, v1 on %v", on, w.nodesWith("v1"))
	}
	w.wantStrategy(fix, "canary")
	w.check(w.syncs.Promote(t.Context(), w.namespace, "agents", fix, 1, time.Now()))
	w.waitFor(fix, api.Complete)
	w.wantStrategy("", "")
}

// With onStuck: Rollback the commit before comes back to the canaries, and the strategy with it.
func TestARollbackGivesTheStrategyBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": rollingAgent("v1", "")})
	w.create(func(s *api.SyncSpec) {
		inStages(s)
		s.Gate.OnStuck = api.OnStuckRollback
	})
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	before := w.podsByNode()
	bad := w.push("broken", map[string]string{"agent.yaml": rollingAgent("v2", "crash")})
	w.says(bad, api.Stuck, "rolled back to "+api.Short(v1))
	w.wantStrategy("", "")
	now := w.podsByNode()
	for _, node := range canaries {
		delete(before, node)
		delete(now, node)
	}
	if !maps.Equal(before, now) {
		t.Errorf("pods beside the canaries were replaced: %v, then %v", before, now)
	}
}

// Whoever takes the pace out of the spec in the middle has the DaemonSet get its strategy back: its controller rolls on.
// Whoever takes the note off the DaemonSet alone has no pod replaced by that.
func TestAPaceThatIsTakenAwayGivesTheStrategyBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": rollingAgent("v1", "")})
	w.create(inStages)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	v2 := w.push("v2", map[string]string{"agent.yaml": rollingAgent("v2", "")})
	w.stage(v2, 1, api.StageApproval)
	w.edit("kubectl-annotate", "DaemonSet", "agent", `{"metadata":{"annotations":{"daemongate.io/paced":null}}}`)
	w.wait("the note to be back", func(api.SyncStatus) bool {
		kind, noted := w.strategy()
		if kind != appsv1.OnDeleteDaemonSetStrategyType {
			t.Errorf("the strategy is %s", kind)
		}
		return noted == v2+" canary"
	})
	w.patch(`{"spec":{"rollout":{"onDelete":null,"pace":null}}}`)
	w.waitFor(v2, api.Complete)
	w.wantStrategy("", "")
	if on := w.nodesWith("v1"); len(on) > 0 {
		t.Errorf("v1 is on %v", on)
	}
}

// While an alert fires that counts, or nobody knows, no pod of a paced commit goes, and what fires is named to those who
// may read the Sync. When it has ended the commit goes on.
func TestAlertsHoldAPacedCommitBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var answer atomic.Value
	answer.Store(`[{"labels":{"alertname":"NodeDown","severity":"page"},"status":{"state":"active"}}]`)
	alertmanager := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(out, answer.Load().(string))
	}))
	t.Cleanup(alertmanager.Close)
	v1 := w.push("v1", map[string]string{"agent.yaml": rollingAgent("v1", "")})
	w.create(func(s *api.SyncSpec) {
		unapproved(s)
		s.Rollout.Pace.Gates = &api.PaceGates{Alerts: &api.AlertsGate{URL: alertmanager.URL,
			Matchers: []string{`severity="page"`}}}
	})
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete) // nothing is held back of what is made
	v2 := w.push("v2", map[string]string{"agent.yaml": rollingAgent("v2", "")})
	w.wait("the alert to be named", func(s api.SyncStatus) bool {
		return s.InFlight.Stage != nil && s.InFlight.Commit == v2 && s.InFlight.Stage.WaitsFor == api.StageAlerts &&
			strings.Contains(s.InFlight.Stage.Message, "NodeDown")
	})
	answer.Store("<html>")
	w.wait("nobody to know", func(s api.SyncStatus) bool {
		return s.InFlight.Stage.WaitsFor == api.StageAlerts && strings.Contains(s.InFlight.Stage.Message, "not known")
	})
	if on := w.nodesWith("v2"); len(on) > 0 {
		t.Errorf("it has reached %v", on)
	}
	answer.Store(`[{"labels":{"alertname":"Slow","severity":"warn"},"status":{"state":"active"}}]`)
	w.waitFor(v2, api.Complete)
}
