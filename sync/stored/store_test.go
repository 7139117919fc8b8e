package stored

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/kubernetes/fake"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// world is a cluster that is played: the order of writes is what is tested here. The stories of package sync have a real
// API server.
type world struct {
	*testing.T
	Store
	clients *fake.Clientset
	server  api.Sync // as the API server has it
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, clients: fake.NewClientset()}
	w.Store = Store{ConfigMaps: w.clients.CoreV1(), InStatus: 1 << 10}
	w.server = api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents", UID: "ours"}}
	return w
}

// Get is the Sync as the API server has it.
func (w *world) Get(context.Context, string, string) (*api.Sync, error) {
	return w.server.DeepCopy(), nil
}

// save writes an inventory as a controller does that goes on from what it wrote last.
func (w *world) save(s *api.Sync, inventory []api.InventoryEntry) error {
	return w.saveAfter(s, *s.Status.DeepCopy(), inventory)
}

func (w *world) saveAfter(s *api.Sync, before api.SyncStatus, inventory []api.InventoryEntry) error {
	s.Status.Inventory = inventory
	written, err := w.Save(w.Context(), w, s, before)
	if err != nil {
		return err
	}
	s.Status.StoredInventory, w.server.Status = written.StoredInventory, written
	return nil
}

// opened is the Sync as a controller has it that begins.
func (w *world) opened() (*api.Sync, error) {
	s := w.server.DeepCopy()
	_, err := w.Fill(w.Context(), s)
	return s, err
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func objects(n int, prefix string) []api.InventoryEntry {
	var list []api.InventoryEntry
	for i := range n {
		list = append(list, api.InventoryEntry{Version: "v1", Kind: "ConfigMap", Namespace: "platform",
			Name: fmt.Sprintf("%s-%d", prefix, i), UID: types.UID(fmt.Sprintf("%s-%036d", prefix, i))})
	}
	return list
}

// A small inventory stays in the status, a large one goes beside it and comes back as it was, and one that has become
// small is in the status again.
func TestALargeInventoryIsStoredBesideTheStatus(t *testing.T) {
	w := newWorld(t)
	s := w.server.DeepCopy()
	for i, inventory := range [][]api.InventoryEntry{objects(3, "a"), objects(50, "a"), objects(60, "b"), objects(61, "b"),
		objects(2, "c")} {
		w.check(w.save(s, inventory))
		if large := len(inventory) > 10; large != (w.server.Status.StoredInventory != nil) ||
			large == (len(w.server.Status.Inventory) > 0) {
			t.Errorf("%d: the status has %d objects and %+v", i, len(w.server.Status.Inventory),
				w.server.Status.StoredInventory)
		}
		again, err := w.opened()
		w.check(err)
		if !slices.Equal(again.Status.Inventory, inventory) {
			t.Errorf("%d: %d objects came back", i, len(again.Status.Inventory))
		}
	}
}

// The same inventory is not stored again, whatever else of the status is written.
func TestTheSameInventoryIsStoredOnce(t *testing.T) {
	w := newWorld(t)
	s := w.server.DeepCopy()
	w.check(w.save(s, objects(50, "a")))
	w.clients.ClearActions()
	for range 3 {
		w.check(w.save(s, objects(50, "a")))
	}
	if asked := w.clients.Actions(); len(asked) > 0 {
		t.Errorf("it asked the API server: %v", asked)
	}
}

// Law 4: a death between storing an inventory and the status that names it leaves the inventory that the status names.
func TestADeathBeforeTheStatusLeavesTheInventoryThatItNames(t *testing.T) {
	w := newWorld(t)
	s := w.server.DeepCopy()
	for i := range 4 {
		known := objects(50+i, "known")
		w.check(w.save(s, known))
		dying := s.DeepCopy()
		dying.Status.Inventory = objects(70, "newer")
		if _, err := w.Save(w.Context(), w, dying, s.Status); err != nil {
			t.Fatal(err)
		}
		again, err := w.opened()
		w.check(err)
		if !slices.Equal(again.Status.Inventory, known) {
			t.Fatalf("%d: after the death there are %d objects", i, len(again.Status.Inventory))
		}
	}
}

// Whatever a status names that is not what was stored is no inventory: gone, of somebody else's making, or broken. The
// error says so, and the status then has none.
func TestWhatIsNotWhatWasStoredIsNoInventory(t *testing.T) {
	for why, harm := range map[string]func(w *world, m *corev1.ConfigMap) error{
		"is gone": func(w *world, m *corev1.ConfigMap) error { // the finalizer aside, which is not played here
			return w.clients.CoreV1().ConfigMaps(m.Namespace).Delete(w.Context(), m.Name, metav1.DeleteOptions{})
		},
		"was changed by somebody else": func(w *world, m *corev1.ConfigMap) (err error) {
			if m.BinaryData[inventories.key], err = encode(objects(50, "others")); err != nil {
				return err
			}
			_, err = w.clients.CoreV1().ConfigMaps(m.Namespace).Update(w.Context(), m, metav1.UpdateOptions{})
			return err
		},
	} {
		w := newWorld(t)
		s := w.server.DeepCopy()
		w.check(w.save(s, objects(50, "a")))
		m, err := w.clients.CoreV1().ConfigMaps(s.Namespace).Get(t.Context(), s.Status.StoredInventory.ConfigMap,
			metav1.GetOptions{})
		w.check(err)
		w.check(harm(w, m))
		again := w.server.DeepCopy()
		before, err := w.Fill(t.Context(), again)
		lost := (*LostError)(nil)
		if !errors.As(err, &lost) || !strings.Contains(err.Error(), why) || lost.Objects != 50 ||
			len(again.Status.Inventory) > 0 || again.Status.StoredInventory == nil {
			t.Errorf("%s: %v, %+v", why, err, again.Status)
		}
		again.Status.Head = "newer"
		if written, err := w.Save(t.Context(), w, again, before); err != nil || written.StoredInventory == nil {
			t.Errorf("%s: another write forgets that there was one: %v", why, err)
		}
		w.check(w.saveAfter(again, before, objects(40, "again")))
		if again, err = w.opened(); err != nil || len(again.Status.Inventory) != 40 {
			t.Errorf("%s: after the next write: %v, %d objects", why, err, len(again.Status.Inventory))
		}
	}
}

// A ConfigMap that is not the Sync's own is not overwritten, and the status is not written without the inventory.
func TestAConfigMapOfOthersIsNotOverwritten(t *testing.T) {
	w := newWorld(t)
	others := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents-inventory-a"},
		Data: map[string]string{"theirs": "yes"}}
	w.check(w.clients.Tracker().Add(others))
	s := w.server.DeepCopy()
	if err := w.save(s, objects(50, "a")); err == nil || !strings.Contains(err.Error(),
		"ConfigMap platform/agents-inventory-a is not owned by Sync agents") {
		t.Errorf("the error is %v", err)
	}
	found, err := w.clients.CoreV1().ConfigMaps("platform").Get(t.Context(), others.Name, metav1.GetOptions{})
	if err != nil || found.Data["theirs"] != "yes" || w.server.Status.StoredInventory != nil {
		t.Errorf("%+v, %v", found, err)
	}
}

