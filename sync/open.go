package sync

import (
	"context"
	stderrors "errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/backoff"
	"github.com/daemongate/daemongate/sync/deletion"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/notify"
	"github.com/daemongate/daemongate/sync/outbox"
	"github.com/daemongate/daemongate/sync/panics"
	"github.com/daemongate/daemongate/sync/source"
	"github.com/daemongate/daemongate/sync/stored"
)

// RequestAnnotation of a Sync asks for a poll and another try of a failed head; its value is new with every request.
// One that ends in requestedInFull has every object compared with what the commit asks for, whatever is known of it.
const (
	RequestAnnotation = "daemongate.io/requested-at"
	requestedInFull   = " full"
)

// releaseAnnotation names the settled commit that a person lets go on, and when, so that it can be said again.
const releaseAnnotation = "daemongate.io/release"

// enter returns the loop of a Sync, with the newest spec. A new one begins with the status that the API server
// has, not with an informer's that may be behind.
func (c *Controller) enter(ctx context.Context, key string, seen *api.Sync) (*syncLoop, error) {
	l, newest := c.loop(key), *seen // what it points to is the informer's, and nobody changes that
	if l != nil && (anotherLoop(l.sync, seen) || isElsewhere(ctx, l, &newest)) {
		c.forget(key)
		l = nil
	}
	if l == nil {
		return c.open(ctx, key, seen)
	}
	if newer := isNewer(seen.ResourceVersion, l.saved.version); newer {
		if isHeld(l.sync) && !isHeld(seen) { // if we have never held it, that is not allowed
			seen = seen.DeepCopy()
			c.holdOn(ctx, seen)
		}
		if equality.Semantic.DeepEqual(seen.Status, l.saved.server) {
			l.saved.version = seen.ResourceVersion // somebody has written the rest of it
		}
	}
	if seen.ResourceVersion == l.saved.version {
		shareStatus(l, seen)
	}
	if seen.Generation >= l.sync.Generation {
		newest = *seen
		newest.Status = l.sync.Status
		l.sync = &newest
	}
	if r := seen.Annotations[RequestAnnotation]; r != l.request {
		l.request, l.retryRequested = r, true
		if strings.HasSuffix(r, requestedInFull) {
			l.drift.forget()
		}
		l.source.Ask()
	}
	return l, nil
}

// shareStatus has a loop keep the status that an informer keeps anyway, in place of its own, if they say the same. It
// is asked once for each version.
func shareStatus(l *syncLoop, seen *api.Sync) {
	if l.saved.shared == seen.ResourceVersion {
		return
	}
	l.saved.shared, l.saved.server = seen.ResourceVersion, seen.Status
	left := l.sync.Status.Left // which alone is not worth a write
	decided := l.sync.Status
	decided.Left = l.saved.status.Left
	if !equality.Semantic.DeepEqual(l.saved.status, seen.Status) {
		return // the inventory is stored beside it
	}
	if equality.Semantic.DeepEqual(decided, seen.Status) {
		l.sync.Status = seen.Status
		l.sync.Status.Left = left
	}
	l.saved.status = seen.Status
}

// destination is the cluster that a Sync's objects are in, nil if it is the Sync's own. The Sync has another turn when
// that has to be asked anew.
func destination(ctx context.Context, c *Controller, key string, s *api.Sync) *Destination {
	there, again := c.Connect.Destination(ctx, s)
	if again > 0 {
		c.queue.AddAfter(key, again)
	}
	return there
}

// isElsewhere reports whether a Sync's objects are reached by another connection than its loop has. What that one saw,
// and what is remembered of it, is then made anew from the status. The Sync is given the status that its loop has.
func isElsewhere(ctx context.Context, l *syncLoop, newest *api.Sync) bool {
	newest.Status = l.sync.Status // which may be newer than the informer's
	return destination(ctx, l.Controller, l.key, newest) != l.there
}

