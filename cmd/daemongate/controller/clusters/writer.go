package clusters

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/evict"
	"github.com/daemongate/daemongate/sync"
)

// sameCluster writes nothing if the address of the cluster leads to another one than it did when it was connected to.
// An inventory is of one cluster: in another one everything that it names is gone, or is somebody else's.
type sameCluster struct {
	sync.Writer
	at *Connection
}

// is says why the cluster is not the one that was connected to, or that nobody knows.
func (w *sameCluster) is(ctx context.Context) error {
	uid, err := w.at.identify(ctx)
	if err != nil {
		w.at.suspect.Store(true) // so that the Sync's next turn looks, and says so
		b := w.at.away(err)
		b.Message = "nothing is written: " + b.Message
		return b
	}
	if uid != w.at.there.UID {
		w.at.suspect.Store(true)
		return &sync.Barred{Reason: sync.ClusterChanged, Message: fmt.Sprintf("nothing is written: %s leads to "+
			"another cluster than it did", w.at.host)}
	}
	return nil
}

// Apply applies.
func (w *sameCluster) Apply(ctx context.Context, set manifests.Set, o manifests.Options) ([]manifests.Applied, error) {
	if err := w.is(ctx); err != nil {
		return nil, err
	}
	return w.Writer.Apply(ctx, set, o)
}

// Brake sets, or takes off, a brake.
func (w *sameCluster) Brake(ctx context.Context, object *unstructured.Unstructured, b manifests.Brake,
	o manifests.Options,
) (manifests.Applied, error) {
	if err := w.is(ctx); err != nil {
		return manifests.Applied{}, err
	}
	return w.Writer.Brake(ctx, object, b, o)
}

// HandOver has a DaemonSet give up nodes.
func (w *sameCluster) HandOver(ctx context.Context, h manifests.Handover, o manifests.Options,
) (manifests.Applied, error) {
	if err := w.is(ctx); err != nil {
		return manifests.Applied{}, err
	}
	return w.Writer.HandOver(ctx, h, o)
}

// Evict has pods go.
func (w *sameCluster) Evict(ctx context.Context, pods []evict.Pod, o manifests.Options) []error {
	if err := w.is(ctx); err != nil {
		failed := make([]error, len(pods))
		for i := range failed {
			failed[i] = err
		}
		return failed
	}
	return w.Writer.Evict(ctx, pods, o)
}

// Prune deletes.
func (w *sameCluster) Prune(ctx context.Context, goes manifests.Inventory, o manifests.Options,
) (gone manifests.Inventory, kept []manifests.Kept, err error) {
	if err := w.is(ctx); err != nil {
		return nil, nil, err
	}
	return w.Writer.Prune(ctx, goes, o)
}

// Remove deletes what a deleted Sync has written.
func (w *sameCluster) Remove(ctx context.Context, inv manifests.Inventory, o manifests.Options,
) (manifests.Removal, error) {
	if err := w.is(ctx); err != nil {
		return manifests.Removal{}, err
	}
	return w.Writer.Remove(ctx, inv, o)
}

// LetGo takes a Sync's label off objects.
func (w *sameCluster) LetGo(ctx context.Context, inv manifests.Inventory, to manifests.Owner, o manifests.Options,
) (manifests.Inventory, error) {
	if err := w.is(ctx); err != nil {
		return nil, err
	}
	return w.Writer.LetGo(ctx, inv, to, o)
}
