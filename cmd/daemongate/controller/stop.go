package controller

import (
	"context"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/evict"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/stop"
)

// stoppableConnections open writers that write nothing while the stop switch is on, but brakes. It is the last line:
// the gate decides nothing then that is to be written.
type stoppableConnections struct {
	sync.Connections
	stop *stop.Switch
}

// Writer opens such a writer.
func (k *stoppableConnections) Writer(s *api.Sync) (sync.Writer, error) {
	w, err := k.Connections.Writer(s)
	if err != nil {
		return nil, err
	}
	return &stoppableWriter{w, k.stop}, nil
}

// stoppableWriter writes nothing while the stop switch is on, and what it is writing then it writes no further. A brake
// only saves nodes.
type stoppableWriter struct {
	sync.Writer
	stop *stop.Switch
}

// Apply applies.
func (w *stoppableWriter) Apply(ctx context.Context, set manifests.Set, o manifests.Options,
) (applied []manifests.Applied, err error) {
	err = w.stop.While(ctx, func(may func() error) error {
		o.May = may
		applied, err = w.Writer.Apply(ctx, set, o)
		return err
	})
	return applied, err
}

// HandOver has a DaemonSet give up nodes.
func (w *stoppableWriter) HandOver(ctx context.Context, h manifests.Handover, o manifests.Options,
) (applied manifests.Applied, err error) {
	err = w.stop.While(ctx, func(may func() error) error {
		o.May = may
		applied, err = w.Writer.HandOver(ctx, h, o)
		return err
	})
	return applied, err
}

// Prune deletes.
func (w *stoppableWriter) Prune(ctx context.Context, goes manifests.Inventory, o manifests.Options,
) (gone manifests.Inventory, kept []manifests.Kept, err error) {
	err = w.stop.While(ctx, func(may func() error) error {
		o.May = may
		gone, kept, err = w.Writer.Prune(ctx, goes, o)
		return err
	})
	return gone, kept, err
}

// Remove deletes what a deleted Sync has written.
func (w *stoppableWriter) Remove(ctx context.Context, inv manifests.Inventory, o manifests.Options,
) (r manifests.Removal, err error) {
	err = w.stop.While(ctx, func(may func() error) error {
		o.May = may
		r, err = w.Writer.Remove(ctx, inv, o)
		return err
	})
	return r, err
}

// LetGo takes a Sync's label off objects.
func (w *stoppableWriter) LetGo(ctx context.Context, inv manifests.Inventory, to manifests.Owner, o manifests.Options,
) (done manifests.Inventory, err error) {
	err = w.stop.While(ctx, func(may func() error) error {
		o.May = may
		done, err = w.Writer.LetGo(ctx, inv, to, o)
		return err
	})
	return done, err
}

// Evict has pods go.
func (w *stoppableWriter) Evict(ctx context.Context, pods []evict.Pod, o manifests.Options) (failed []error) {
	err := w.stop.While(ctx, func(may func() error) error {
		o.May = may
		failed = w.Writer.Evict(ctx, pods, o)
		return nil
	})
	for range len(pods) - len(failed) { // none was tried
		failed = append(failed, err)
	}
	return failed
}
