package sync

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/evict"
	"github.com/daemongate/daemongate/rollout/pace"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// carriedOut are orders that were carried out and that the watches may not show yet.
type carriedOut struct {
	// handed is the generation that each DaemonSet had when it last gave up nodes.
	handed    map[types.UID]int64
	evictions evictions
}

// handoverPause is how soon nodes are handed over again that could not be.
const handoverPause = time.Second

// handOver has the DaemonSets that a commit no longer asks for give up nodes. Each order names the generation that
// it was decided on: what was written since, by us or by others, has it decided anew.
func (l *syncLoop) handOver(ctx context.Context, orders []gate.HandoverOrder) {
	for _, order := range orders {
		from := daemonSetID(order.Namespace, order.Name)
		if order.Generation < l.handed[order.UID] {
			continue // the watches do not show yet what was written last
		}
		generation, err := l.carryHandover(ctx, from, order)
		if err != nil {
			troubled(ctx, l, fmt.Errorf("handover to DaemonSet %s/%s: %w", order.ToNamespace, order.ToName, err))
			l.queue.AddAfter(l.key, handoverPause)
			continue
		}
		if l.handed == nil {
			l.handed = map[types.UID]int64{}
		}
		l.handed[order.UID] = generation
		l.Teller.Tell(l.sync, handoverNews(l.sync, order))
	}
}

// carryHandover writes what a DaemonSet gives up, and returns the generation that it then has.
func (l *syncLoop) carryHandover(ctx context.Context, from manifests.ID, order gate.HandoverOrder) (int64, error) {
	entry, listed := inventoryOf(l.sync).Find(from)
	if !listed || entry.UID != order.UID {
		return 0, fmt.Errorf("%s: the inventory does not name it", from)
	}
	writer, err := l.Connect.Writer(l.sync)
	if err != nil {
		return 0, err
	}
	applied, err := writer.HandOver(ctx, manifests.Handover{From: entry, To: daemonSetID(order.ToNamespace,
		order.ToName),
		Generation: order.Generation, Nodes: order.Nodes}, WriteOptions(l.sync))
	if err != nil {
		return 0, err
	}
	return applied.Generation, nil
}

const (
	// evictPause is how soon evictions are decided on anew that failed.
	evictPause = 2 * time.Second
	// refusedPause is how soon one is tried again that a PodDisruptionBudget did not allow, or the API server.
	refusedPause = 10 * time.Second
)

// evictions are what came of evictions that looks may not show yet, by the pods' UIDs. They outlast a flight: the next
// one begins with other pods, and those of the last one are still on their way.
type evictions struct {
	// going are pods that were asked to go, and until when they are taken to be going; zero is until a look shows it.
	going map[types.UID]time.Time
	// refused are pods that were not let go.
	refused map[types.UID]refusedEviction
	told    string // what was told last of why a pod was not evicted
}

// refusedEviction says why a pod was not let go, and until when it is not tried again. It is known until the pod goes.
type refusedEviction struct {
	pace.Refusal
	until time.Time
}

// seen forgets what the looks at all DaemonSets of a flight show by now: pods that are gone or going; and what is over.
func (e *evictions) seen(all []pace.Workload, now time.Time) {
	if len(e.going) == 0 && len(e.refused) == 0 {
		return
	}
	there := map[types.UID]bool{}
	for _, w := range all {
		for _, p := range w.Look.Pods {
			there[p.UID] = p.DeletionTimestamp == nil
		}
	}
	maps.DeleteFunc(e.going, func(uid types.UID, until time.Time) bool {
		return !there[uid] || !until.IsZero() && !now.Before(until)
	})
	maps.DeleteFunc(e.refused, func(uid types.UID, _ refusedEviction) bool { return !there[uid] })
	for uid, r := range e.refused {
		r.Again = !now.Before(r.until)
		e.refused[uid] = r
	}
}

