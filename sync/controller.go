// Package sync brings a cluster to the newest commit of a Git ref, one commit at a time.
//
// The gate decides, without I/O, clock or log; the Controller looks, asks the gate, and does what it decided.
package sync

import (
	"context"
	"errors"
	"fmt"
	"strings"
	gosync "sync"
	"time"

	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/daemongate/daemongate/sync/alerts"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/deaths"
	"github.com/daemongate/daemongate/sync/fairqueue"
	"github.com/daemongate/daemongate/sync/panics"
	"github.com/daemongate/daemongate/sync/source"
	"github.com/daemongate/daemongate/sync/stored"
	"github.com/daemongate/daemongate/sync/turns"
)

// Controller brings every Sync of a cluster to its newest commit.
//
// Informers, polls and timers only wake a Sync. What is to be done is decided in its turn, from everything
// that can be seen then; so a restart, a lost wake or a doubled one changes nothing.
type Controller struct {
	Syncs    *Syncs
	Connect  Connections
	Observer Observer
	// Renders renders what commits ask for.
	Renders Renderer
	// ConfigMaps hold the outboxes.
	ConfigMaps corev1.ConfigMapsGetter
	Teller     Teller
	// Now is the clock: the API server's, where it differs from this machine's.
	Now func() time.Time
	// Namespaces restrict the controller to their Syncs; those of all namespaces if empty.
	Namespaces []string
	// Cluster tells the reports of several clusters about one commit apart.
	Cluster string
	// Workers is how many Syncs have their turn at once, beside those whose turn waits for a server.
	Workers int
	// Preparing bounds what is prepared beside the turns.
	Preparing PreparingOptions
	// Ticked is told how long each turn of a Sync took, if it is set.
	Ticked func(took time.Duration)
	// LetGoAfter is how long what may not be deleted keeps a deleted Sync; deletion.LetGoAfter if 0.
	LetGoAfter time.Duration
	// Panicked is told of every panic and whose it was, if it is set: with the stack, which is not for Events.
	Panicked func(s *api.Sync, p *panics.Panic)

	common
	setbacks panics.Setbacks

	queue *turns.Queue
	mu    gosync.Mutex
	loops map[string]*syncLoop
	known seenSyncs // once they have been read
}

// common is what the Syncs share besides the servers.
type common struct {
	preparations *fairqueue.Queue
	alerts       *alerts.Askers
}

// PreparingOptions bound how many commits are prepared at once, and what any Sync's renders may take.
type PreparingOptions struct {
	Queue   fairqueue.Options
	Renders RenderCeilings
	// Marks outlive a process that ends while something is prepared; nil for none.
	Marks *deaths.Marks
}

// Run works until the context ends.
func (c *Controller) Run(ctx context.Context) error {
	c.start()
	var running gosync.WaitGroup
	c.alerts = alerts.NewAskers(ctx, alerts.Options{Now: c.Now, Beside: running.Go,
		Panicked: func(key string, p *panics.Panic) { c.tellPanic(named(key), p) }})
	known := seenSyncs{}
	var read []cache.InformerSynced
	for _, namespace := range placesIn(c.Namespaces) {
		informer := c.Syncs.Informer(namespace)
		if err := c.wakeOnChange(informer); err != nil {
			return err
		}
		known[namespace], read = informer.GetStore(), append(read, informer.HasSynced)
		running.Go(func() { informer.RunWithContext(ctx) })
	}
	read = append(read, c.followStop(ctx, &running))
	if !cache.WaitForCacheSync(ctx.Done(), read...) {
		running.Wait()
		return fmt.Errorf("the Syncs could not be read: %w", context.Cause(ctx))
	}
	if err := c.Syncs.vouch(ctx, placesIn(c.Namespaces)); err != nil && ctx.Err() == nil {
		c.Teller.Tell(&api.Sync{}, troubleNews(err)) // each is read by itself
	}
	c.mu.Lock()
	c.known = known
	c.mu.Unlock()
	running.Go(func() { c.queue.Serve(func(key string) { c.work(ctx, known, key) }) })
	<-ctx.Done()
	c.queue.ShutDown()
	running.Wait()
	for _, l := range c.loops {
		l.background.Wait()
		l.drift.close()
		l.endVigil()
		l.Observer().Unwatch(l.key)
	}
	return nil
}

// start makes what the work needs. Webhooks and whoever reads the metrics may ask before.
func (c *Controller) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loops = map[string]*syncLoop{}
	if c.preparations == nil {
		c.preparations = fairqueue.New(c.Preparing.Queue)
	}
	c.queue = turns.New(turns.Options{Places: c.Workers, Urgent: func(key string) bool {
		l := c.loop(key)
		return l != nil && l.urgent.Load()
	}})
}

// Preparations is the queue of all renders of a controller, also of those that are only to be shown: one that a brake
// may wait for has them end. It may be asked for before Run.
func Preparations(c *Controller) *fairqueue.Queue {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.preparations == nil {
		c.preparations = fairqueue.New(c.Preparing.Queue)
	}
	return c.preparations
}

// Poll has a Sync's repository polled now, as a webhook asks, and by all others to whom the push is news.
func (c *Controller) Poll(key string) {
	if l := c.loop(key); l != nil {
		l.source.Push()
		c.queue.Add(key)
	}
	c.PollOthers(key)
}

