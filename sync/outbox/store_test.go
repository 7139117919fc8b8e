package outbox

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"
	k8stesting "k8s.io/client-go/testing"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/forgetest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/kept"
)

// storeIn is the store of a Sync in a cluster that has an outbox that says that commit 1 is Complete; owner is the UID of
// the Sync that owns it, empty if none does.
func storeIn(t *testing.T, owner types.UID) (*configMapStore, *fake.Clientset) {
	t.Helper()
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents", UID: "ours"}}
	clients := fake.NewClientset()
	store := newStore(clients.CoreV1(), s, "host")
	text, err := kept.Encode([]report{told(hashOf(1), forge.Success, "Complete")})
	if err != nil {
		t.Fatal(err)
	}
	found := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents-outbox"},
		Data: map[string]string{kept.ContentKey: text, kept.PlaceKey: store.Hashed()}}
	if other := s.DeepCopy(); owner != "" {
		other.UID = owner
		found.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(other, api.Kind)}
	}
	if err := clients.Tracker().Add(found); err != nil {
		t.Fatal(err)
	}
	return store, clients
}

func outboxIn(t *testing.T, clients *fake.Clientset) *corev1.ConfigMap {
	t.Helper()
	m, err := clients.CoreV1().ConfigMaps("platform").Get(t.Context(), "agents-outbox", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A ConfigMap of the outbox's name that nobody owns, or another Sync of the same name, is not believed and stays as it
// is. That is told once, and the host is told of commits all the same; once it is gone, the outbox is saved again.
func TestAConfigMapOfOthersIsNoOutbox(t *testing.T) {
	for _, owner := range []types.UID{"", "another"} {
		synctest.Test(t, func(t *testing.T) {
			store, clients := storeIn(t, owner)
			before := outboxIn(t, clients)
			host := forgetest.New(forge.GitHub, "platform/fleet", "t0ken")
			host.Push(hashOf(1), hashOf(2))
			p := newPostWith(t, host, store)
			defer p.stop()
			for _, state := range []forge.State{forge.Pending, forge.Success} {
				p.box.put([]report{told(hashOf(2), state, "")})
				time.Sleep(time.Hour)
				synctest.Wait()
			}
			if got := host.Last(hashOf(2), "daemongate/test").State; got != "success" {
				t.Errorf("owner %q: the host was told %q of our commit", owner, got)
			}
			if got := host.Statuses(hashOf(1), "daemongate/test"); len(got) != 0 {
				t.Errorf("owner %q: the host was told what others wrote: %v", owner, got)
			}
			if after := outboxIn(t, clients); !equality.Semantic.DeepEqual(after, before) {
				t.Errorf("owner %q: it was changed to %v", owner, after)
			}
			if len(p.said) != 1 || !strings.Contains(p.said[0], "ConfigMap platform/agents-outbox") {
				t.Errorf("owner %q: said %q", owner, p.said)
			}
			maps := clients.CoreV1().ConfigMaps("platform")
			if err := maps.Delete(t.Context(), "agents-outbox", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			if got := outboxIn(t, clients); !metav1.IsControlledBy(got, store.Sync) ||
				!strings.Contains(got.Data[kept.ContentKey], hashOf(2)) {
				t.Errorf("owner %q: once it was gone there was %v", owner, got)
			}
		})
	}
}

// The Sync's own outbox is believed, and replaced.
func TestTheSyncsOwnOutboxIsKept(t *testing.T) {
	store, clients := storeIn(t, "ours")
	reports, err := store.read(t.Context())
	if err != nil || len(reports) != 1 {
		t.Fatalf("read %v, %v", reports, err)
	}
	if err := store.write(t.Context(), []report{told(hashOf(2), forge.Pending, "Held")}); err != nil {
		t.Fatal(err)
	}
	if got := outboxIn(t, clients).Data[kept.ContentKey]; !strings.Contains(got, hashOf(2)) {
		t.Errorf("it holds %s", got)
	}
}

// Somebody puts a ConfigMap in the place of the outbox between our look and our write: that one is not overwritten.
func TestAnOutboxThatIsReplacedMeanwhileIsLeftAlone(t *testing.T) {
	store, clients := storeIn(t, "ours")
	found := outboxIn(t, clients)
	found.UID, found.ResourceVersion = "first", "1"
	theirs := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents-outbox", UID: "second",
		ResourceVersion: "2"}, Data: map[string]string{"theirs": "kept"}}
	maps := corev1.SchemeGroupVersion.WithResource("configmaps")
	replace := func(m *corev1.ConfigMap) {
		if err := clients.Tracker().Update(maps, m, "platform"); err != nil {
			t.Error(err)
		}
	}
	replace(found)
	// The API server refuses what names another object than the one that is there.
	clients.PrependReactor("update", "configmaps", func(a k8stesting.Action) (bool, runtime.Object, error) {
		replace(theirs)
		update, ok := a.(k8stesting.UpdateAction)
		if !ok {
			t.Fatalf("update is %T", a)
		}
		next, ok := update.GetObject().(*corev1.ConfigMap)
		if ok && (next.ResourceVersion == "" || next.ResourceVersion == theirs.ResourceVersion) {
			return false, nil, nil
		}
		return true, nil, apierrors.NewConflict(maps.GroupResource(), "agents-outbox", context.Canceled)
	})
	err := store.write(t.Context(), []report{told(hashOf(2), forge.Pending, "Held")})
	if err == nil || !strings.Contains(err.Error(), "is not owned by Sync agents") {
		t.Errorf("got %v", err)
	}
	if got := outboxIn(t, clients).Data["theirs"]; got != "kept" {
		t.Errorf("theirs was overwritten: %v", outboxIn(t, clients).Data)
	}
}

// What somebody else has put into the Sync's own outbox is told nobody: after a restart it is not believed, in between it is
// replaced, and each time it is said by which field manager it was written. A label does no harm.
func TestWhatOthersPutIntoTheOutboxIsThrownAway(t *testing.T) {
	by := func(manager, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, FieldsV1: metav1.NewFieldsV1(fields)}
	}
	const content, label = `{"f:data":{"f:outbox.json":{}}}`, `{"f:metadata":{"f:labels":{"f:team":{}}}}`
	for manager, strange := range map[string]bool{"daemongate": false, "kubectl-edit": true} {
		store, clients := storeIn(t, "ours")
		found := outboxIn(t, clients)
		found.ManagedFields = []metav1.ManagedFieldsEntry{by("kubectl-label", label), by(manager, content)}
		store.Maps = &oneMap{ConfigMapInterface: clients.CoreV1().ConfigMaps("platform"), is: found}
		reports, err := store.read(t.Context())
		if (err != nil) != strange || (len(reports) == 0) != strange ||
			strange && !strings.Contains(err.Error(), "changed by somebody else (field manager kubectl-edit)") {
			t.Errorf("%s: believed %v, %v", manager, reports, err)
		}
		err = store.write(t.Context(), []report{told(hashOf(2), forge.Pending, "Held")})
		if got := outboxIn(t, clients).Data[kept.ContentKey]; (err != nil) != strange || !strings.Contains(got, hashOf(2)) {
			t.Errorf("%s: %v, and it holds %s", manager, err, got)
		}
	}
}

// oneMap is a namespace whose ConfigMap is read as it is said to be.
type oneMap struct {
	typedv1.ConfigMapInterface
	is *corev1.ConfigMap
}

func (m *oneMap) ConfigMaps(string) typedv1.ConfigMapInterface { return m }

func (m *oneMap) Get(context.Context, string, metav1.GetOptions) (*corev1.ConfigMap, error) {
	return m.is.DeepCopy(), nil
}
