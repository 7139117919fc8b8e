package sync

import (
	"context"
	"fmt"
	"slices"
	gosync "sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/summary"
)

// Ready reports whether the Syncs have been read once.
func (c *Controller) Ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known != nil
}

// Find returns a Sync as it was last seen, without asking the API server; nil if there is none. All who ask share it.
func (c *Controller) Find(key string) *api.Sync {
	c.mu.Lock()
	store := c.known
	c.mu.Unlock()
	if store == nil {
		return nil
	}
	s, err := seen(store, key)
	if err != nil {
		return nil
	}
	return s
}

// Known returns every Sync as it was last seen, without asking the API server. All who ask share them.
func (c *Controller) Known() []*api.Sync {
	var all []*api.Sync
	for _, key := range c.keys() {
		if s := c.Find(key); s != nil {
			all = append(all, s)
		}
	}
	return all
}

// seenSyncs are the Syncs as the informers have them, by the namespace that each of these watches, which is empty if
// one watches all.
type seenSyncs map[string]cache.Store

func (s seenSyncs) get(key string) (o any, exists bool, err error) {
	namespace, _, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return nil, false, err
	}
	for _, watched := range []string{namespace, metav1.NamespaceAll} {
		if store := s[watched]; store != nil {
			return store.GetByKey(key)
		}
	}
	return nil, false, nil
}

func (s seenSyncs) keys() (all []string) {
	for _, store := range s {
		all = append(all, store.ListKeys()...)
	}
	return all
}

// byWhomTheyWaitFor is the informers' index of Syncs by the keys of those that go before them.
const byWhomTheyWaitFor = "after"

// placesIn are the namespaces to watch; the empty one is all.
func placesIn(namespaces []string) []string {
	if len(namespaces) == 0 {
		return []string{metav1.NamespaceAll}
	}
	return slices.Compact(slices.Sorted(slices.Values(namespaces)))
}

func (c *Controller) keys() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		return nil
	}
	return c.known.keys()
}

// followStop keeps up with the stop switch, and reports whether it has been read or is known to be unreadable.
func (c *Controller) followStop(ctx context.Context, running *gosync.WaitGroup) (read cache.InformerSynced) {
	if c.Syncs.Stop == nil {
		return func() bool { return true }
	}
	var done atomic.Bool
	wakeAll := func() {
		for _, key := range c.keys() {
			c.queue.Add(key)
		}
	}
	running.Go(func() { c.Syncs.Stop.Follow(ctx, func() { done.Store(true) }, wakeAll) })
	return done.Load
}

// Undelivered is how many commits have a state that was not told yet to each Sync's Git host, by the Sync's key; of
// those Syncs that report.
func (c *Controller) Undelivered() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := map[string]int{}
	for key, l := range c.loops {
		if l.outbox != nil {
			counts[key] = l.outbox.Waiting()
		}
	}
	return counts
}

// Unnotified is how many notifications each Sync's receiver has not taken yet, by the Sync's key; of those Syncs that
// have them sent.
func (c *Controller) Unnotified() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := map[string]int{}
	for key, l := range c.loops {
		if l.notices != nil {
			counts[key] = l.notices.Waiting()
		}
	}
	return counts
}

func (c *Controller) loop(key string) *syncLoop {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loops[key]
}

const vouchedAtOnce = 250

// newestVersions are those that the API server had at one time, by the Syncs' keys. What the informer has is not older
// than these, if it is one of them or newer.
type newestVersions struct {
	mu    gosync.Mutex
	byKey map[string]string
}

// vouch asks the API server once for what it has of all Syncs of these namespaces, as of now.
func (s *Syncs) vouch(ctx context.Context, namespaces []string) error {
	newest := map[string]string{}
	for _, namespace := range namespaces {
		page := metav1.ListOptions{Limit: vouchedAtOnce} // some statuses are large
		for more := true; more; more = page.Continue != "" {
			list, err := s.client.Resource(api.Resource).Namespace(namespace).List(ctx, page)
			if err != nil {
				return fmt.Errorf("list Syncs: %w", err)
			}
			for i := range list.Items {
				o := &list.Items[i]
				newest[o.GetNamespace()+"/"+o.GetName()] = o.GetResourceVersion()
			}
			page.Continue = list.GetContinue()
		}
	}
	s.newest.mu.Lock()
	defer s.newest.mu.Unlock()
	s.newest.byKey = newest
	return nil
}

// vouchedFor reports whether a Sync as the informer has it is as new as when this process began, in which nobody has
// written it yet. That is so once at most: from then on this process may have written it.
func (s *Syncs) vouchedFor(seen *api.Sync) bool {
	s.newest.mu.Lock()
	defer s.newest.mu.Unlock()
	key := seen.Namespace + "/" + seen.Name
	version, known := s.newest.byKey[key]
	delete(s.newest.byKey, key)
	return known && (version == seen.ResourceVersion || isNewer(seen.ResourceVersion, version))
}

// unreadReason is the reason of the conditions of a Sync that cannot be read.
const unreadReason = "Unreadable"

// unread is what is known of a Sync that cannot be read: its name, and its status with the reason why. A spec that the
// schema of today refuses may have been stored under an older one.
func unread(u *unstructured.Unstructured, why error, now time.Time) *api.Sync {
	s := &api.Sync{TypeMeta: metav1.TypeMeta{APIVersion: u.GetAPIVersion(), Kind: u.GetKind()},
		ObjectMeta: metav1.ObjectMeta{Namespace: u.GetNamespace(), Name: u.GetName(), UID: u.GetUID(),
			Generation: u.GetGeneration(), ResourceVersion: u.GetResourceVersion(),
			CreationTimestamp: u.GetCreationTimestamp()}}
	if status, found, _ := unstructured.NestedMap(u.Object, "status"); found &&
		runtime.DefaultUnstructuredConverter.FromUnstructured(status, &s.Status) != nil {
		s.Status = api.SyncStatus{}
	}
	s.Status.ObservedGeneration = u.GetGeneration()
	summary.Stall(&s.Status, unreadReason, "the Sync cannot be read, so nothing is done: "+api.TextOf(why), now)
	return s
}

// stallUnread says in the status of a Sync that cannot be read why, and tells it once. The others go on.
func (c *Controller) stallUnread(ctx context.Context, store seenSyncs, key string, why error) error {
	o, _, err := store.get(key)
	u, ok := o.(*unstructured.Unstructured)
	if _, mended := o.(*api.Sync); mended {
		return nil // it has its turn by that
	}
	if err != nil || !ok {
		return why
	}
	s := unread(u, why, c.Now())
	before, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	if after := conditionsOf(s); equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	if err := c.Syncs.saveUnread(ctx, s); err != nil {
		return err
	}
	c.Teller.Tell(s, troubleNews(why))
	return nil
}

// conditionsOf are the conditions as the API server has them.
func conditionsOf(s *api.Sync) []any {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&s.Status)
	if err != nil {
		return nil
	}
	list, _, _ := unstructured.NestedSlice(content, "conditions")
	return list
}
