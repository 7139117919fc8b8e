package deletion

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// away is why a cluster is waited for.
type away struct{ error }

func (away) Waits() bool { return true }

// A Sync whose cluster is gone waits for it, whatever may be said of rights, and says how somebody ends that; who does
// so has it gone within the bound.
func TestASyncThatWaitsForAClusterSaysHowToLeaveIt(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	s := &api.Sync{}
	s.Spec.DeletionPolicy = api.DeletionPrune
	s.Status.Inventory = []api.InventoryEntry{{Kind: "ConfigMap", Namespace: "fleet", Name: "config"}}
	inventory := manifests.Inventory{{ID: manifests.ID{Kind: "ConfigMap", Namespace: "fleet", Name: "config"}}}
	finished := false
	var warned []string
	o := Options{Now: func() time.Time { return now },
		Writer:  func(*api.Sync) (Writer, error) { return nil, away{errors.New("the cluster prod cannot be reached")} },
		Save:    func(context.Context, *api.Sync) error { return nil },
		Finish:  func(context.Context, *api.Sync) error { finished = true; return nil },
		Deleted: func(*api.Sync, manifests.Inventory) {},
		Warn:    func(_ *api.Sync, text string) { warned = append(warned, text) }}
	turn := func() {
		t.Helper()
		if _, err := Turn(t.Context(), s, inventory, o); err != nil {
			t.Fatal(err)
		}
		now = now.Add(LetGoAfter)
	}
	for range 5 {
		turn()
		c := meta.FindStatusCondition(s.Status.Conditions, api.ConditionReady)
		if m := c.Message; finished || !strings.Contains(m, "prod cannot be reached") ||
			!strings.Contains(m, "set its spec.deletionPolicy to Orphan") {
			t.Fatalf("finished %v; it says %q", finished, m)
		}
	}
	if len(warned) != 1 || !strings.Contains(warned[0], "prod cannot be reached") {
		t.Errorf("it is to be told once: %q", warned)
	}
	if c := meta.FindStatusCondition(s.Status.Conditions, api.ConditionReady); c.Reason != "DeletionWaits" {
		t.Errorf("the reason is %s", c.Reason)
	}
	s.Spec.DeletionPolicy = api.DeletionOrphan
	for range 2 {
		turn()
	}
	if !finished {
		t.Errorf("it waits still: %q", s.Status.Summary.Message)
	}
}
