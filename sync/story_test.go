package sync

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A commit that the cluster refuses is Failed and leaves nothing behind, also of the objects that are fine; the
// next one that can be applied carries what waited (law 3).
func TestRefusedCommitLeavesNothingBehind(t *testing.T) {
	w := newWorld(t)
	bad := w.push("bad", map[string]string{"config.yaml": configMap("fine", "1"), "agent.yaml": agent("v1") + "      noSuchField: true\n"})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	r := w.waitFor(bad, api.Failed)
	if _, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "fine", metav1.GetOptions{}); err == nil {
		t.Errorf("half of a refused commit was applied; it says %q", r.Message)
	}
	good := w.push("good", map[string]string{"agent.yaml": agent("v1")})
	w.waitFor(good, api.Complete)
	w.told(bad, "error")
	w.told(good, "success")
}

// Law 12: when nothing happens, the API server is asked nothing and told nothing; only watches are open.
func TestSteadyStateIsSilent(t *testing.T) {
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1")})
	w.create(nil)
	var requests atomic.Int32
	config := rest.CopyConfig(shared.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("watch") == "" {
				requests.Add(1)
			}
			return next.RoundTrip(r)
		})
	})
	w.controller(config, t.TempDir())
	w.waitFor(v1, api.Complete)
	w.told(v1, "success")
	// What the end of the rollout had to write has been written when the outbox says that the host was told.
	w.wait("the outbox", func(api.SyncStatus) bool {
		m, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "agents-outbox", metav1.GetOptions{})
		return err == nil && strings.Contains(m.Data[outboxKey], `"sent":true`)
	})
	before := requests.Load()
	// Several polls pass, and the pause after which mere progress is written.
	time.Sleep(progressPause + 2*time.Second)
	if n := requests.Load() - before; n > 0 {
		t.Errorf("%d requests while nothing happened", n)
	}
}

// Law 7: a set that renders to nearly nothing prunes only after a person has released it.
func TestLargePruneWaitsForAPerson(t *testing.T) {
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1"), "b.yaml": configMap("b", "1"), "c.yaml": configMap("c", "1")})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	v2 := w.push("v2", map[string]string{"b.yaml": "", "c.yaml": ""})
	w.wait("v2 to be Complete", func(s api.SyncStatus) bool { return s.LastComplete == v2 })
	readme := w.push("readme", map[string]string{"README.md": "nothing to render"})
	w.waitFor(readme, api.Unchanged)
	if s := w.status(); len(s.Inventory) != 3 || s.InFlight.Pruned {
		t.Fatalf("pruned without a person's word: %v", s.Inventory)
	}
	w.check(w.syncs.Release(t.Context(), w.namespace, "agents", v2))
	w.wait("the prune", func(s api.SyncStatus) bool { return len(s.Inventory) == 1 && s.InFlight.Pruned })
}

// A changed path makes the head a candidate again; what the old path asked for is pruned.
func TestChangedPathIsASetOfItsOwn(t *testing.T) {
	w := newWorld(t)
	w.check(mkdir(w.work, "one", "two"))
	v1 := w.push("v1", map[string]string{"one/a.yaml": configMap("a", "1"), "one/same.yaml": configMap("same", "1"),
		"two/b.yaml": configMap("b", "1"), "two/same.yaml": configMap("same", "1")})
	w.create(func(s *api.SyncSpec) { s.Source.Path = "one" })
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	patch := []byte(`{"spec":{"source":{"path":"two"}}}`)
	_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Patch(t.Context(), "agents", "application/merge-patch+json", patch, metav1.PatchOptions{})
	w.check(err)
	w.wait("the other path", func(s api.SyncStatus) bool {
		return s.InFlight.Generation == 2 && s.InFlight.Pruned && len(s.Inventory) == 2 && s.Inventory[0].Name == "b"
	})
}

// suspend stops polls; a change of the Sync resumes them.
func TestSuspendStopsPolls(t *testing.T) {
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	w.create(func(s *api.SyncSpec) { s.Suspend = true })
	w.controller(shared.Config, t.TempDir())
	time.Sleep(2 * time.Second)
	if s := w.status(); s.Head != "" {
		t.Errorf("polled while suspended: %s", s.Head)
	}
	_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Patch(t.Context(), "agents", "application/merge-patch+json",
		[]byte(`{"spec":{"suspend":false}}`), metav1.PatchOptions{})
	w.check(err)
	w.waitFor(v1, api.Complete)
}

// Law 13: when more nodes than may fail have an updated pod that ended, no further node is updated. The brake
// outlasts a commit that leaves the template alone and a restart, and ends with the fix.
func TestBrakeStopsAnAgentThatKeepsEnding(t *testing.T) {
	w := newWorld(t)
	slow := func(image string, args ...string) string {
		return strings.Replace(agent(image, args...), "maxUnavailable: 100%", "maxUnavailable: 1", 1)
	}
	v1 := w.push("v1", map[string]string{"agent.yaml": slow("v1")})
	w.create(nil)
	data := t.TempDir()
	stop := w.controller(shared.Config, data)
	w.waitFor(v1, api.Complete)
	crash := w.push("crash", map[string]string{"agent.yaml": slow("v2", "crash")})
	w.waitFor(crash, api.Stuck)
	w.braked(true)
	stop()
	w.controller(shared.Config, data)
	config := w.push("config", map[string]string{"config.yaml": configMap("config", "1")})
	w.waitFor(config, api.Stuck)
	if lost := w.braked(true); lost > 4 {
		t.Errorf("%d of 12 nodes run the broken agent", lost)
	}
	fix := w.push("fix", map[string]string{"agent.yaml": slow("v3")})
	w.waitFor(fix, api.Complete)
	w.braked(false)
}

// braked checks whether the brake is pulled, and returns how many nodes run the newest template.
func (w *world) braked(pulled bool) int {
	w.t.Helper()
	d, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(w.t.Context(), "agent", metav1.GetOptions{})
	w.check(err)
	if got := d.Spec.UpdateStrategy.Type == "OnDelete" && d.Annotations[manifests.BrakeAnnotation] != ""; got != pulled {
		w.t.Errorf("brake pulled: %v, want %v (%s, %q)", got, pulled, d.Spec.UpdateStrategy.Type, d.Annotations[manifests.BrakeAnnotation])
	}
	return int(d.Status.UpdatedNumberScheduled)
}

// A Sync that is pointed at another repository follows that one's history, and tells that one.
func TestAnotherRepositoryIsAnotherHistory(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	moved := other.push("moved", map[string]string{"a.yaml": configMap("a", "2")})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	patch := []byte(`{"spec":{"source":{"url":"` + other.url + `"}}}`)
	_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Patch(t.Context(), "agents", "application/merge-patch+json", patch, metav1.PatchOptions{})
	w.check(err)
	w.waitFor(moved, api.Complete)
	w.wait("the note in the other repository", func(api.SyncStatus) bool { return strings.Contains(other.note(moved), "success") })
}
