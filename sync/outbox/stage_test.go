package outbox

import (
	"strings"
	"testing"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// A Git host is told when a paced rollout enters a stage and when that waits for something else, beside the quarter that
// it has reached; by numbers alone: a stage may be called like a place, and whoever pauses says why in their own words.
func TestAHostIsToldOfStagesByTheirNumbers(t *testing.T) {
	b := newOutbox(nil)
	s, now := &api.Sync{}, time.Now()
	f := &api.Flight{Commit: strings.Repeat("b", 40), State: api.RollingOut, Nodes: api.NodeCounts{Desired: 120}}
	s.Status.InFlight = f
	told := func(settled int, st api.FlightStage, moved bool) string {
		t.Helper()
		now = now.Add(time.Minute)
		f.Nodes.Settled, f.Stage = settled, &st
		var moves []gate.Move
		if moved {
			moves = []gate.Move{{Commit: f.Commit, State: api.RollingOut, At: now,
				Message: api.Message{Private: "stage zone/eu-1a on node-7"}}}
		}
		b.Add(s, moves, now)
		all, _ := b.all()
		if len(all) != 1 {
			t.Fatalf("%d reports", len(all))
		}
		return string(all[0].Description)
	}
	zone := api.FlightStage{Name: "zone/eu-1a", Index: 2, Of: 5, WaitsFor: api.StageNodes}
	if got := told(3, zone, true); got != "RollingOut: stage 2 of 5, waits for its nodes" {
		t.Error(got)
	}
	if got := told(40, zone, false); got != "RollingOut: 25% of nodes: stage 2 of 5, waits for its nodes" {
		t.Error(got)
	}
	if got := told(41, zone, false); got != "RollingOut: 25% of nodes: stage 2 of 5, waits for its nodes" {
		t.Error(got)
	}
	zone.WaitsFor, zone.Message = api.StagePaused, "paused by ada: node-7 is hot"
	if got := told(41, zone, true); got != "RollingOut: 25% of nodes: stage 2 of 5, is paused" {
		t.Error(got)
	}
	f.RollbackOf = &api.StuckCommit{Commit: strings.Repeat("c", 40)}
	if got := stageToTell(f); got != "" {
		t.Errorf("of a commit that is gone back to, and was a success: %s", got)
	}
}