// open makes the loop of a Sync that this process has not met.
func (c *Controller) open(ctx context.Context, key string, seen *api.Sync) (*syncLoop, error) {
	sync, err := held(ctx, c, seen)
	if err != nil {
		return nil, err
	}
	repo, err := c.Connect.Repository(ctx, sync)
	switch {
	case gitsource.IsMistake(err):
		repo = source.Broken(err)
	case err != nil:
		return nil, err
	}
	saved := savedStatus{server: *sync.Status.DeepCopy(), version: sync.ResourceVersion}
	if saved.status, err = recallInventory(ctx, c, sync); err != nil {
		return nil, err
	}
	l := &syncLoop{placed: placed{c, destination(ctx, c, key, sync)}, key: key, sync: sync, saved: saved,
		request: sync.Annotations[RequestAnnotation]}
	l.life, l.stop = context.WithCancel(ctx)
	l.source = source.Open(sync, l.Now(), source.Options{Repository: repo, Base: c.Connect.Base,
		Signers: c.Connect.Signers, Speakers: c.Connect.Speakers, Notes: c.Connect.Notes,
		Statuses: c.Connect.Statuses, Life: l.life, Background: l.background.Go, Panicked: tellsPanics(c, key),
		Wake: func(at time.Time) { wake(l, at) }})
	if l.outlets, err = openOutlets(ctx, c, sync); err != nil {
		l.stop()
		return nil, err
	}
	l.drift.forgotten = sync.Status.StoredInventory != nil && len(sync.Status.Inventory) == 0
	l.background.Go(func() { l.deliver("the outbox", l.outbox.Run) })
	if l.notices != nil {
		l.background.Go(func() { l.deliver("the notifications", l.notices.Run) })
	}
	l.follow()
	l.recallDeath()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loops[key] = l
	return l, nil
}

// recallInventory reads an inventory that is stored beside the status. One that is lost is told of, and there is none.
func recallInventory(ctx context.Context, c *Controller, s *api.Sync) (written api.SyncStatus, err error) {
	written, err = c.Syncs.Inventories.Fill(ctx, s)
	if lost := (*stored.LostError)(nil); stderrors.As(err, &lost) {
		c.Teller.Tell(s, troubleNews(err))
		return written, nil
	}
	return written, err
}

// deliver runs what tells somebody until the loop ends. What panics in it is tried again, with pauses that grow.
func (l *syncLoop) deliver(what string, run func(context.Context)) {
	for attempt := 1; ; attempt++ {
		p := panics.Catch(what, func() { run(l.life) })
		if p == nil {
			return
		}
		l.tellPanic(named(l.key), p)
		select {
		case <-l.life.Done():
			return
		case <-time.After(backoff.After(attempt, time.Second, 5*time.Minute)):
		}
	}
}

// tellsPanics tells of a panic in what runs beside the turns of a Sync.
func tellsPanics(c *Controller, key string) func(*panics.Panic) {
	return func(p *panics.Panic) { c.tellPanic(named(key), p) }
}

// trouble tells of an error of a Sync's, and counts it if it is a panic. That nothing may be written is told once, by
// tellBarred, and not by each write that is tried.
func (c *Controller) trouble(s *api.Sync, err error) {
	if b := (*Barred)(nil); stderrors.As(err, &b) {
		return
	}
	if p := (*panics.Panic)(nil); stderrors.As(err, &p) {
		c.tellPanic(s, p)
		return
	}
	c.Teller.Tell(s, troubleNews(err))
}

// openOutlets opens what tells the Sync's Git host and its receiver, each nil if there is none to tell.
func openOutlets(ctx context.Context, c *Controller, s *api.Sync) (to outlets, err error) {
	trouble := func(of string) func(error) {
		return func(err error) { c.Teller.Tell(s, troubleNews(fmt.Errorf("%s: %w", of, err))) }
	}
	if to.outbox, err = outbox.Open(ctx, outbox.Options{Sync: s, Cluster: c.Cluster, ConfigMaps: c.ConfigMaps,
		Reporter: c.Connect.Reporter, Trouble: trouble("report")}); err != nil {
		return to, err
	}
	to.notices, err = notify.Open(ctx, notify.Options{Sync: s, Cluster: c.Cluster, ConfigMaps: c.ConfigMaps,
		Receiver: c.Connect.Receiver, Trouble: trouble("notify")})
	return to, err
}

