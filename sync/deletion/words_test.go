package deletion

import (
	"strings"
	"testing"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A DaemonSet that stays without its Sync while its update strategy is not Git's own is named, with what gives that back.
func TestAStrategyThatStaysIsTold(t *testing.T) {
	agent := api.Workload{Group: "apps", Kind: "DaemonSet", Namespace: "platform", Name: "agent",
		Paced: &api.WorkloadPace{}}
	asked := agent
	asked.Name, asked.OnDelete = "asked", true
	gone := agent
	gone.Name = "gone"
	f := &api.Flight{Commit: strings.Repeat("a", 40), State: api.Stuck, Stage: &api.FlightStage{Name: "canary"},
		Workloads: []api.Workload{agent, asked, gone}}
	var stays manifests.Inventory
	for _, w := range []api.Workload{agent, asked} {
		stays = append(stays, manifests.Entry{ID: manifests.ID{Group: w.Group, Kind: w.Kind, Namespace: w.Namespace,
			Name: w.Name}})
	}
	texts := lentTexts(stays, f)
	if len(texts) != 1 || !strings.Contains(texts[0], "DaemonSet platform/agent") ||
		!strings.Contains(texts[0], "kubectl -n platform patch ds agent") {
		t.Errorf("it says %q", texts)
	}
	f.State = api.Complete
	if texts := lentTexts(stays, f); len(texts) > 0 {
		t.Errorf("of a complete commit it says %q", texts)
	}
}
