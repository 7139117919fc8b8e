package sync

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/daemongate/daemongate/rollout/judge"
)

// Leases are good for what is judged within seconds, and for nothing that has landed.
func TestHowLongLeasesAreKept(t *testing.T) {
	noon := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	read := nodeLeases{list: []*coordinationv1.Lease{{}}, problem: "p", at: noon}
	for _, c := range []struct {
		landed bool
		after  time.Duration
		kept   bool
	}{{false, 0, true}, {false, judge.LeasesPause - 1, true}, {false, judge.LeasesPause, false}, {true, 0, false}} {
		n := read.stillGood(c.landed, noon.Add(c.after))
		if kept := len(n.list) == 1 && n.at.Equal(noon) && n.problem == "p"; kept != c.kept || !kept && !n.at.IsZero() {
			t.Errorf("landed %v, after %s: %+v", c.landed, c.after, n)
		}
	}
}