// now is which pods are going and which were not let go, and why, for a look.
func (e *evictions) now() (going map[types.UID]bool, refused map[types.UID]pace.Refusal) {
	going, refused = make(map[types.UID]bool, len(e.going)), make(map[types.UID]pace.Refusal, len(e.refused))
	for uid := range e.going {
		going[uid] = true
	}
	for uid, r := range e.refused {
		refused[uid] = r.Refusal
	}
	return going, refused
}

// done reports whether something came of a pod's eviction already that the look which ordered it had not seen.
func (e *evictions) done(order gate.EvictionOrder) bool {
	_, going := e.going[types.UID(order.UID)]
	r, refused := e.refused[types.UID(order.UID)]
	return going || refused && !r.Again
}

// evictionsAtOnce bounds how many pods go in one turn: a person's pause, and the Lease, are looked at between turns.
const evictionsAtOnce = 64

// evictAll has old pods go. What was seen otherwise than it is now is decided on anew by the next look.
func evictAll(ctx context.Context, l *syncLoop, orders []gate.EvictionOrder) {
	orders = slices.DeleteFunc(slices.Clone(orders), l.evictions.done)
	if len(orders) == 0 {
		return
	}
	if len(orders) > evictionsAtOnce {
		orders = orders[:evictionsAtOnce]
		l.queue.AddAfter(l.key, lookPause)
	}
	writer, err := l.Connect.Writer(l.sync)
	if err != nil {
		l.trouble(l.sync, fmt.Errorf("evict pods: %w", err))
		l.queue.AddAfter(l.key, evictPause)
		return
	}
	pods := make([]evict.Pod, len(orders))
	for i, o := range orders {
		pods[i] = evict.Pod{Namespace: o.Namespace, Name: o.Name, UID: types.UID(o.UID), Unready: o.Unready}
	}
	for i, err := range writer.Evict(ctx, pods, WriteOptions(l.sync)) {
		noteEvicted(l, orders[i], err)
	}
}

// noteEvicted notes what came of one eviction. A pod of which that is not known counts as going, and is tried again.
func noteEvicted(l *syncLoop, order gate.EvictionOrder, err error) {
	e, uid := &l.evictions, types.UID(order.UID)
	var unknown *evict.UnknownError
	switch {
	case err == nil, errors.Is(err, evict.ErrGone):
		e.goes(uid, time.Time{})
	case apierrors.IsConflict(err), errors.Is(err, evict.ErrReady): // it is not as it was seen
		l.queue.AddAfter(l.key, evictPause)
	case errors.As(err, &unknown):
		e.goes(uid, l.Now().Add(refusedPause))
		tellEviction(l, order, err)
	default:
		if e.refused == nil {
			e.refused = map[types.UID]refusedEviction{}
		}
		e.refused[uid] = refusedEviction{refusalOf(err), l.Now().Add(refusedPause)}
		tellEviction(l, order, err)
	}
}

// refusalOf is why a pod was not let go.
func refusalOf(err error) pace.Refusal {
	var budget *evict.BudgetError
	if errors.As(err, &budget) {
		return pace.Refusal{Said: api.TextOf(err), Budget: true}
	}
	if no := (*evict.ForbiddenError)(nil); errors.As(err, &no) {
		return pace.Refusal{Said: no.Lack(), Forbidden: true, Remedy: no.Remedy()}
	}
	return pace.Refusal{Said: api.TextOf(err)}
}

func (e *evictions) goes(uid types.UID, until time.Time) {
	if e.going == nil {
		e.going = map[types.UID]time.Time{}
	}
	e.going[uid] = until
	if until.IsZero() {
		delete(e.refused, uid)
	}
}

// tellEviction tells once why pods are not evicted, and has it tried again. That a budget does not allow it stands in
// the stage alone. No pod or node is named: a Sync may ask for that.
func tellEviction(l *syncLoop, order gate.EvictionOrder, err error) {
	l.queue.AddAfter(l.key, refusedPause)
	e, said := &l.evictions, api.TextOf(err)
	if budget := (*evict.BudgetError)(nil); errors.As(err, &budget) || said == e.told {
		return
	}
	e.told = said
	l.trouble(l.sync, fmt.Errorf("evict old pods of namespace %s: %w", order.Namespace, err))
}
