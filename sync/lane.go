package sync

import (
	"context"
	"fmt"
	gosync "sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/outbox"
	"github.com/daemongate/daemongate/sync/source"
	"github.com/daemongate/daemongate/sync/window"
)

// lane is what is kept in memory for one Sync. All of it can be had again after a restart.
type lane struct {
	key string
	// sync is the Sync with its status as it was last decided, which may be newer than the informer's.
	sync *api.Sync
	// relapse is the newest look at a completed flight.
	relapse relapse
	// saved is the status as it was last written, and when.
	saved   api.SyncStatus
	savedAt time.Time

	source *source.Source
	outbox *outbox.Outbox // nil if the Sync reports nowhere
	// openings are what the windows said last.
	openings window.Openings

	// The newest results of earlier decisions.
	ready *readySet
	// flying is the set in flight, once it has been rendered by this process.
	flying  *readySet
	written *gate.Written
	pruned  *gate.Pruned
	// again is set while a person's request to try once more is served.
	again     bool
	requested string
	watched   string
	judged    judged
	unseen    string // what was told last of what cannot be seen
	beats     heartbeats
	// eye sees what others touch of the set in flight.
	eye eye
	// objects are the workloads of the flight as they were last read: while it is judged, those that are no DaemonSets.
	objects map[manifests.ID]readObject
	// The newest results about drift, and the objects that the comparison is of.
	compared  *gate.Compared
	corrected *gate.Corrected
	drifts    []manifests.Drift
	// recorded is what was found out about single objects, and is not in the status yet.
	recorded []gate.Recorded
	// toldKept are the objects that were not pruned, with what was said of each.
	toldKept map[manifests.ID]string
	// braked is the last order that was carried out, by DaemonSet.
	braked map[manifests.ID]brakeWrite
	// handed is the generation that each DaemonSet had when it last gave up nodes.
	handed map[types.UID]int64

	// advised is the generation of the spec that was read for what its writer may not have meant.
	advised int64

	stop       context.CancelFunc
	life       context.Context
	background gosync.WaitGroup
}

// requestAnnotation asks for a poll and another try of a failed head; its value is new with every request.
const requestAnnotation = "daemongate.io/requested-at"

// releaseAnnotation names the settled commit that a person lets go on, and when, so that it can be said again.
const releaseAnnotation = "daemongate.io/release"

// enter returns the lane of a Sync, with the newest spec. A new one begins with the status that the API server
// has, not with an informer's that may be behind.
func (c *Controller) enter(ctx context.Context, key string, seen *api.Sync) (*lane, error) {
	l := c.lane(key)
	if l != nil && anotherLane(l.sync, seen) {
		c.forget(key)
		l = nil
	}
	if l == nil {
		return c.open(ctx, key, seen)
	}
	if seen.Generation >= l.sync.Generation {
		status := l.sync.Status
		l.sync = seen.DeepCopy()
		l.sync.Status = status
	}
	if r := seen.Annotations[requestAnnotation]; r != l.requested {
		l.requested, l.again = r, true
		l.source.Ask()
	}
	return l, nil
}

// open makes the lane of a Sync that this process has not met.
func (c *Controller) open(ctx context.Context, key string, seen *api.Sync) (*lane, error) {
	sync, err := c.Syncs.Get(ctx, seen.Namespace, seen.Name)
	if err != nil {
		return nil, err
	}
	repo, err := c.Connect.Repository(ctx, sync)
	if err != nil {
		return nil, err
	}
	l := &lane{key: key, sync: sync, saved: *sync.Status.DeepCopy(), requested: sync.Annotations[requestAnnotation]}
	l.life, l.stop = context.WithCancel(ctx)
	l.source = source.Open(sync, c.Now(), source.Options{Repository: repo, Base: c.Connect.Base, Signers: c.Connect.Signers,
		Life: l.life, Background: l.background.Go, Wake: func() { c.queue.Add(key) }})
	if l.outbox, err = c.openOutbox(ctx, sync); err != nil {
		l.stop()
		return nil, err
	}
	l.background.Go(func() { l.outbox.Run(l.life) })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lanes[key] = l
	return l, nil
}

// openOutbox opens what tells the Sync's Git host, nil if there is none to tell.
func (c *Controller) openOutbox(ctx context.Context, s *api.Sync) (*outbox.Outbox, error) {
	return outbox.Open(ctx, outbox.Options{Sync: s, Cluster: c.Cluster, ConfigMaps: c.ConfigMaps, Reporter: c.Connect.Reporter,
		Trouble: func(err error) { c.Teller.Tell(s, troubleNews(fmt.Errorf("report: %w", err))) }})
}

// anotherLane reports whether what is kept in memory is of no use any more: the Sync was made anew, or it has
// another repository or another Git host to tell. The commits of another repository are another history.
func anotherLane(known, seen *api.Sync) bool {
	if known.UID != seen.UID {
		return true
	}
	return seen.Generation > known.Generation &&
		!(equality.Semantic.DeepEqual(seen.Spec.Source, known.Spec.Source) && equality.Semantic.DeepEqual(seen.Spec.Report, known.Spec.Report))
}

// observe gathers everything that the gate may look at.
func (c *Controller) observe(ctx context.Context, l *lane) (gate.Observation, error) {
	history, pollErr := l.source.Last()
	o := gate.Observation{
		Now: c.Now(), Generation: l.sync.Generation, Suspended: l.sync.Spec.Suspend, Again: l.again,
		Released: l.sync.Annotations[releaseAnnotation], Polled: history != nil || pollErr != nil,
		History: history, PollProblem: pollErr, Written: l.written, Pruned: l.pruned, Recorded: l.recorded,
	}
	if l.ready != nil {
		o.Prepared = &l.ready.Prepared
	}
	if l.nothingToPrune() {
		o.Pruned = &gate.Pruned{Commit: l.flying.Commit, Digest: l.flying.Digest, Done: true}
	}
	if len(l.recorded) == 0 { // else what is judged is another object than the status says
		var err error
		if o.Rollout, err = c.judge(ctx, l, o.Now); err != nil {
			return o, err
		}
		if o.Relapse, err = c.lookForRelapse(l, o.Now); err != nil {
			return o, err
		}
	}
	o.Touched, o.Missed = c.lookAround(ctx, l)
	o.Compared, o.Corrected = l.compared, l.corrected
	o.Health = c.lookAfter(ctx, l, o.Now)
	l.atTheGate(&o)
	return o, nil
}

// nothingToPrune reports whether the set in flight is known and asks for all that the inventory names.
func (l *lane) nothingToPrune() bool {
	f := l.sync.Status.InFlight
	return f != nil && l.flying != nil && l.flying.Commit == f.Commit && l.flying.Digest == f.Digest &&
		len(inventoryOf(l.sync).Without(l.flying.set)) == 0
}

// FromInformer converts what the informer of Syncs holds.
func FromInformer(o any) (*api.Sync, error) {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("the informer of Syncs holds a %T", o)
	}
	return typed(u)
}
