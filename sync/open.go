package sync

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/outbox"
	"github.com/daemongate/daemongate/sync/source"
)

// requestAnnotation asks for a poll and another try of a failed head; its value is new with every request.
const requestAnnotation = "daemongate.io/requested-at"

// releaseAnnotation names the settled commit that a person lets go on, and when, so that it can be said again.
const releaseAnnotation = "daemongate.io/release"

// enter returns the loop of a Sync, with the newest spec. A new one begins with the status that the API server
// has, not with an informer's that may be behind.
func (c *Controller) enter(ctx context.Context, key string, seen *api.Sync) (*syncLoop, error) {
	l := c.loop(key)
	if l != nil && anotherLoop(l.sync, seen) {
		c.forget(key)
		l = nil
	}
	if l == nil {
		return c.open(ctx, key, seen)
	}
	if isHeld(l.sync) {
		c.holdOn(ctx, seen)
	}
	if seen.Generation >= l.sync.Generation {
		status := l.sync.Status
		l.sync = seen.DeepCopy()
		l.sync.Status = status
	}
	if r := seen.Annotations[requestAnnotation]; r != l.request {
		l.request, l.retryRequested = r, true
		l.source.Ask()
	}
	return l, nil
}

// open makes the loop of a Sync that this process has not met.
func (c *Controller) open(ctx context.Context, key string, seen *api.Sync) (*syncLoop, error) {
	c.holdOn(ctx, seen)
	sync, err := c.Syncs.Get(ctx, seen.Namespace, seen.Name)
	if err != nil {
		return nil, err
	}
	repo, err := c.Connect.Repository(ctx, sync)
	if err != nil {
		return nil, err
	}
	l := &syncLoop{Controller: c, key: key, sync: sync, saved: savedStatus{status: *sync.Status.DeepCopy()},
		request: sync.Annotations[requestAnnotation]}
	l.life, l.stop = context.WithCancel(ctx)
	l.source = source.Open(sync, c.Now(), source.Options{Repository: repo, Base: c.Connect.Base,
		Signers: c.Connect.Signers,
		Life:    l.life, Background: l.background.Go, Wake: func() { c.queue.Add(key) }})
	if l.outbox, err = c.openOutbox(ctx, sync); err != nil {
		l.stop()
		return nil, err
	}
	l.background.Go(func() { l.outbox.Run(l.life) })
	l.follow()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loops[key] = l
	return l, nil
}

// openOutbox opens what tells the Sync's Git host, nil if there is none to tell.
func (c *Controller) openOutbox(ctx context.Context, s *api.Sync) (*outbox.Outbox, error) {
	return outbox.Open(ctx, outbox.Options{Sync: s, Cluster: c.Cluster, ConfigMaps: c.ConfigMaps,
		Reporter: c.Connect.Reporter,
		Trouble:  func(err error) { c.Teller.Tell(s, troubleNews(fmt.Errorf("report: %w", err))) }})
}

// anotherLoop reports whether what is kept in memory is of no use any more: the Sync was made anew, or it has
// another repository or another Git host to tell. The commits of another repository are another history.
func anotherLoop(known, seen *api.Sync) bool {
	if known.UID != seen.UID {
		return true
	}
	return seen.Generation > known.Generation &&
		!(equality.Semantic.DeepEqual(seen.Spec.Source, known.Spec.Source) &&
			equality.Semantic.DeepEqual(seen.Spec.Report, known.Spec.Report))
}
