package manifests

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// prune prunes the inventory and says what was kept and why, by object.
func (w *world) prune(inv Inventory) (gone Inventory, kept map[string]string) {
	w.t.Helper()
	gone, all, err := w.client.Prune(w.ctx, inv, w.opts)
	if err != nil {
		w.t.Fatal(err)
	}
	kept = map[string]string{}
	for _, k := range all {
		kept[k.String()] = k.Reason
	}
	if len(gone)+len(kept) != len(inv) {
		w.t.Errorf("%d entries became %d gone and %d kept", len(inv), len(gone), len(kept))
	}
	return gone, kept
}

// gone waits until an object has disappeared; its deletion may take the cluster a moment.
func (w *world) gone(id ID) {
	w.t.Helper()
	eventually(w.t, func() error {
		if live := w.live(id); live != nil && live.GetDeletionTimestamp() == nil {
			return &unready{id, "is still there"}
		}
		return nil
	})
}

// What Git no longer names is deleted, and nothing else.
func TestPruneDeletesWhatGitNoLongerNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inv := Recorded(w.apply(w.set(agent)))
	rest := w.set(strings.SplitN(agent, "\n---\n", 2)[0])
	gone, kept := w.prune(inv.Without(rest))
	if len(gone) != 2 || len(kept) != 0 {
		t.Errorf("gone %v kept %v", gone, kept)
	}
	w.gone(w.id("DaemonSet", "agent"))
	w.gone(w.id("ConfigMap", "agent"))
	if w.live(w.id("ServiceAccount", "agent")) == nil {
		t.Error("what Git still names was deleted")
	}
	if gone, _ := w.prune(inv.Without(rest)); len(gone) != 2 {
		t.Errorf("what is gone already does not count as gone: %v", gone)
	}
}

// Law 7, one by one: whatever speaks against a deletion keeps the object, and says why.
func TestPruneKeepsWhatIsNotCertainlyOurs(t *testing.T) {
	t.Parallel()
	for name, story := range map[string]struct {
		before func(w *world, e *Entry)
		says   string
	}{
		"its UID was never recorded":   {func(_ *world, e *Entry) { e.UID = "" }, "UID is unknown"},
		"it was deleted and recreated": {func(_ *world, e *Entry) { e.UID = "0-0" }, "another object of the same name"},
		"somebody took our label off": {func(w *world, e *Entry) {
			w.by("person", e.ID, `{"metadata":{"labels":{"daemongate.io/sync":null}}}`)
		}, "label daemongate.io/sync was removed"},
		"another Sync has it": {func(w *world, e *Entry) {
			w.by("person", e.ID, `{"metadata":{"labels":{"daemongate.io/sync":"other.agents"}}}`)
		}, "belongs to Sync other/agents"},
		"it is annotated to stay": {func(w *world, e *Entry) {
			w.by("person", e.ID, `{"metadata":{"annotations":{"daemongate.io/prune":"disabled"}}}`)
		}, "daemongate.io/prune: disabled"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			inv := Recorded(w.apply(w.set("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: agent}")))
			story.before(w, &inv[0])
			_, kept := w.prune(inv)
			if reason := kept[inv[0].String()]; !strings.Contains(reason, story.says) {
				t.Errorf("kept %v", kept)
			}
			if live := w.live(inv[0].ID); live == nil || live.GetDeletionTimestamp() != nil {
				t.Error("it was deleted")
			}
		})
	}
}

// What takes data along is deleted only where Git said so beforehand.
func TestPruneKeepsWhatHoldsDataUnlessAnnotated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	data := w.route()[strings.Index(w.route(), "---\n")+4:] + `
---
apiVersion: v1
kind: Namespace
metadata: {name: NS-extra}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: buffer}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}`
	inv := Recorded(w.apply(w.set(data)))
	gone, kept := w.prune(inv)
	if len(gone) != 0 || len(kept) != 3 {
		t.Fatalf("gone %v kept %v", gone, kept)
	}
	for object, reason := range kept {
		if !strings.Contains(reason, "daemongate.io/prune: enabled") {
			t.Errorf("%s: %s", object, reason)
		}
	}
	for _, e := range inv {
		w.by("person", e.ID, `{"metadata":{"annotations":{"daemongate.io/prune":"enabled"}}}`)
	}
	if gone, kept := w.prune(inv); len(gone) != 3 {
		t.Errorf("annotated: gone %v kept %v", gone, kept)
	}
	for _, e := range inv {
		w.gone(e.ID)
	}
}

// Deletion goes the other way than creation: what uses something goes before what it uses.
func TestPruneGoesInReverse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// A finalizer holds the deleted objects, so that their deletion can be dated; no controller writes these kinds.
	inv := Recorded(w.apply(w.set(held)))
	w.prune(inv)
	var versions []string
	for _, e := range inv {
		versions = append(versions, w.live(e.ID).GetResourceVersion())
		w.by("holder", e.ID, `{"metadata":{"finalizers":null}}`)
	}
	for i := 1; i < len(inv); i++ {
		if later, err := resourceVersionLess(versions[i], versions[i-1]); err != nil || !later {
			t.Errorf("%s was deleted before %s", inv[i-1].ID, inv[i].ID)
		}
	}
}

// Between the look and the deletion somebody replaces the object: the new one stays.
func TestPruneNeverDeletesWhatItDidNotLookAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.set("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: agent}")
	w.apply(s)
	id := w.id("ConfigMap", "agent")
	looked := w.live(id)
	t1, err := w.client.locate(w.ctx, s.Objects()[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	w.by("person", id, `{"data":{"mine":"now"}}`)
	if err := w.client.remove(w.ctx, t1, looked); err == nil {
		t.Error("a changed object was deleted")
	}
	if err := w.kube.CoreV1().ConfigMaps(w.ns).Delete(w.ctx, "agent", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.apply(s)
	if err := w.client.remove(w.ctx, t1, looked); err == nil {
		t.Error("another object was deleted")
	}
}

// An entry that could not be judged is neither gone nor kept: it stays in the inventory, and the error names it.
func TestPruneWithoutRightsKeepsTheEntry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inv := Recorded(w.apply(w.set("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: agent}")))
	gone, kept, err := w.as("nobody").Prune(w.ctx, inv, w.opts)
	if len(gone) != 0 || len(kept) != 0 || err == nil || !strings.Contains(err.Error(), "ConfigMap "+w.ns+
		"/agent: is forbidden") {
		t.Errorf("gone %v kept %v: %v", gone, kept, err)
	}
}
