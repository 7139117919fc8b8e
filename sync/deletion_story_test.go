package sync

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// deleteSync deletes the world's Sync, as a person does who does not wait.
func (w *world) deleteSync() {
	w.t.Helper()
	w.check(w.client.Resource(api.Resource).Namespace(w.namespace).Delete(w.t.Context(), "agents", metav1.DeleteOptions{}))
}

// isGone waits until the Sync is gone.
func (w *world) isGone() {
	w.t.Helper()
	w.eventually("the Sync to be gone", func() bool {
		_, err := w.syncs.Get(w.t.Context(), w.namespace, "agents")
		return errors.IsNotFound(err)
	})
}

// eventually waits for what is still to come when the Sync is gone.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(elsewhere) {
		if time.Now().After(end) {
			w.t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// owner is the Sync that an object's label names; "gone" without the object.
func (w *world) owner(kind, name string) string {
	w.t.Helper()
	var o metav1.Object
	var err error
	if kind == "DaemonSet" {
		o, err = w.kube.AppsV1().DaemonSets(w.namespace).Get(w.t.Context(), name, metav1.GetOptions{})
	} else {
		o, err = w.kube.CoreV1().ConfigMaps(w.namespace).Get(w.t.Context(), name, metav1.GetOptions{})
	}
	if errors.IsNotFound(err) {
		return "gone"
	}
	w.check(err)
	return o.GetLabels()[manifests.OwnerLabel]
}

// hears collects the news of a kind, those of stages with their names.
type hears struct {
	teller
	kind  NewsKind
	mu    gosync.Mutex
	texts []string
}

func (h *hears) Tell(s *api.Sync, n News) {
	h.teller.Tell(s, n)
	h.mu.Lock()
	defer h.mu.Unlock()
	if n.Kind != h.kind {
		return
	}
	text := n.Message.Private
	if n.Stage != "" {
		text = string(n.Stage) + ": " + text
	}
	h.texts = append(h.texts, text)
}

func (h *hears) said(text string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.texts, func(t string) bool { return strings.Contains(t, text) })
}

// hearing runs a controller and collects what it tells of deletions.
func (w *world) hearing(config *rest.Config) (*hears, func()) {
	w.t.Helper()
	c := w.newController(w.namespace, config, w.t.TempDir())
	h := &hears{teller: teller{w.t}, kind: NewsDeleting}
	c.Teller, c.LetGoAfter = h, 3*time.Second
	return h, w.start(c)
}

// Without a policy a deleted Sync leaves what it has written as it is, and says so; the next Sync that asks for it takes
// it over, and no pod is replaced for it.
func TestADeletedSyncLeavesWhatAnotherTakesOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": small("v1"), "config.yaml": configMap("config", "1")})
	w.create(nil)
	h, _ := w.hearing(shared.Config)
	w.waitFor(v1, api.Complete)
	before, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(t.Context(), "agent", metav1.GetOptions{})
	w.check(err)
	w.deleteSync()
	w.isGone()
	if got := w.owner("DaemonSet", "agent") + w.owner("ConfigMap", "config"); got != "" {
		t.Errorf("what was left still belongs to %q", got)
	}
	if !h.said("left 2 objects as written, because spec.deletionPolicy is Orphan") || !h.said("DaemonSet "+w.namespace+
		"/agent") {
		t.Errorf("it was told of what stays: %q", h.texts)
	}
	if w.value("config") != "1" {
		t.Error("what was left is not as it was written")
	}
	w.createAs("renamed", nil)
	w.eventually("the other Sync to be Complete", func() bool {
		s, err := w.syncs.Get(t.Context(), w.namespace, "renamed")
		w.check(err)
		return s.Status.LastComplete == v1
	})
	now, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(t.Context(), "agent", metav1.GetOptions{})
	w.check(err)
	if now.UID != before.UID || now.Generation != before.Generation {
		t.Errorf("the DaemonSet was %s in generation %d, and is %s in %d", before.UID, before.Generation, now.UID,
			now.Generation)
	}
	if want := w.namespace + ".renamed"; w.owner("DaemonSet", "agent") != want {
		t.Errorf("it belongs to %q, want %q", w.owner("DaemonSet", "agent"), want)
	}
}

