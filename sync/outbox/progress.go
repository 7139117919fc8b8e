package outbox

import (
	"fmt"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/commitstatus"
	"github.com/daemongate/daemongate/sync/pacing"
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

// stageToTell is what a host is told of the stage that a paced rollout is in: its number, and what it waits for. Its
// name may be that of a place.
func stageToTell(f *api.Flight) api.Public {
	if f == nil || f.State != api.RollingOut || f.RollbackOf != nil {
		return ""
	}
	return pacing.Words(f.Stage).Public
}

// reachedStage says of a commit that is rolling out by stages in which one it is, beside the quarter that was told.
func (b *Outbox) reachedStage(f *api.Flight, r report) report {
	stage := stageToTell(f)
	if stage == "" || !r.Underway || r.Commit != f.Commit {
		return r
	}
	if q := b.quarters; q.commit == f.Commit && q.digest == f.Digest && q.told > 0 {
		r.Description = progress(r.Commit, q.told, r.Time).Description
	}
	r.Description = commitstatus.Explained(r.Description, stage)
	return r
}
