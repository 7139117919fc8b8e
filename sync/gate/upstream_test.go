package gate_test

import (
	"strings"
	"testing"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/gate/gatetest"
)

// flies is what is in flight, and waits are the words for which commits wait.
func flies(s *gatetest.Stage) string {
	if s.State.InFlight == nil {
		return ""
	}
	return s.State.InFlight.Commit
}

// The newest commit starts that those who go before have let through, and carries the older ones; the newer ones are
// Held and say for whom. When they are let through they start.
func TestACommitWaitsForThoseWhoGoBefore(t *testing.T) {
	s := gatetest.Played(t, "push c0", "written", "rollout Complete", "pruned")
	s.Observation.Upstream = &gate.Upstream{Waits: map[string]api.Message{"c1": api.ForAll("waits for Sync canary, where c1 is Stuck"),
		"c3": api.ForAll("waits for Sync canary to have c3 Complete")}, Changes: s.Observation.Now.Add(time.Hour)}
	s.Play("push c1 c2 c3")
	if flies(s) != "c2" {
		t.Fatalf("%q is in flight, want c2", flies(s))
	}
	s.Play("written\nrollout Complete\npruned")
	if h := s.State.Held; flies(s) != "c2" || h.Count != 1 || h.Newest != "c3" || h.Reason != "waits for Sync canary to have c3 Complete" {
		t.Fatalf("%q is in flight, and held are %+v", flies(s), h)
	}
	if _, d := s.Gate.Step(s.State, s.Observation); !d.Wake.Equal(s.Observation.Upstream.Changes) {
		t.Errorf("it wakes at %s", d.Wake)
	}
	s.Observation.Upstream = &gate.Upstream{}
	s.Play("polled")
	if flies(s) != "c3" {
		t.Errorf("%q is in flight, want c3", flies(s))
	}
}

// With order Each a commit that was not let through is passed over, and carried by the next one.
func TestEachPassesOverWhatWasNotLetThrough(t *testing.T) {
	s := gatetest.Played(t, "gate Each", "push c0", "written", "rollout Complete", "pruned")
	s.Observation.Upstream = &gate.Upstream{Waits: map[string]api.Message{"c1": api.ForAll("waits for Sync canary, where c1 is Stuck")}}
	s.Play("push c1 c2 c3")
	if flies(s) != "c2" {
		t.Fatalf("%q is in flight, want c2", flies(s))
	}
}

// Nothing starts that was not let through: not the first commit of a Sync, not by the word that overrides a window, and
// not after a restart.
func TestNothingStartsThatWasNotLetThrough(t *testing.T) {
	s := gatetest.NewStage(t)
	waits := &gate.Upstream{Waits: map[string]api.Message{"c0": api.ForAll("waits for Sync canary to have c0 Complete")}}
	s.Observation.Upstream = waits
	s.Observation.Window.Closed = "opens Mon 22:00"
	s.Observation.Override = &api.Override{Commit: "c0"}
	s.Play("push c0")
	s.Restart()
	s.Observation.Upstream = waits
	s.Play("polled")
	if flies(s) != "" || !strings.Contains(s.State.Held.Reason, "canary") && s.State.Held.Reason != "opens Mon 22:00" {
		t.Fatalf("%q is in flight, held: %+v", flies(s), s.State.Held)
	}
	s.Observation.Upstream = nil
	s.Observation.Window.Closed = ""
	s.Play("polled")
	if flies(s) != "c0" {
		t.Errorf("%q is in flight, want c0", flies(s))
	}
}

// What a person holds in all clusters does not start: one commit, past which newer ones go, or any, also for a changed
// spec; what has started goes on. Once that is lifted all goes on.
func TestAHeldCommitDoesNotStart(t *testing.T) {
	s := gatetest.Played(t, "push c0", "written", "rollout Complete", "pruned", "suspend", "push c1")
	s.Observation.History.Holds = map[string]api.Public{"c1": "held in all clusters by ada: breaks DNS"}
	s.Play("resume")
	if flies(s) != "c0" || s.State.Held.Reason != "held in all clusters by ada: breaks DNS" {
		t.Fatalf("%q is in flight, held: %+v", flies(s), s.State.Held)
	}
	holds := s.Observation.History.Holds
	s.Play("suspend\npush c2")
	s.Observation.History.Holds = holds
	s.Play("resume")
	if flies(s) != "c2" {
		t.Fatalf("%q is in flight, want c2", flies(s))
	}
	s.Observation.History.Holds = map[string]api.Public{"": "held in all clusters by ada: incident"}
	s.Play("written\nrollout Complete\npruned")
	if s.State.InFlight.State != api.Complete {
		t.Fatalf("what had started is %s", s.State.InFlight.State)
	}
	s.Play("respec")
	if s.State.InFlight.Generation != 1 {
		t.Errorf("a changed spec has started %q again", flies(s))
	}
	s.Observation.History.Holds = nil
	s.Play("polled")
	if s.State.PassedGeneration != 2 {
		t.Errorf("the changed spec is not applied: %+v", s.State)
	}
}
