package stored

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// waiting is a flight that waits for a DaemonSet and for n Deployments.
func waiting(n int, says string) *api.Flight {
	f := &api.Flight{Commit: "c", State: api.RollingOut, Workloads: []api.Workload{{Group: "apps", Kind: "DaemonSet",
		Namespace: "platform", Name: "agent", UID: "agent"}}}
	for i := range n {
		f.Workloads = append(f.Workloads, api.Workload{Group: "apps", Kind: "Deployment", Namespace: "platform",
			Name: fmt.Sprint("web-", i), UID: types.UID(fmt.Sprint("uid-", i)), Headline: says})
	}
	return f
}

// saveFlight writes a flight as a controller does that goes on from what it wrote last.
func (w *world) saveFlight(s *api.Sync, f *api.Flight) error {
	before := *s.Status.DeepCopy()
	s.Status.InFlight = f
	written, err := w.Save(w.Context(), w, s, before)
	if err != nil {
		return err
	}
	s.Status.StoredWorkloads, w.server.Status = written.StoredWorkloads, *written.DeepCopy()
	return nil
}

// Few workloads stay in the status, of many the DaemonSets do. All come back as they were; the same are not stored
// twice, and a flight without any names no ConfigMap.
func TestManyWorkloadsAreStoredBesideTheStatus(t *testing.T) {
	w := newWorld(t)
	s := w.server.DeepCopy()
	for i, f := range []*api.Flight{waiting(2, "new"), waiting(50, "new"), waiting(50, "ready"), waiting(0, ""), nil} {
		w.check(w.saveFlight(s, f))
		now, large := w.server.Status, f != nil && len(f.Workloads) > 10
		if large != (now.StoredWorkloads != nil) || large && len(now.InFlight.Workloads) != 1 {
			t.Errorf("%d: %+v", i, now)
		}
		again, err := w.opened()
		w.check(err)
		if !equality.Semantic.DeepEqual(again.Status.InFlight, f) {
			t.Errorf("%d: %+v came back", i, again.Status.InFlight)
		}
		w.clients.ClearActions()
		if w.check(w.saveFlight(s, f.DeepCopy())); len(w.clients.Actions()) > 0 {
			t.Errorf("%d: the same is stored again: %v", i, w.clients.Actions())
		}
	}
}

// Law 4: a death between storing workloads and the status that names them leaves those that the status names.
func TestADeathBeforeTheStatusLeavesTheWorkloadsThatItNames(t *testing.T) {
	w := newWorld(t)
	s := w.server.DeepCopy()
	for i := range 4 {
		known := waiting(50+i, "known")
		w.check(w.saveFlight(s, known))
		dying := s.DeepCopy()
		dying.Status.InFlight = waiting(70, "newer")
		if _, err := w.Save(w.Context(), w, dying, s.Status); err != nil {
			t.Fatal(err)
		}
		again, err := w.opened()
		w.check(err)
		if !equality.Semantic.DeepEqual(again.Status.InFlight, known) {
			t.Fatalf("%d: after the death there are %d workloads", i, len(again.Status.InFlight.Workloads))
		}
	}
}

// A commit whose workloads are lost is to be written again, which the next status says; one that is Complete stays so.
func TestACommitWhoseWorkloadsAreLostIsWrittenAgain(t *testing.T) {
	for _, state := range []api.CommitState{api.Applying, api.RollingOut, api.Stuck, api.Complete} {
		w := newWorld(t)
		s := w.server.DeepCopy()
		f := waiting(50, "new")
		f.State = state
		w.check(w.saveFlight(s, f))
		w.check(w.clients.CoreV1().ConfigMaps(s.Namespace).Delete(w.Context(), s.Status.StoredWorkloads.ConfigMap,
			metav1.DeleteOptions{}))
		again := w.server.DeepCopy()
		before, err := w.Fill(w.Context(), again)
		lost := (*LostError)(nil)
		if !errors.As(err, &lost) || lost.Objects != 50 || !strings.Contains(err.Error(), "that the commit in flight waits for") {
			t.Errorf("%s: %v", state, err)
		}
		written, err := w.Save(w.Context(), w, again, before)
		w.check(err)
		if now := written.InFlight; now.State != state || now.Unwritten() == (state == api.Complete) ||
			written.StoredWorkloads != nil || len(now.Workloads) != 1 {
			t.Errorf("%s: %+v", state, written)
		}
		again.Status.InFlight = waiting(50, "new")
		if written, err = w.Save(w.Context(), w, again, before); err != nil || written.StoredWorkloads == nil ||
			written.StoredWorkloads.ConfigMap == s.Status.StoredWorkloads.ConfigMap {
			t.Errorf("%s: afterwards %+v, %v", state, written.StoredWorkloads, err)
		}
	}
}

// As many objects as a commit may wait for fit, with all that is remembered of each.
func TestHowManyAwaitedObjectsFit(t *testing.T) {
	var list []api.Workload
	began := time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)
	some := func() time.Time { return began.Add(time.Duration(rand.Int64N(int64(time.Hour)))) }
	looks := make([]time.Time, 600) // many are looked at at once
	for i := range looks {
		looks[i] = some()
	}
	look := func() string { return looks[rand.IntN(len(looks))].Format(time.RFC3339Nano) }
	for i := range MaxAwaited {
		w := api.Workload{Group: "apps", Kind: "Deployment", Namespace: fmt.Sprint("tenant-", i%50),
			Name: fmt.Sprintf("web-%d-%x", i, i*7919), UID: uuid.NewUUID(), Generation: int64(i % 7),
			AppliedAt: metav1.NewMicroTime(began), Headline: fmt.Sprintf("Deployment web-%d-%x: %d of 3 are ready", i, i*7919, i%3)}
		w.Memory.Raw = fmt.Appendf(nil, `{"first":%q,"mark":%d,"rose":%q,"since":{"NotReady":%q}}`, look(), i%3, look(), look())
		list = append(list, w)
	}
	data, err := encode(list)
	if err != nil || len(data) > MaxStored {
		t.Errorf("%d objects take %d KiB: %v", MaxAwaited, len(data)>>10, err)
	}
	var again []api.Workload
	if err := decode(data, &again); err != nil || !slices.EqualFunc(list, again, func(a, b api.Workload) bool {
		return equality.Semantic.DeepEqual(a, b)
	}) {
		t.Errorf("they do not come back: %v", err)
	}
	t.Logf("%d objects take %d KiB", MaxAwaited, len(data)>>10)
}
