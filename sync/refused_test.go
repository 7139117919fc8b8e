package sync

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/pacing"
)

// What a Sync has written is in one cluster: by a kubeconfig that leads to another one, or that came or went since,
// nothing is written; and one that has written nothing may be led anywhere.
func TestWhatIsWrittenIsInOneCluster(t *testing.T) {
	flying, waits := &api.Flight{State: api.RollingOut}, &api.Flight{State: api.Applying}
	for name, c := range map[string]struct {
		was, is types.UID
		wrote   func(*api.SyncStatus)
		barred  bool
	}{
		"nothing here":           {"", "", nil, false},
		"nothing there":          {"", "a", nil, false},
		"nothing, led elsewhere": {"a", "b", nil, false},
		"not yet written":        {"a", "b", func(s *api.SyncStatus) { s.InFlight = waits }, false},
		"here":                   {"", "", func(s *api.SyncStatus) { s.InFlight = flying }, false},
		"there":                  {"a", "a", func(s *api.SyncStatus) { s.InFlight = flying }, false},
		"led elsewhere":          {"a", "b", func(s *api.SyncStatus) { s.InFlight = flying }, true},
		"left over":              {"a", "b", func(s *api.SyncStatus) { s.Inventory = []api.InventoryEntry{{}} }, true},
		"a large inventory":      {"a", "b", func(s *api.SyncStatus) { s.StoredInventory = &api.StoredInventory{} }, true},
		"came":                   {"", "a", func(s *api.SyncStatus) { s.InFlight = flying }, true},
		"went":                   {"a", "", func(s *api.SyncStatus) { s.InFlight = flying }, true},
	} {
		s := &api.Sync{}
		if c.was != "" {
			s.Status.Cluster = &api.ClusterStatus{UID: c.was}
		}
		if c.wrote != nil {
			c.wrote(&s.Status)
		}
		if b := WrongCluster(s, c.is); (b != nil) != c.barred || b != nil && (b.Reason != ClusterChanged || b.Passes || !b.Waits()) {
			t.Errorf("%s: %+v", name, b)
		}
	}
}

// The label of what is written to another cluster stays as it was, whoever is asked which cluster the Sync is in.
func TestTheLabelOfAnotherClusterStays(t *testing.T) {
	s := &api.SyncStatus{}
	for _, there := range []*Destination{{UID: "a", Home: "h"}, {UID: "a"}, {}} {
		if noteCluster(s, there); s.Cluster == nil || *s.Cluster != (api.ClusterStatus{UID: "a", Home: "h"}) {
			t.Errorf("%+v: %+v", there, s.Cluster)
		}
	}
	if noteCluster(s, nil); s.Cluster != nil {
		t.Errorf("its own cluster: %+v", s.Cluster)
	}
}

