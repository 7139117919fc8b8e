package sync

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// What is kept of a commit in flight is kept while its state changes, and thrown away when another one takes off:
// also when it is the same commit that takes off again.
func TestAFlightIsThrownAwayAtTheNextTakeOff(t *testing.T) {
	start := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	at := func(commit string, after time.Duration) *api.Flight {
		return &api.Flight{Commit: commit, Since: metav1.NewMicroTime(start.Add(after)), State: api.Applying}
	}
	l := &syncLoop{placed: placed{Controller: &Controller{}}, sync: &api.Sync{}}
	if l.follow(); l.flight != nil {
		t.Fatal("something is kept although nothing is in flight")
	}
	l.sync.Status.InFlight = at("c1", 0)
	l.follow()
	l.flight.written = &gate.Written{Commit: "c1"}
	l.sync.Status.InFlight = at("c1", 0)
	l.sync.Status.InFlight.State, l.sync.Status.InFlight.Digest = api.RollingOut, "another after a retry"
	if l.follow(); l.flight.written == nil {
		t.Error("what was written is forgotten while it rolls out")
	}
	for _, next := range []*api.Flight{at("c2", time.Minute), at("c1", time.Hour), at("c1", 2*time.Hour)} {
		l.flight.written = &gate.Written{Commit: l.flight.commit}
		l.sync.Status.InFlight = next
		if l.follow(); l.flight.written != nil || l.flight.commit != next.Commit {
			t.Errorf("after the take-off of %s at %s something of the one before is kept", next.Commit, next.Since)
		}
	}
}
