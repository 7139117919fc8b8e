package view

import (
	"strings"
	"testing"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

const tooLarge = "pods of DaemonSet platform/agent would not fit 2 of 3 nodes: each asks for memory 8Gi"

// What was found of pods that would not fit stays to be seen while the commit is in flight, and so does that only whole
// nodes were weighed: in every picture, as all of them show what a Sync waits for.
func TestAWarningOfPodsThatWouldNotFitIsSeen(t *testing.T) {
	s := rolling()
	s.Status.Preflight = &api.PreflightStatus{Commit: hash("b"), Warning: tooLarge}
	all := strings.Join(Of(Seen{Now: noon, Sync: s}).Waits, "\n")
	for _, want := range []string{"bbbbbbb before it was applied: " + tooLarge, "daemongate plan agents -n platform weighs that too"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in %s", want, all)
		}
	}
	if got := WantOfRoom(s); got != tooLarge {
		t.Errorf("in a line: %q", got)
	}
	s.Status.Summary.Message = "while it is applied: " + tooLarge
	if got := WantOfRoom(s); got != "" {
		t.Errorf("said twice: %q", got)
	}
	s.Status.Preflight.Commit = hash("a") // it was another one's
	if all := strings.Join(Waits(s, noon), "\n"); strings.Contains(all, tooLarge) || strings.Contains(all, "whole nodes") {
		t.Errorf("of another commit: %s", all)
	}
}

// A commit that waits for room is told with why, and what was not weighed, also beside one that is complete.
func TestACommitThatWaitsForRoomIsSeen(t *testing.T) {
	s := rolling()
	s.Status.InFlight.State = api.Complete
	s.Status.Held.Reason = tooLarge + "; it waits for room, or for daemongate release"
	s.Status.Preflight = &api.PreflightStatus{Held: []string{hash("c")}, Reason: s.Status.Held.Reason}
	all := strings.Join(Waits(s, noon), "\n")
	for _, want := range []string{"1 commit held, the newest is ccccccc: " + tooLarge, "daemongate plan agents -n platform weighs that too"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in %s", want, all)
		}
	}
	if got := WantOfRoom(s); !strings.HasPrefix(got, "ccccccc is held: "+tooLarge) {
		t.Errorf("in a line: %q", got)
	}
}
