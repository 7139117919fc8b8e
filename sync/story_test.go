package sync

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

// Law 12: when nothing happens, nothing is written.
func TestSteadyStateIsSilent(t *testing.T) {
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1")})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	w.told(v1, "success")
	before, err := w.syncs.Get(t.Context(), w.namespace, "agents")
	w.check(err)
	// Several polls pass.
	time.Sleep(5 * time.Second)
	after, err := w.syncs.Get(t.Context(), w.namespace, "agents")
	w.check(err)
	if before.ResourceVersion != after.ResourceVersion {
		t.Errorf("the Sync was written while nothing happened:\n%+v\n%+v", before.Status, after.Status)
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
