package main

import (
	"testing"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A release speaks of the commit that the status says is held for want of room, and not of the one before it, unless that
// one holds the gate by now.
func TestAReleaseSpeaksOfWhatIsHeldForWantOfRoom(t *testing.T) {
	s := api.SyncStatus{GateStatus: api.GateStatus{
		InFlight:  &api.Flight{Commit: "before", State: api.Complete, Pruned: true},
		Preflight: &api.PreflightStatus{Held: []string{"older", "newer"}, Reason: "would not fit"},
		Held:      api.HeldCommits{Count: 2, Newest: "newer", Reason: "would not fit"}}}
	if commit, state := released(&s); commit != "newer" || state != api.Held {
		t.Errorf("it speaks of %q, which is %s", commit, state)
	}
	s.Held.Release = "older" // as the gate has it since it names the commit
	if commit, state := released(&s); commit != "older" || state != api.Held {
		t.Errorf("of those that wait for room it speaks of %q, which is %s", commit, state)
	}
	s.Held.Release = "before"
	if commit, state := released(&s); commit != "before" || state != api.Complete {
		t.Errorf("of the one in flight it says %q, which is %s", commit, state)
	}
	s.Held.Release = ""
	s.InFlight.Relapse, s.Held.Reason = &api.Relapse{}, "held by before, which has relapsed"
	if commit, _ := released(&s); commit != "before" {
		t.Errorf("while that one holds the gate it speaks of %q", commit)
	}
}
