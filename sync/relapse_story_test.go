package sync

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// dying is an agent on all nodes that is well until die is called, and crash-loops from then on.
func dying(image string) string {
	return strings.Replace(agent(image), "metadata: {labels: {app: agent}}",
		"metadata: {labels: {app: agent}, annotations: {"+behaviourAnnotation+": dies-on-request}}", 1)
}

// die has all agents of the world die that were made to.
func (w *world) die() {
	w.t.Helper()
	request := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "die"}}
	_, err := w.kube.CoreV1().ConfigMaps(w.namespace).Create(w.t.Context(), request, metav1.CreateOptions{})
	w.check(err)
}

// Law 2: agents that die after they have settled on every node. Within a proof of a minute their commit is never
// Complete, and Stuck when they have ended twice.
func TestAgentsThatDieWithinTheProofAreStuck(t *testing.T) {
	w := newWorld(t)
	t.Parallel() // it mostly waits
	v1 := w.push("v1", map[string]string{"agent.yaml": dying("v1")})
	w.create(func(s *api.SyncSpec) { s.Rollout.Proof = &metav1.Duration{Duration: time.Minute} })
	w.controller(shared.Config, t.TempDir())
	w.wait("all nodes to settle", func(s api.SyncStatus) bool {
		return s.InFlight != nil && s.InFlight.Nodes.Desired > 0 &&
			s.InFlight.Nodes.Settled == s.InFlight.Nodes.Desired && strings.HasSuffix(s.InFlight.Message.Private,
			" settled, proving")
	})
	w.die()
	if r := w.waitFor(v1, api.Stuck); !strings.Contains(r.Message.Private, "CrashLoop") {
		t.Errorf("it is stuck for %q", r.Message.Private)
	}
	if s := w.status(); s.LastComplete != "" {
		t.Errorf("%s was Complete", api.Short(s.LastComplete))
	}
}

// Law 6: agents that die after their commit was Complete have relapsed. The commit says so, on the Sync and as a
// failure on the Git host, where it stays over a restart, and stays Complete. It is rolled back when that is asked for,
// to the commit that was well before.
func TestWhatDiesAfterCompleteHasRelapsed(t *testing.T) {
	w := newWorld(t)
	t.Parallel() // it mostly waits
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1")})
	w.create(nil)
	data := t.TempDir()
	stop := w.controller(shared.Config, data)
	w.waitFor(v1, api.Complete)
	v2 := w.push("v2", map[string]string{"agent.yaml": dying("v2")})
	w.waitFor(v2, api.Complete)
	w.die()
	w.says(v2, api.Complete, "relapsed: CrashLoop on ")
	w.told(v2, "relapsed: CrashLoop on ")
	if note := w.note(v2); !strings.Contains(note, "failure") ||
		!strings.Contains(note, " nodes: container agent, exit code 1") {
		t.Errorf("the note is %q", note)
	}
	s := w.status()
	healthy := meta.FindStatusCondition(s.Conditions, api.ConditionHealthy)
	if healthy == nil || healthy.Status != metav1.ConditionFalse || healthy.Reason != "Relapsed" ||
		s.InFlight.State != api.Complete || s.LastComplete != v1 {
		t.Errorf("%s is %s, last complete %s, Healthy %+v", api.Short(v2), s.InFlight.State, api.Short(s.LastComplete),
			healthy)
	}
	stop()
	w.controller(shared.Config, data)
	_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Patch(t.Context(), "agents",
		"application/merge-patch+json",
		[]byte(`{"spec":{"gate":{"onRelapse":"Rollback"}}}`), metav1.PatchOptions{})
	w.check(err)
	w.says(v2, api.Complete, "rolled back to "+api.Short(v1))
	w.told(v2, "rolled back to "+api.Short(v1))
	s = w.status()
	if s.InFlight.Commit != v1 || s.InFlight.RollbackOf == nil || !s.InFlight.RollbackOf.Relapsed ||
		s.Summary.State != api.Complete || meta.IsStatusConditionTrue(s.Conditions, api.ConditionReady) {
		t.Errorf("in flight %+v; the Sync says %+v", s.InFlight, s.Summary)
	}
	if note := w.note(v2); !strings.Contains(note, "failure") {
		t.Errorf("the note is %q", note)
	}
	if image := w.image(); !strings.HasSuffix(image, ":v1") {
		t.Errorf("it runs %s", image)
	}
}
