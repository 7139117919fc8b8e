package sync

import (
	"context"
	"fmt"
	gosync "sync"
	"time"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/notify"
	"github.com/daemongate/daemongate/sync/outbox"
	"github.com/daemongate/daemongate/sync/pacing"
	"github.com/daemongate/daemongate/sync/source"
	"github.com/daemongate/daemongate/sync/window"
)

// syncLoop is the loop around the gate of one Sync, and what it keeps in memory. All of it can be had again after a
// restart. It has its turns one after the other; what a commit in flight needs besides is in its flight.
type syncLoop struct {
	placed
	key string
	// sync is the Sync with its status as it was last decided, which may be newer than the informer's.
	sync  *api.Sync
	saved savedStatus

	source *source.Source
	outlets
	// openings are what the windows said last.
	openings window.Openings

	preparing
	flight *flight // nil if nothing is in flight
	// drift sees what others touch of the objects that were written.
	drift driftWatch
	// recorded is what was found out about single objects, and is not in the status yet.
	recorded []gate.Recorded
	// retryRequested is set while a person's request to try once more is served, and request is the newest request.
	retryRequested bool
	request        string
	told           told
	// latest is the time of its newest turn.
	latest time.Time
	carriedOut
	// advised is the generation of the spec that was read for what its writer may not have meant.
	advised int64

	stop       context.CancelFunc
	life       context.Context
	background gosync.WaitGroup
}

// outlets are who is told of commits outside of the cluster.
type outlets struct {
	outbox  *outbox.Outbox  // nil if the Sync reports nowhere
	notices *notify.Notices // nil if it notifies nobody
}

// told is what was told last, so that it is told once: what cannot be seen, why nothing may be written, and why objects
// were not pruned.
type told struct {
	unseen, barred string
	kept           map[manifests.ID]string
}

// savedStatus is a status as it was last written, and when; and as the API server has it since, in which version.
type savedStatus struct {
	status  api.SyncStatus
	at      time.Time
	server  api.SyncStatus
	version string
	// shared is the version as which the informer had it last.
	shared string
	// passes is when it has to say at the latest of commits that they change nothing, zero if there are none; and
	// headAt when the newest head was seen.
	passes, headAt time.Time
}

// observe gathers everything that the gate may look at.
func (l *syncLoop) observe(ctx context.Context) (gate.Observation, error) {
	l.takePrepared()
	l.keepVigil(l.sync, l.Observer(), func() { l.queue.Add(l.key) })
	history, pollErr := l.source.Last()
	o := gate.Observation{
		Now: l.Now(), Generation: l.sync.Generation, Suspended: l.sync.Spec.Suspend,
		StoppedForAll: l.Syncs.Stop.State().Reason() != "", Again: l.retryRequested,
		Released: l.sync.Annotations[releaseAnnotation], Promoted: l.sync.Annotations[pacing.PromoteAnnotation],
		Polled:  history != nil || pollErr != nil,
		History: history, PollProblem: pollErr, Recorded: l.recorded,
	}
	if l.ready != nil {
		o.Prepared = &l.ready.Prepared
	}
	l.atTheGate(&o)
	if l.flight != nil {
		l.flight.takeRecalled()
		if err := l.flight.observe(ctx, &o); err != nil {
			return o, err
		}
	}
	return o, nil
}

// advise warns once of what the writer of a spec may not have meant.
func (l *syncLoop) advise() {
	if l.advised == l.sync.Generation {
		return
	}
	l.advised = l.sync.Generation
	warn(l.Teller, l.sync, window.CronWarnings(l.sync))
	_, _, lowered, _ := l.Preparing.Renders.Limits(l.sync) // what cannot be read is an error of the render
	warn(l.Teller, l.sync, lowered)
}

// tellBarred tells once why nothing may be written, of each spec and each reason.
func tellBarred(l *syncLoop) {
	b, is := l.barred(l.sync), ""
	if b != nil {
		is = fmt.Sprint(l.sync.Generation, b.Reason)
	}
	if is != l.told.barred && b != nil {
		l.Teller.Tell(l.sync, troubleNews(b))
	}
	l.told.barred = is
}

// The refs by which the repository keeps the commits that must stay readable, whatever becomes of them on the
// server: what a Rollback goes back to, what is written again after a crash, and from where a history is verified.
const (
	keptComplete = "complete"
	keptFlight   = "flight"
	keptBefore   = "before"
	keptPassed   = "passed"
)

// keep has the repository keep a commit under one of these names. A commit that cannot be kept holds nobody up: it
// is told of, and a restart tries again.
func (l *syncLoop) keep(name, commit string) {
	if err := l.source.Keep(l.sync, name, commit); err != nil {
		l.Teller.Tell(l.sync, troubleNews(err))
	}
}