// PollOthers has the other Syncs of a Sync's repository poll if they follow a ref that was pushed to.
func (c *Controller) PollOthers(key string) {
	now := time.Now()
	c.mu.Lock()
	of := c.loops[key]
	all := make([]source.Follower, 0, len(c.loops))
	for other, l := range c.loops {
		all = append(all, follower(other, l))
	}
	c.mu.Unlock()
	if of == nil || len(all) == 1 {
		return
	}
	go func() {
		p := panics.Catch("telling others of a push", func() {
			for _, f := range source.Pushed(of.life, follower(key, of), all, now) {
				c.queue.Add(f.Namespace + "/" + f.Name)
			}
		})
		if p != nil {
			c.tellPanic(named(key), p)
		}
	}()
}

func follower(key string, l *syncLoop) source.Follower {
	namespace, name, _ := strings.Cut(key, "/")
	return source.Follower{Source: l.source, Namespace: namespace, Name: name}
}

func (c *Controller) wakeOnChange(informer cache.SharedIndexInformer) error {
	after := informer.GetIndexer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { c.wake(o, after) },
		UpdateFunc: func(_, o any) { c.wake(o, after) },
		DeleteFunc: func(o any) { c.wake(o, after) },
	})
	return err
}

// wake gives a turn to a Sync of which an informer has told, and to those that wait for it. client-go would end the
// process for a panic here.
func (c *Controller) wake(o any, after ...cache.Indexer) {
	p := panics.Catch("waking a Sync", func() {
		key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(o)
		if err != nil {
			return
		}
		c.queue.Add(key)
		for _, index := range after {
			waiting, _ := index.IndexKeys(byWhomTheyWaitFor, key) // every informer of Syncs has the index
			for _, other := range waiting {
				c.queue.Add(other)
			}
		}
	})
	if p != nil {
		c.tellPanic(&api.Sync{}, p)
	}
}

func (c *Controller) work(ctx context.Context, store seenSyncs, key string) {
	began := time.Now()
	c.give(ctx, store, key)
	if c.Ticked != nil {
		c.Ticked(time.Since(began))
	}
}

// give gives one Sync its turn. What panics in it ends this turn, and nothing else: the Sync begins anew after a pause,
// from what is remembered in the cluster, as after a restart.
func (c *Controller) give(ctx context.Context, store seenSyncs, key string) {
	if rests := c.setbacks.Rests(key, time.Now()); rests > 0 {
		c.queue.AddAfter(key, rests)
		return
	}
	p := panics.Catch("the turn of Sync "+key, func() { c.turn(ctx, store, key) })
	if p == nil {
		c.setbacks.Forget(key)
		return
	}
	pause := c.setbacks.Note(key, time.Now())
	c.tellPanic(named(key), p)
	stall := func() { c.saveStalled(ctx, key, "Panicked", api.TextOf(p)) }
	for _, next := range []func(){func() { c.forget(key) }, stall} {
		if more := panics.Catch(p.Doing, next); more != nil {
			c.tellPanic(named(key), more)
		}
	}
	c.queue.AddAfter(key, pause)
}

// tellPanic tells of a panic, also if it is the Teller's own.
func (c *Controller) tellPanic(s *api.Sync, p *panics.Panic) {
	if c.Panicked != nil {
		c.Panicked(s, p)
	}
	if known := c.Find(s.Namespace + "/" + s.Name); known != nil {
		s = known
	}
	_ = panics.Catch("telling", func() { c.Teller.Tell(s, News{Kind: NewsPanicked, Message: privately(p)}) })
}

// turn gives one Sync its turn.
func (c *Controller) turn(ctx context.Context, store seenSyncs, key string) {
	if isBeingDeleted(store, key) {
		c.again(ctx, key, named(key), c.leave(ctx, key))
		return
	}
	sync, err := seen(store, key)
	switch {
	case err != nil:
		c.forget(key)
		sync, err = named(key), c.stallUnread(ctx, store, key, err)
	case sync == nil:
		if l := c.forget(key); l != nil {
			l.source.LetGo(l.sync)
		}
		return
	default:
		err = c.goRound(ctx, key, sync)
	}
	if errors.Is(err, errStatusChanged) || errors.Is(err, errSetBack) || errors.Is(err, stored.ErrChanged) {
		c.forget(key) // what is kept in memory is not what the status says, or is dated otherwise
	}
	c.again(ctx, key, sync, err)
}

// again has a turn that failed be tried again.
func (c *Controller) again(ctx context.Context, key string, sync *api.Sync, err error) {
	if err != nil && ctx.Err() == nil {
		c.Teller.Tell(sync, troubleNews(err))
		c.queue.AddRateLimited(key)
		return
	}
	c.queue.Forget(key)
}

// goRound gives the loop of a Sync its turn.
func (c *Controller) goRound(ctx context.Context, key string, sync *api.Sync) error {
	l, err := c.enter(ctx, key, sync)
	if err != nil {
		return err
	}
	l.advise()
	tellBarred(l)
	return l.tick(ctx)
}

// named is a Sync of which no more is known than its name.
func named(key string) *api.Sync {
	s := &api.Sync{}
	s.Namespace, s.Name, _ = cache.SplitMetaNamespaceKey(key) // made by the informer
	return s
}

// seen returns the Sync as the informer has it, nil if it is gone.
func seen(store seenSyncs, key string) (*api.Sync, error) {
	o, exists, err := store.get(key)
	if err != nil || !exists {
		return nil, err
	}
	return FromInformer(o)
}

// forget drops what is kept in memory for a Sync that is gone, and returns it. What it wrote stays in the cluster.
func (c *Controller) forget(key string) *syncLoop {
	c.mu.Lock()
	l := c.loops[key]
	delete(c.loops, key)
	c.mu.Unlock()
	if l != nil {
		l.stop()
		l.drift.close()
		l.endVigil()
		l.Observer().Unwatch(key)
	}
	return l
}
