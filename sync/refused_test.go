package sync

import (
	"errors"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
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