// With the policy Prune a deleted Sync deletes what it has written, the workloads first and what they need only when
// those are gone; what others keep by a finalizer is named while it waits; what holds data stays, and is named as well.
// A controller that was away when the Sync was deleted misses nothing, nor does one that dies in between (law 4).
func TestADeletedSyncDeletesInReverseOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": small("v1"), "config.yaml": configMap("config", "1"),
		"kept.yaml": "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: kept}\nspec: {accessModes: " +
			"[ReadWriteOnce], resources: {requests: {storage: 1Mi}}}\n"})
	w.create(func(s *api.SyncSpec) { s.DeletionPolicy = api.DeletionPrune })
	_, stop := w.hearing(shared.Config)
	w.waitFor(v1, api.Complete)
	stop()
	w.hold("agent", `["example.com/drain"]`)
	w.deleteSync()
	_, stop = w.hearing(shared.Config)
	text := fmt.Sprintf("waits for DaemonSet %s/agent, which the finalizer example.com/drain keeps", w.namespace)
	w.wait("the finalizer to be named", func(s api.SyncStatus) bool { return strings.Contains(s.Summary.Message, text) })
	stop()
	if w.owner("ConfigMap", "config") == "gone" {
		t.Error("what the DaemonSet needs was deleted before it")
	}
	h, _ := w.hearing(shared.Config)
	w.hold("agent", `null`)
	w.isGone()
	if got := w.owner("DaemonSet", "agent") + w.owner("ConfigMap", "config"); got != "gonegone" {
		t.Errorf("what it has written is still there: %q", got)
	}
	claim, err := w.kube.CoreV1().PersistentVolumeClaims(w.namespace).Get(t.Context(), "kept", metav1.GetOptions{})
	w.check(err)
	if claim.DeletionTimestamp != nil || claim.Labels[manifests.OwnerLabel] != "" || !h.said("PersistentVolumeClaim "+
		w.namespace+"/kept stays") {
		t.Errorf("the claim: %+v; told: %q", claim.ObjectMeta, h.texts)
	}
}

// hold sets the finalizers of a DaemonSet.
func (w *world) hold(name, finalizers string) {
	w.t.Helper()
	_, err := w.kube.AppsV1().DaemonSets(w.namespace).Patch(w.t.Context(), name, types.MergePatchType,
		[]byte(`{"metadata":{"finalizers":`+finalizers+`}}`), metav1.PatchOptions{})
	w.check(err)
}

// A suspended Sync deletes nothing, also when it is deleted itself: what it has written stays and it says why.
func TestASuspendedSyncThatIsDeletedDeletesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	w.create(func(s *api.SyncSpec) { s.DeletionPolicy = api.DeletionPrune })
	h, _ := w.hearing(shared.Config)
	w.waitFor(v1, api.Complete)
	w.patch(`{"spec":{"suspend":true}}`)
	w.deleteSync()
	w.isGone()
	if got := w.owner("ConfigMap", "a"); got != "" || !h.said("because the Sync is suspended") {
		t.Errorf("the object: %q, told: %q", got, h.texts)
	}
}

// A Sync whose spec nobody can read is deleted by its policy all the same: what its deletion needs is read by itself.
func TestAnUnreadableSyncIsDeletedByItsPolicy(t *testing.T) {
	t.Parallel()
	u := must(untyped(&api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents",
		Finalizers: []string{api.Finalizer}}, Spec: api.SyncSpec{DeletionPolicy: api.DeletionPrune,
		Apply: api.Apply{ServiceAccountName: "agents"}}}))
	w := map[string]any{"version": "v1", "kind": "ConfigMap", "namespace": "platform", "name": "a", "uid": "1"}
	must(0, unstructured.SetNestedSlice(u.Object, []any{w}, "status", "inventory"))
	must(0, unstructured.SetNestedField(u.Object, "1 day", "spec", "source", "interval"))
	if _, err := typed(u); err == nil {
		t.Fatal("it can be read")
	}
	s, err := leaving(u)
	if err != nil || s.Spec.DeletionPolicy != api.DeletionPrune || s.Spec.Apply.ServiceAccountName != "agents" ||
		len(inventoryOf(s)) != 1 || len(s.Finalizers) != 1 {
		t.Errorf("its deletion would not know what to do: %+v, %v", s, err)
	}
}

// Where the rights to delete are gone, as in a namespace that is being deleted with the ServiceAccount, a Sync says so,
// tries for a while and goes: no finalizer of ours keeps a namespace for ever.
func TestWithoutRightsADeletedSyncLetsGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	w.create(func(s *api.SyncSpec) { s.DeletionPolicy = api.DeletionPrune })
	_, stop := w.hearing(shared.Config)
	w.waitFor(v1, api.Complete)
	stop()
	refusing := rest.CopyConfig(shared.Config)
	refusing.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/configmaps/a") && r.Method != http.MethodGet {
				r = r.Clone(r.Context()) // as somebody who has no rights
				r.Header.Set("Impersonate-User", "nobody")
			}
			return next.RoundTrip(r)
		})
	})
	h, _ := w.hearing(refusing)
	w.deleteSync()
	w.wait("the refusal", func(s api.SyncStatus) bool {
		return s.Deletion != nil && s.Deletion.RefusedSince != nil && strings.Contains(s.Summary.Message, "what is left stays")
	})
	w.isGone()
	if got := w.owner("ConfigMap", "a"); got != w.namespace+".agents" || !h.said("its label could not be taken off") {
		t.Errorf("the object: %q, told: %q", got, h.texts)
	}
}

// A namespace that is deleted with its Sync in it is gone in the end.
func TestANamespaceIsDeletedWithItsSync(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	w.create(func(s *api.SyncSpec) { s.DeletionPolicy = api.DeletionPrune })
	w.hearing(shared.Config)
	w.waitFor(v1, api.Complete)
	w.check(w.client.Resource(namespaces).Delete(context.Background(), w.namespace, metav1.DeleteOptions{}))
	w.isGone()
}