// While nothing is known of another cluster, neither is its time: what the status says by that cluster's clock stays as it
// is, and no commit is made ready, whatever others have found out since.
func TestInTheDarkNothingIsDatedOrMadeReady(t *testing.T) {
	then := metav1.NewMicroTime(time.Unix(1_000_000, 0))
	for there, want := range map[*Destination]time.Time{{}: then.Time, {UID: "a"}: then.Add(-time.Hour)} {
		l := &syncLoop{placed: placed{&Controller{Connect: noCluster{}}, there}, sync: &api.Sync{}}
		l.sync.Status.InFlight = &api.Flight{State: api.RollingOut, Since: then}
		if err := keepTime(l, then.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		if since := l.sync.Status.InFlight.Since; !since.Time.Equal(want) {
			t.Errorf("UID %q: since %s, want %s", there.UID, since, want)
		}
		b := (&preparation{placed: l.placed, sync: &api.Sync{}}).mayNot("c1")
		if dark := there.UID == ""; dark != (b != nil) || dark && !b.Passes {
			t.Errorf("UID %q: %+v", there.UID, b)
		}
	}
}

// What the cluster says of a set that it refuses stays in the cluster; the host learns of which objects it says so.
func TestARefusalIsToldWithoutTheClustersWords(t *testing.T) {
	id := manifests.ID{Group: "apps", Kind: "DaemonSet", Namespace: "platform", Name: "agent"}
	rejected := &manifests.Rejected{Object: id, Reason: manifests.ReasonDenied, Message: "webhook of team-x: s3cret"}
	conflict := &manifests.Conflict{Object: id, Manager: "ada", Fields: []string{"spec.x"}}
	for want, err := range map[string]error{
		"the cluster refuses " + id.String() + " (Denied)":   fmt.Errorf("dry run: %w", rejected),
		"the cluster refuses " + id.String() + " (Conflict)": conflict,
		"the cluster refuses " + id.String() + " (Denied) and 1 more": errors.Join(rejected,
			errors.Join(errors.New("timeout"), conflict)),
		"the cluster refuses the set": errors.New("s3cret"),
	} {
		if got := refusedWords(err); string(got) != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// barredFrom are connections to a cluster that may not be written.
type barredFrom struct {
	noCluster
	*Barred
}

func (b barredFrom) Writer(*api.Sync) (Writer, error) { return nil, b.Barred }

// cutOff are connections to a cluster that goes away while a set is written, after these objects.
type cutOff struct {
	noCluster
	after cutOffWriter
}

func (c cutOff) Writer(*api.Sync) (Writer, error) { return c.after, nil }

type cutOffWriter struct {
	Writer
	answered manifests.Applied
	*Barred
}

func (w cutOffWriter) Apply(context.Context, manifests.Set, manifests.Options) ([]manifests.Applied, error) {
	return []manifests.Applied{w.answered}, w.Barred
}

// A cluster that goes away before anything was written is as one that was away: what was left alone by then is no
// attempt. One that goes away half-way leaves an attempt that has failed.
func TestACommitIsNotToBlameForWhatWasLeftAlone(t *testing.T) {
	w := newGit(t)
	commit := w.push("base", map[string]string{"a.yaml": configMap("a", "1")})
	for _, changed := range []bool{false, true} {
		l := w.flyingLoop(t, commit)
		answered := manifests.Applied{ID: l.flight.set.set.IDs()[0], Object: l.flight.set.set.Objects()[0], Changed: changed}
		away := &Barred{Reason: "ClusterUnreachable", Message: "prod cannot be reached", Passes: true}
		l.Controller = &Controller{Connect: cutOff{after: cutOffWriter{answered: answered, Barred: away}}, Now: time.Now}
		l.sync.Status.InFlight.State, l.ready = api.Applying, l.flight.set
		if written := l.flight.write(t.Context()); (written != nil) != changed {
			t.Errorf("changed: %t: an attempt: %+v", changed, written)
		}
	}
}

// A set that may not be written, because its cluster is away or there is nobody to write as, waits: that is no attempt of
// its commit, which is not Stuck by it however long it takes. Nor is it by an object that cannot be read meanwhile.
func TestACommitIsNotToBlameForACluster(t *testing.T) {
	w := newGit(t)
	commit := w.push("base", map[string]string{"a.yaml": configMap("a", "1")})
	l := w.flyingLoop(t, commit)
	now := time.Unix(1_000_000, 0)
	away := barredFrom{Barred: &Barred{Reason: "ClusterUnreachable", Message: "prod cannot be reached", Passes: true}}
	l.Controller = &Controller{Connect: away, Now: func() time.Time { return now }}
	f := l.sync.Status.InFlight
	f.State, f.Since = api.Applying, metav1.NewMicroTime(now)
	l.ready = l.flight.set
	g := gate.Gate{Order: api.OrderLatest, Deadline: 10 * time.Minute}
	for range 3 {
		if written := l.flight.write(t.Context()); written != nil || l.ready.Outcome != gate.Unavailable {
			t.Fatalf("%+v, and it is %v", written, l.ready.Outcome)
		}
		state, d := g.Step(l.sync.Status.GateStatus, gate.Observation{Now: now, Prepared: &l.ready.Prepared})
		if f := state.InFlight; f.State != api.Applying || f.Attempts > 0 || d.Apply != "" || d.Wake.IsZero() {
			t.Errorf("it is %s after %d attempts: %+v", f.State, f.Attempts, d)
		}
		now = now.Add(time.Hour)
		l.ready = l.flight.set
	}

	f.State, f.Workloads = api.RollingOut, []api.Workload{{Group: "batch", Kind: "Job", Name: "migrate", AppliedAt: f.Since}}
	r, err := l.flight.look(t.Context(), now, pacing.Standstill{})
	if err != nil || !r.Partial || r.State != api.RollingOut || len(r.Causes) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	f.Workloads[0].Memory.Raw = []byte(`{"done":true}`)
	if r, err := l.flight.look(t.Context(), now, pacing.Standstill{}); err != nil || r.State != api.Complete {
		t.Errorf("a Job that has ended: %+v, %v", r, err)
	}
}
