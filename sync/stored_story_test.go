package sync

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	gosync "sync"
	"sync/atomic"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/stored"
)

// A set whose inventory has no room in the status is applied, remembered beside it, and pruned by what is remembered;
// the status stays small. Deleting the Sync deletes all of it.
func TestASetTooLargeForTheStatus(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	const objects = 60
	w := newWorld(t)
	w.inStatus = 4 << 10
	w.controller(shared.Config, t.TempDir())
	all := func(n int) string {
		text := small("v1")
		for i := range n {
			text += "---\n" + configMap(fmt.Sprintf("setting-%d", i), "1")
		}
		return text
	}
	v1 := w.push("v1", map[string]string{"agent.yaml": all(objects)})
	w.create(func(spec *api.SyncSpec) { spec.DeletionPolicy = api.DeletionPrune })
	w.waitFor(v1, api.Complete)
	read, err := w.syncs.Get(t.Context(), w.namespace, "agents")
	w.check(err)
	text, err := json.Marshal(read.Status)
	w.check(err)
	if ref := read.Status.StoredInventory; ref == nil || ref.Objects != objects+1 || len(read.Status.Inventory) > 0 ||
		len(text) > 16<<10 {
		t.Errorf("the status has %d bytes, an inventory of %d, and one is stored in %+v", len(text),
			len(read.Status.Inventory), ref)
	}

	v2 := w.push("v2", map[string]string{"agent.yaml": all(objects - 20)})
	w.waitFor(v2, api.Complete)
	if left := w.settings(); left != objects-20 || len(w.status().Inventory) != objects-20+1 {
		t.Errorf("%d objects are left, %d are remembered", left, len(w.status().Inventory))
	}
	foreground := metav1.DeletePropagationForeground
	w.check(w.client.Resource(api.Resource).Namespace(w.namespace).Delete(t.Context(), "agents",
		metav1.DeleteOptions{PropagationPolicy: &foreground}))
	// The garbage collector, which deletes what the Sync owns first, is played: the cluster of the tests has none.
	for _, slot := range []string{"a", "b"} {
		err := w.kube.CoreV1().ConfigMaps(w.namespace).Delete(t.Context(), "agents-inventory-"+slot, metav1.DeleteOptions{})
		if !apierrors.IsNotFound(err) {
			w.check(err)
		}
	}
	w.eventually("all is deleted", func() bool { return w.settings() == 0 })
	w.eventually("the inventories are gone", func() bool {
		_, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "agents-inventory-a", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

// settings counts the ConfigMaps of the set.
func (w *world) settings() int {
	w.t.Helper()
	list, err := w.kube.CoreV1().ConfigMaps(w.namespace).List(w.t.Context(), metav1.ListOptions{
		LabelSelector: manifests.OwnerLabel})
	w.check(err)
	return len(list.Items)
}

// Where somebody has deleted what was stored, nothing is pruned that nobody remembers, and what the commit in flight
// asks for is remembered again: a later commit that drops it has it pruned.
func TestALostInventoryIsRememberedAgain(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	w := newWorld(t)
	w.inStatus = 1
	data := t.TempDir()
	stop := w.controller(shared.Config, data)
	v1 := w.push("v1", map[string]string{"agent.yaml": small("v1"), "a.yaml": configMap("a", "1"),
		"b.yaml": configMap("b", "1")})
	w.create(nil)
	w.waitFor(v1, api.Complete)
	stop()
	read, err := w.syncs.Get(t.Context(), w.namespace, "agents")
	w.check(err)
	maps := w.kube.CoreV1().ConfigMaps(w.namespace)
	_, err = maps.Patch(t.Context(), read.Status.StoredInventory.ConfigMap, types.MergePatchType,
		[]byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	w.check(err)
	w.check(maps.Delete(t.Context(), read.Status.StoredInventory.ConfigMap, metav1.DeleteOptions{}))

	w.controller(shared.Config, data)
	w.until("the inventory is remembered again", func() bool {
		s, err := w.syncs.Get(t.Context(), w.namespace, "agents")
		return err == nil && s.Status.StoredInventory != nil && s.Status.StoredInventory.Objects == 3 &&
			len(w.status().Inventory) == 3
	})
	v2 := w.push("v2", map[string]string{"b.yaml": ""})
	w.waitFor(v2, api.Complete)
	if left := w.settings(); left != 1 {
		t.Errorf("%d ConfigMaps are left", left)
	}
}

// Where the answer to a status that names a stored inventory never comes, the Sync is read again, and goes on.
func TestALostAnswerToAStoredInventoryHoldsNothingUp(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	for n := range 3 {
		t.Run(fmt.Sprint("answer ", n+1), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.inStatus = 1
			lost := &losing{skip: n}
			config := rest.CopyConfig(shared.Config)
			config.Wrap(func(next http.RoundTripper) http.RoundTripper {
				return roundTripper(func(r *http.Request) (*http.Response, error) { return lost.do(next, r) })
			})
			w.controller(config, t.TempDir())
			v1 := w.push("v1", map[string]string{"agent.yaml": small("v1"), "a.yaml": configMap("a", "1")})
			w.create(nil)
			w.waitFor(v1, api.Complete)
			for i := 2; i < 5 && !lost.done.Load(); i++ { // one commit may have taken no more than two statuses
				v := fmt.Sprint("v", i)
				w.waitFor(w.push(v, map[string]string{"agent.yaml": small(v)}), api.Complete)
			}
			if !lost.done.Load() {
				t.Error("no answer was lost")
			}
		})
	}
}

// losing loses the answer to one status that names a stored inventory, after some that it lets pass.
type losing struct {
	mu   gosync.Mutex
	skip int
	done atomic.Bool
}

func (l *losing) do(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	answer, err := next.RoundTrip(r)
	if err != nil || r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/status") ||
		answer.StatusCode != http.StatusOK {
		return answer, err
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(body)
	if err != nil || !bytes.Contains(text, []byte("-inventory-")) {
		return answer, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.skip--; l.skip >= 0 || l.done.Swap(true) {
		return answer, nil
	}
	_ = answer.Body.Close()
	return nil, errors.New("the answer is lost")
}

// Law 14: a controller that was paused and leads no longer does not write into the ConfigMap that the status names by
// now, wherever it was paused.
func TestAPausedControllerStoresNoInventory(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	for _, where := range []string{"before all", "before it reads the Sync", "before it writes"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.create(nil)
			first := &storing{world: w}
			first.open()
			w.check(first.save("first"))
			paused, leader := &storing{world: w}, &storing{world: w}
			paused.open()
			leader.open()
			lead := func() { w.check(leader.save("leader")) }
			switch where {
			case "before all":
				lead()
			case "before it reads the Sync":
				paused.before = lead
			case "before it writes":
				paused.after = lead
			}
			if err := paused.save("paused"); err == nil {
				t.Error("it has stored an inventory")
			}
			if got := w.status().Inventory; len(got) != 1 || got[0].Name != "leader" {
				t.Errorf("the inventory is %+v", got)
			}
		})
	}
}

// storing is a controller, as far as it stores inventories. It is paused before or after it reads the Sync.
type storing struct {
	*world
	sync          *api.Sync
	known         api.SyncStatus
	before, after func()
}

func (c *storing) store() stored.Store { return stored.Store{ConfigMaps: c.kube.CoreV1(), InStatus: 1} }

func (c *storing) open() {
	s, err := c.syncs.Get(c.t.Context(), c.namespace, "agents")
	c.check(err)
	c.sync = s
	c.known, err = c.store().Fill(c.t.Context(), s)
	c.check(err)
}

// save writes an inventory of one object, as a turn does.
func (c *storing) save(name string) (err error) {
	s := c.sync.DeepCopy()
	s.Status.Inventory = []api.InventoryEntry{{Version: "v1", Kind: "ConfigMap", Name: name, UID: types.UID(name)}}
	if s.Status, err = c.store().Save(c.t.Context(), c, s, c.known); err != nil {
		return err
	}
	_, err = c.syncs.PutStatus(c.t.Context(), s)
	return err
}

// Get reads the Sync, with a pause.
func (c *storing) Get(ctx context.Context, namespace, name string) (*api.Sync, error) {
	if c.before != nil {
		c.before()
	}
	s, err := c.syncs.Get(ctx, namespace, name)
	if c.after != nil {
		c.after()
	}
	return s, err
}

// What a commit waits for is kept beside the status where that has no room for it. A controller that dies while it waits
// is followed by one that goes on waiting; where what was kept is lost, the commit is applied once more, and is Complete
// no sooner than what it waits for is ready.
func TestWhatACommitWaitsForIsKeptBesideTheStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.inStatus = 4 << 10
	data := t.TempDir()
	stop := w.controller(shared.Config, data)
	set := func(work string) map[string]string {
		text := small("v1") + "---\n" + job(work)
		for i := range 20 {
			text += "---\n" + awaitedMap(fmt.Sprint("awaited-", i))
		}
		return map[string]string{"agent.yaml": text}
	}
	v1 := w.push("v1", set("first"))
	w.create(nil)
	w.keptBeside(v1)
	w.keptHeadline("Job", "Job not started")
	stop()
	stop = w.controller(shared.Config, data)
	w.jobSays("first", jobStarted)
	w.keptHeadline("Job", "Job in progress")
	if s := w.status(); s.InFlight.State != api.RollingOut || len(s.InFlight.Workloads) != 22 {
		t.Errorf("%s: %d workloads", s.InFlight.State, len(s.InFlight.Workloads))
	}
	w.jobSays("first", jobComplete)
	w.waitFor(v1, api.Complete)

	v2 := w.push("v2", set("second"))
	w.keptBeside(v2)
	w.keptHeadline("Job", "Job not started")
	stop()
	read, err := w.syncs.Get(t.Context(), w.namespace, "agents")
	w.check(err)
	beside := read.Status.StoredWorkloads
	maps := w.kube.CoreV1().ConfigMaps(w.namespace)
	_, err = maps.Patch(t.Context(), beside.ConfigMap, types.MergePatchType,
		[]byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	w.check(err)
	w.check(maps.Delete(t.Context(), beside.ConfigMap, metav1.DeleteOptions{}))
	w.controller(shared.Config, data)
	w.until("what it waits for is kept again", func() bool {
		s, err := w.syncs.Get(t.Context(), w.namespace, "agents")
		return err == nil && s.Status.StoredWorkloads != nil && s.Status.StoredWorkloads.Digest != beside.Digest &&
			s.Status.StoredWorkloads.Objects == 21 && s.Status.InFlight.Attempts == 0
	})
	if s := w.status(); s.LastComplete != v1 {
		t.Errorf("%s is Complete, and its Job has not begun", api.Short(s.LastComplete))
	}
	w.jobSays("second", jobStarted)
	w.jobSays("second", jobComplete)
	w.waitFor(v2, api.Complete)
}

// keptBeside waits until a status names where the workloads of a commit are, its DaemonSet aside.
func (w *world) keptBeside(commit string) {
	w.t.Helper()
	w.until("workloads are kept beside the status", func() bool {
		s, err := w.syncs.Get(w.t.Context(), w.namespace, "agents")
		w.check(err)
		f, beside := s.Status.InFlight, s.Status.StoredWorkloads
		return f != nil && f.Commit == commit && beside != nil && beside.Objects == 21 && len(f.Workloads) == 1
	})
}

// keptHeadline waits for what is said of a workload, wherever it is kept.
func (w *world) keptHeadline(kind, says string) {
	w.t.Helper()
	w.until(kind+" to say "+says, func() bool {
		return slices.ContainsFunc(w.status().InFlight.Workloads, func(o api.Workload) bool {
			return o.Kind == kind && strings.Contains(o.Headline, says)
		})
	})
}