// A ConfigMap that an earlier Sync of the name has left behind, because it was deleted without what it owned, is taken.
func TestAnOrphanedInventoryIsTaken(t *testing.T) {
	w := newWorld(t)
	orphan := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents-inventory-a",
		Annotations: map[string]string{writtenAt: ""}}}
	w.check(w.clients.Tracker().Add(orphan))
	w.check(w.save(w.server.DeepCopy(), objects(50, "a")))
	if again, err := w.opened(); err != nil || len(again.Status.Inventory) != 50 {
		t.Errorf("%d objects came back: %v", len(again.Status.Inventory), err)
	}
}

// While a Sync is held by its finalizer, so are its ConfigMaps, until they are released.
func TestAnInventoryStaysAsLongAsItsSync(t *testing.T) {
	w := newWorld(t)
	w.server.Finalizers = []string{api.Finalizer}
	s := w.server.DeepCopy()
	w.check(w.save(s, objects(50, "a")))
	w.check(w.save(s, objects(51, "a")))
	finalizers := func() (n int) {
		list, err := w.clients.CoreV1().ConfigMaps("platform").List(t.Context(), metav1.ListOptions{})
		w.check(err)
		for _, m := range list.Items {
			n += len(m.Finalizers)
		}
		return n
	}
	if n := finalizers(); n != 2 {
		t.Errorf("%d finalizers", n)
	}
	w.check(w.Release(t.Context(), s))
	if n := finalizers(); n != 0 {
		t.Errorf("%d finalizers after the release", n)
	}
}

// What 10,000 objects take fits, also while as many others take their places; more than a ConfigMap holds is refused
// before anything is written, with the number of objects.
func TestHowManyObjectsFit(t *testing.T) {
	entries := func(n int) (list []api.InventoryEntry) {
		for i := range n {
			list = append(list, api.InventoryEntry{Group: "apps", Version: "v1", Kind: "DaemonSet", Namespace: "platform",
				Name: fmt.Sprintf("agent-of-pool-%d-%x", i, i*7919), UID: uuid.NewUUID()})
		}
		return list
	}
	for n, fits := range map[int]bool{100: true, 10_000: true, 20_000: true, 60_000: false} {
		list := entries(n)
		err := Store{}.Fits(list)
		if data, _ := encode(list); fits != (err == nil) || fits && len(data) > MaxStored {
			t.Errorf("%d objects take %d bytes: %v", n, len(data), err)
		}
		for i := range list {
			list[i].UID = "" // as they are before the first write
		}
		if err := (Store{}).Fits(list); fits != (err == nil) {
			t.Errorf("%d objects that are not there yet: %v", n, err)
		}
	}
}
