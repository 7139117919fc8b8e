package gate_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/gate/gatetest"
)

// When it spreads to more nodes the Sync says so, and nobody is told twice; when fewer show it for a moment nothing is
// said.
func TestARelapseThatSpreadsIsNoNews(t *testing.T) {
	s := gatetest.Played(t, "push v1", "written", "rollout Complete", "pruned")
	for _, n := range []struct{ nodes, says int }{{1, 1}, {3, 3}, {2, 3}} {
		s.Relapse([]string{"CrashLoop", "on", strconv.Itoa(n.nodes)})
		s.Observation.Relapse.Causes[0].NodeCount = n.nodes
		var d gate.Decision
		s.State, d = s.Gate.Step(s.State, s.Observation)
		if told := len(d.Moves) > 0; told != (n.nodes == 1) {
			t.Errorf("on %d nodes: moves %+v", n.nodes, d.Moves)
		}
		if got, want := s.State.InFlight.Relapse.Private, "CrashLoop on "+strconv.Itoa(n.says); got != want {
			t.Errorf("on %d nodes it says %q, want %q", n.nodes, got, want)
		}
	}
}

// A Sync for which no time is asked is told of no relapse.
func TestNoRelapseWithoutTime(t *testing.T) {
	s := gatetest.NewStage(t)
	s.Gate.Relapse = 0
	if text := s.Play("push v1\nwritten\nrollout Complete\npruned\nrelapse CrashLoop"); strings.Contains(text,
		"relapsed") {
		t.Error(text)
	}
}
