package pacing

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A paced rollout makes news when it reaches a stage, when that waits for a person or a window, when a person has said so, and when one
// pauses it or lets it go on: each once, and nothing while nodes merely settle.
func TestWhatIsNewsOfAPacedRollout(t *testing.T) {
	s := &api.Sync{}
	s.Namespace, s.Name = "platform", "agents"
	stage := func(index int32, name string, waits api.StageWait, message string) *api.Flight {
		return &api.Flight{Commit: strings.Repeat("b", 40), State: api.RollingOut, Stage: &api.FlightStage{Index: index, Of: 5, Name: name,
			Nodes: 3, WaitsFor: waits, Message: message}}
	}
	approved := stage(1, "canary", api.StageApproval, "has soaked")
	approved.Stage.Approved = true
	done := stage(5, "rest", "", "")
	done.State = api.Complete
	other := stage(1, "canary", api.StageNodes, "2 nodes to go")
	other.Commit = strings.Repeat("c", 40)
	begun := stage(1, "canary", api.StageNodes, "2 nodes to go")
	outside := stage(1, "canary", api.StageWindow, "no window is open; the next opens Fri 2026-11-27 00:00 UTC")
	outside.Stage.Until = &metav1.MicroTime{Time: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)}
	for _, c := range []struct {
		before, now *api.Flight
		suspended   bool
		want        string
	}{
		{nil, begun, false, "StageReached: stage 1 of 5 (canary) is reached, with 3 nodes"},
		{&api.Flight{Commit: begun.Commit, State: api.Applying}, begun, false, "StageReached: stage 1 of 5 (canary) is reached, with 3 nodes"},
		{other, begun, false, "StageReached: stage 1 of 5 (canary) is reached, with 3 nodes"},
		{begun, stage(1, "canary", api.StageNodes, "1 node to go"), false, ""},
		{begun, stage(1, "canary", api.StageSoak, "soaks"), false, ""},
		{begun, stage(1, "canary", api.StageApproval, "has soaked"), false,
			"ApprovalWaited: stage 1 of 5 (canary) waits for a person: daemongate promote agents -n platform lets it go on"},
		{begun, outside, false, "WindowWaited: stage 1 of 5 (canary) waits for a window: no window is open; the next opens " +
			"Fri 2026-11-27 00:00 UTC"},
		{outside, outside, false, ""},
		{begun, stage(2, "rest/1", api.StageHold, "held in all clusters by ada: breaks DNS"), false,
			"StageReached: stage 2 of 5 (rest/1) is reached, with 3 nodes|HoldWaited: stage 2 of 5 (rest/1) does not begin: " +
				"held in all clusters by ada: breaks DNS"},
		{approved, approved, false, ""},
		{stage(1, "canary", api.StageApproval, "has soaked"), approved, false,
			"Promoted: it goes on after stage 1 of 5 (canary), by a person's word"},
		{approved, stage(2, "rest/1", api.StageNodes, ""), false, "StageReached: stage 2 of 5 (rest/1) is reached, with 3 nodes"},
		{begun, stage(1, "canary", api.StagePaused, "paused by ada"), false,
			"Paused: stage 1 of 5 (canary): paused by ada; daemongate resume agents -n platform lets it go on"},
		{begun, stage(1, "canary", api.StagePaused, "the Sync is suspended"), true, ""},
		{stage(1, "canary", api.StagePaused, "paused by ada"), begun, false, "Unpaused: stage 1 of 5 (canary) is paused no more: 2 nodes to go"},
		{begun, done, false, ""},
		{begun, nil, false, ""},
		{begun, &api.Flight{Commit: begun.Commit, State: api.RollingOut}, false, ""},
	} {
		var got []string
		for _, n := range NewsOf(s, c.before, c.now, c.suspended) {
			got = append(got, fmt.Sprintf("%s: %s", n.Event, n.Text))
		}
		if text := strings.Join(got, "|"); text != c.want {
			t.Errorf("%q, not %q", text, c.want)
		}
	}
	both := NewsOf(s, begun, stage(2, "zone", api.StageApproval, "has soaked"), false)
	if len(both) != 2 || both[0].Event != Reached || both[1].Event != ApprovalWaited {
		t.Errorf("of a stage that waits for a person at once: %v", both)
	}
}

// A commit that rolls out by stages is not said to begin to roll out with each of them, and neither are those that it carries.
func TestRollingOutIsToldOnce(t *testing.T) {
	b, c := strings.Repeat("b", 40), strings.Repeat("c", 40)
	rolling := &api.Flight{Commit: b, State: api.RollingOut}
	for _, one := range []struct {
		before     *api.Flight
		commit, by string
		state      api.CommitState
		want       bool
	}{
		{rolling, b, "", api.RollingOut, true},
		{rolling, c, b, api.RollingOut, true},
		{rolling, c, "", api.RollingOut, false},
		{rolling, b, "", api.Complete, false},
		{&api.Flight{Commit: b, State: api.Applying}, b, "", api.RollingOut, false},
		{nil, b, "", api.RollingOut, false},
	} {
		if got := Restated(one.before, one.commit, one.by, one.state); got != one.want {
			t.Errorf("%+v: %v", one, got)
		}
	}
}
