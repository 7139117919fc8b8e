package sync

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/deletion"
	"github.com/daemongate/daemongate/sync/english"
)

// holdOn puts our finalizer on a Sync that the informer has, before anything is written for it, and again if somebody
// took it off. Where that is not allowed the Sync is looked after all the same, and what it has written stays when it
// is deleted.
func (c *Controller) holdOn(ctx context.Context, s *api.Sync) {
	if isHeld(s) {
		return
	}
	err := c.Syncs.SetFinalizers(ctx, s, append(slices.Clone(s.Finalizers), api.Finalizer))
	if err == nil || errors.IsConflict(err) || ctx.Err() != nil { // a newer one comes, and is looked at
		return
	}
	c.Teller.Tell(s, troubleNews(fmt.Errorf("nobody would see to what it has written when it is deleted: %w", err)))
}

func isHeld(s *api.Sync) bool { return slices.Contains(s.Finalizers, api.Finalizer) }

// isBeingDeleted reports whether the informer has a Sync that is being deleted, whether or not its spec can be read.
func isBeingDeleted(store cache.Store, key string) bool {
	o, exists, err := store.GetByKey(key)
	u, is := o.(*unstructured.Unstructured)
	return err == nil && exists && is && u.GetDeletionTimestamp() != nil
}

// leave goes a step further with a Sync that is being deleted. From the first one on nothing else is done for it.
func (c *Controller) leave(ctx context.Context, key string) error {
	if l := c.forget(key); l != nil {
		l.source.LetGo(l.sync)
	}
	known := named(key)
	s, err := c.Syncs.Leaving(ctx, known.Namespace, known.Name)
	if err != nil || s == nil || s.DeletionTimestamp == nil || !isHeld(s) {
		return err
	}
	wake, err := deletion.Turn(ctx, s, inventoryOf(s), deletion.Options{
		Now: c.Now, Bound: c.LetGoAfter, Save: c.saveLeaving,
		Writer: func(s *api.Sync) (deletion.Writer, error) { return c.Connect.Writer(s) },
		Finish: func(ctx context.Context, s *api.Sync) error {
			rest := slices.DeleteFunc(slices.Clone(s.Finalizers), func(f string) bool { return f == api.Finalizer })
			return c.Syncs.SetFinalizers(ctx, s, rest)
		},
		Deleted: func(s *api.Sync, gone manifests.Inventory) { c.Teller.Tell(s, deletedNews(s, gone)) },
		Warn:    func(s *api.Sync, text string) { c.Teller.Tell(s, flightNews(s, NewsDeleting, text)) },
	})
	if err == nil && !wake.IsZero() {
		c.queue.AddAfter(key, wake.Sub(c.Now()))
	}
	return err
}

func deletedNews(s *api.Sync, gone manifests.Inventory) News {
	n := prunedNews(s, gone)
	n.Message.Private = fmt.Sprintf("deleted %s, with the Sync that wrote it", english.Count(len(gone), "object"))
	return n
}
