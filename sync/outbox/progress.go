package outbox

import (
	"fmt"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// progress is what a host is told of a rollout that gets on: its quarters.
func progress(commit string, quarter int, at time.Time) report {
	return report{Commit: commit, State: forge.Pending, Underway: true, Time: at, Is: api.RollingOut,
		Description: api.Public(fmt.Sprintf("%s: %d%% of nodes", api.RollingOut, 25*quarter))}
}

// quarters is how far the flight has come, as it was told.
type quarters struct {
	commit, digest string
	told           int
}

// rise takes in the present counts, and returns the quarter that is reached for the first time; 0 if none is. A commit
// that is gone back to stays the success that it was told to be.
func (q *quarters) rise(f *api.Flight) int {
	if f == nil || f.State != api.RollingOut || f.RollbackOf != nil || f.Nodes.Desired == 0 {
		return 0
	}
	if q.commit != f.Commit || q.digest != f.Digest {
		*q = quarters{commit: f.Commit, digest: f.Digest}
	}
	quarter := min(3, f.Nodes.Settled*4/f.Nodes.Desired)
	if quarter <= q.told {
		return 0
	}
	q.told = quarter
	return quarter
}