// anotherLoop reports whether what is kept in memory is of no use any more: the Sync was made anew, or it has
// another repository, or others to tell. The commits of another repository are another history.
func anotherLoop(known, seen *api.Sync) bool {
	if known.UID != seen.UID {
		return true
	}
	return seen.Generation > known.Generation &&
		!(equality.Semantic.DeepEqual(seen.Spec.Source, known.Spec.Source) &&
			equality.Semantic.DeepEqual(seen.Spec.Report, known.Spec.Report))
}

// held reads a Sync, with our finalizer on it, if what is seen of it may be behind.
func held(ctx context.Context, c *Controller, seen *api.Sync) (*api.Sync, error) {
	if c.Syncs.vouchedFor(seen) {
		if sync := seen.DeepCopy(); c.holdOn(ctx, sync) {
			return sync, nil
		}
	}
	for attempt := 0; ; attempt++ {
		sync, err := c.Syncs.Get(ctx, seen.Namespace, seen.Name)
		if err != nil {
			return nil, err
		}
		if done := c.holdOn(ctx, sync); done || attempt == 3 {
			return sync, nil
		}
	}
}

// holdOn puts our finalizer on a Sync, before anything is written for it, and again if somebody took it off. Where that
// is not allowed the Sync is looked after all the same, and what it has written stays when it is deleted. It reports
// false if somebody else has written the Sync since it was read.
func (c *Controller) holdOn(ctx context.Context, s *api.Sync) (done bool) {
	if isHeld(s) || s.DeletionTimestamp != nil {
		return true
	}
	err := c.Syncs.SetFinalizers(ctx, s, append(slices.Clone(s.Finalizers), api.Finalizer))
	if errors.IsConflict(err) {
		return false
	}
	if err != nil && ctx.Err() == nil {
		c.Teller.Tell(s, troubleNews(fmt.Errorf("nobody would see to what it has written when it is deleted: %w", err)))
	}
	return true
}

// isNewer reports whether a version that the informer has is newer than the one that was read or written last: the
// informer may be behind what this process has written itself.
func isNewer(seen, known string) bool {
	order, err := resourceversion.CompareResourceVersion(seen, known)
	return err != nil || order > 0
}

func isHeld(s *api.Sync) bool { return slices.Contains(s.Finalizers, api.Finalizer) }

// isBeingDeleted reports whether the informer has a Sync that is being deleted, whether or not its spec can be read.
func isBeingDeleted(store seenSyncs, key string) bool {
	o, exists, err := store.get(key)
	s, is := o.(metav1.Object)
	return err == nil && exists && is && s.GetDeletionTimestamp() != nil
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
	before, err := recallInventory(ctx, c, s)
	if err != nil {
		return err
	}
	at := placed{Controller: c}
	if len(s.Status.Inventory) > 0 {
		at.there = destination(ctx, c, key, s)
	}
	at.correctTimes(s, at.Now())
	wake, err := deletion.Turn(ctx, s, inventoryOf(s), deletion.Options{
		Now: at.Now, Bound: c.LetGoAfter, Save: savesLeaving(c, before), StoppedForAll: c.Syncs.Stop.State().Obstacle(),
		Writer: func(s *api.Sync) (deletion.Writer, error) { return c.Connect.Writer(s) },
		Finish: func(ctx context.Context, s *api.Sync) error {
			if err := c.Syncs.Inventories.Release(ctx, s); err != nil {
				return err
			}
			rest := slices.DeleteFunc(slices.Clone(s.Finalizers), func(f string) bool { return f == api.Finalizer })
			return c.Syncs.SetFinalizers(ctx, s, rest)
		},
		Deleted: func(s *api.Sync, gone manifests.Inventory) { c.Teller.Tell(s, deletedNews(s, gone)) },
		Warn:    func(s *api.Sync, text string) { c.Teller.Tell(s, flightNews(s, NewsDeleting, text)) },
	})
	if err == nil && !wake.IsZero() {
		c.queue.AddAfter(key, wake.Sub(at.Now()))
	}
	return err
}

func deletedNews(s *api.Sync, gone manifests.Inventory) News {
	n := prunedNews(s, gone)
	n.Message.Private = fmt.Sprintf("deleted %s, with the Sync that wrote it", english.Count(len(gone), "object"))
	return n
}
