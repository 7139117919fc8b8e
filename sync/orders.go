package sync

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/evict"
	"github.com/daemongate/daemongate/rollout/pace"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

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
			l.Teller.Tell(l.sync, troubleNews(fmt.Errorf("handover to DaemonSet %s/%s: %w", order.ToNamespace,
				order.ToName, err)))
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

// evictions are what came of evictions that looks may not show yet.
type evictions struct {
	going   map[types.UID]bool
	refused map[types.UID]refusedEviction
	told    string // what was told last of why a pod was not evicted
}

// refusedEviction is a pod that was not let go, and why.
type refusedEviction struct {
	said  string
	until time.Time
}

// seen forgets what the looks at all DaemonSets of a flight show by now: pods that are gone, or going, and refusals
// that are over.
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
	maps.DeleteFunc(e.going, func(uid types.UID, _ bool) bool { return !there[uid] })
	maps.DeleteFunc(e.refused, func(uid types.UID, r refusedEviction) bool {
		return !there[uid] || !now.Before(r.until)
	})
}

// refusals are the pods that are not let go at present, and why.
func (e *evictions) refusals() map[types.UID]string {
	said := make(map[types.UID]string, len(e.refused))
	for uid, r := range e.refused {
		said[uid] = r.said
	}
	return said
}

// evictAll has old pods go. What was seen otherwise than it is now is decided on anew by the next look.
func evictAll(ctx context.Context, fl *flight, orders []gate.EvictionOrder) {
	l := fl.loop
	if len(orders) == 0 {
		return
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
		noteEvicted(fl, orders[i], err)
	}
}

// noteEvicted notes what came of one eviction.
func noteEvicted(fl *flight, order gate.EvictionOrder, err error) {
	l, e, uid := fl.loop, &fl.evictions, types.UID(order.UID)
	switch {
	case err == nil, errors.Is(err, evict.ErrGone):
		if e.going == nil {
			e.going = map[types.UID]bool{}
		}
		e.going[uid] = true
	case apierrors.IsConflict(err), errors.Is(err, evict.ErrReady): // it is not as it was any more
		l.queue.AddAfter(l.key, evictPause)
	default:
		said := api.TextOf(err)
		if e.refused == nil {
			e.refused = map[types.UID]refusedEviction{}
		}
		e.refused[uid] = refusedEviction{said, l.Now().Add(refusedPause)}
		l.queue.AddAfter(l.key, refusedPause)
		if budget := (*evict.BudgetError)(nil); !errors.As(err, &budget) && said != e.told {
			e.told = said
			l.trouble(l.sync, fmt.Errorf("evict pod %s/%s on %s: %w", order.Namespace, order.Name, order.Node, err))
		}
	}
}
