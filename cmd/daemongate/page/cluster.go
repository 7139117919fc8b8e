package page

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	gosync "sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"

	"github.com/daemongate/daemongate/cmd/daemongate/follow"
	"github.com/daemongate/daemongate/gitsource/remote"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// How long a page waits for what it shows, and how often a Sync is read where no watch of it may be had.
const (
	patience  = 10 * time.Second
	readPause = 2 * time.Second
)

// watched is the Syncs of the cluster while somebody looks at them, and those of them that somebody looks into.
type watched struct {
	syncs   *sync.Syncs
	begin   func(*api.Sync) (follow.Follower, error)
	end     func()
	ctx     context.Context
	running gosync.WaitGroup
	changed bell
	lists   map[string]*listed // by namespace, "" for all
	lingers time.Duration
	mu      gosync.Mutex
	into    map[string]*shared[*looked]
}

// listed is the Syncs of one namespace, or of all, as a watch has them.
type listed struct {
	informer cache.SharedIndexInformer

	mu      gosync.Mutex
	refused error  // why they cannot be listed
	at      string // the version that was read before that
}

// watch begins to watch the Syncs.
func watch(namespaces []string, syncs *sync.Syncs, open func() (Sight, error), lingers time.Duration) *watched {
	// Whoever looks is told what cannot be read; nobody reads client-go's own log of it.
	ctx, cancel := context.WithCancel(logr.NewContext(context.Background(), logr.Discard()))
	w := &watched{syncs: syncs, ctx: ctx, lists: map[string]*listed{}, lingers: lingers,
		into: map[string]*shared[*looked]{}}
	flights, err := open()
	if err != nil { // as it was not when the page was made
		flights = Sight{Stop: func() {}, Follow: func(*api.Sync) (follow.Follower, error) { return nil, err }}
	}
	w.begin, w.end = flights.Follow, func() { cancel(); w.running.Wait(); flights.Stop() }
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	for _, namespace := range namespaces {
		l := &listed{informer: syncs.Informer(namespace)}
		w.lists[namespace] = l
		// Neither can fail: the informer does not run yet.
		_ = l.informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) {
			l.refuse(err)
			w.changed.ring()
		})
		_ = l.informer.SetTransform(take)
		_, _ = l.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { w.changed.ring() },
			UpdateFunc: func(any, any) { w.changed.ring() },
			DeleteFunc: func(any) { w.changed.ring() },
		})
		w.running.Go(func() { l.informer.RunWithContext(ctx) })
	}
	return w
}

// stop ends all watches.
func (w *watched) stop() {
	w.mu.Lock()
	rooms := w.into
	w.into = map[string]*shared[*looked]{}
	w.mu.Unlock()
	for _, one := range rooms {
		one.end()
	}
	w.end()
}

func (l *listed) refuse(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused, l.at = nil, l.informer.LastSyncResourceVersion()
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err) {
		l.refused = err
	}
}

// refusal is why the Syncs cannot be listed; nil once they have been.
func (l *listed) refusal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused != nil && l.informer.LastSyncResourceVersion() != l.at {
		l.refused = nil
	}
	return l.refused
}

// ready waits until the Syncs have been read, or cannot be.
func (w *watched) ready(ctx context.Context, l *listed) error {
	for {
		changed := w.changed.next()
		if err := l.refusal(); err != nil {
			return fmt.Errorf("list Syncs: %w", err)
		}
		if l.informer.HasSynced() {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("list Syncs: %w", ctx.Err())
		case <-changed:
		case <-time.After(50 * time.Millisecond): // nothing is told of a list without any
		}
	}
}

// all are the Syncs that can be listed. The error says which cannot.
func (w *watched) all(ctx context.Context) ([]*api.Sync, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var all []*api.Sync
	var unread error
	for _, l := range w.lists {
		if err := w.ready(ctx, l); err != nil {
			unread = errors.Join(unread, err)
			continue
		}
		for _, o := range l.informer.GetStore().List() {
			if s, is := o.(*api.Sync); is {
				all = append(all, s)
			}
		}
	}
	slices.SortFunc(all, func(a, b *api.Sync) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return all, unread
}

// one reads a Sync: as the watch has it, or from the API server where there is none.
func (w *watched) one(ctx context.Context, namespace, name string) (s *api.Sync, isWatched bool, err error) {
	l := w.lists[namespace]
	if l == nil {
		l = w.lists[""]
	}
	if l == nil || w.ready(ctx, l) != nil {
		if s, err = w.syncs.Get(ctx, namespace, name); err != nil {
			return nil, false, err
		}
		return withoutSecrets(s), false, nil
	}
	o, _, err := l.informer.GetStore().GetByKey(namespace + "/" + name)
	if s, is := o.(*api.Sync); is && err == nil {
		return s, true, nil
	}
	return nil, true, apierrors.NewNotFound(schema.GroupResource{Group: api.Resource.Group,
		Resource: api.Resource.Resource}, name)
}

// take is a Sync as it is kept.
func take(o any) (any, error) {
	u, is := o.(*unstructured.Unstructured)
	if !is {
		return o, nil
	}
	return withoutSecrets(sync.Listed(u, time.Now())), nil
}

// withoutSecrets takes out of a Sync what somebody may have written into it that is not to be shown.
func withoutSecrets(s *api.Sync) *api.Sync {
	s.Spec.Source.URL = remote.WithoutPassword(s.Spec.Source.URL)
	delete(s.Annotations, corev1.LastAppliedConfigAnnotation) // the same once more, as it was written
	return s
}
