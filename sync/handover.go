package sync

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests"
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
