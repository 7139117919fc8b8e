package observe

import (
	"context"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/observe/watches"
	"github.com/daemongate/daemongate/rollout/trim"
)

// eventWatch holds the Events of one namespace that can be evidence, by the object that they are about. It is what
// client-go's reflector writes to.
type eventWatch struct {
	watching
	news   func(about corev1.ObjectReference) // called without any lock held
	cancel context.CancelFunc

	mu    sync.Mutex
	held  trim.Evidence
	order []types.UID // the objects in the order in which they were first heard of
	known map[types.UID]bool
	list  []*corev1.Event // all that are held, in that order; nil if that has changed
}

// watchEvents watches the Events of a namespace until they are cancelled.
func (o *Observer) watchEvents(namespace string) *eventWatch {
	e := &eventWatch{held: trim.Evidence{}, known: map[types.UID]bool{}}
	e.watching = watching{kind: rollout.KindEvents, namespace: namespace, changed: func() {
		o.poke(func(w *daemonSetWatch) bool { return w.name.Namespace == namespace })
	}}
	e.news = func(about corev1.ObjectReference) {
		o.poke(func(w *daemonSetWatch) bool { return w.name.Namespace == namespace && w.concerns(about) })
	}
	e.cancel = follow(o, o.clients.Core.Events(namespace), watches.Selection{}, &corev1.Event{}, e)
	return e
}

// all returns the Events that are held of the namespace. The slice is shared: of two looks between which nothing has
// happened it is the same, and otherwise what is the same in both stands in the same order.
func (e *eventWatch) all() []*corev1.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.list != nil {
		return e.list
	}
	for uid := range e.held {
		if !e.known[uid] {
			e.known[uid], e.order = true, append(e.order, uid)
		}
	}
	e.list = make([]*corev1.Event, 0, len(e.held))
	e.order = slices.DeleteFunc(e.order, func(uid types.UID) bool {
		events, held := e.held[uid]
		if !held {
			delete(e.known, uid)
		}
		e.list = append(e.list, events...)
		return !held
	})
	return e.list
}

// Add, Update, Delete, Replace and Resync are called by client-go's reflector.
func (e *eventWatch) Add(o any) error { return e.Update(o) }

// Update keeps a new or changed Event.
func (e *eventWatch) Update(o any) error {
	event, ok := o.(*corev1.Event)
	if !ok {
		return fmt.Errorf("events: a %T does not belong here", o)
	}
	event = trim.Event(event)
	if e.put(event) {
		e.news(event.InvolvedObject)
	}
	return nil
}

func (e *eventWatch) put(event *corev1.Event) (news bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = nil // also what is no news may be another version
	return e.held.Put(event)
}

// Delete forgets an Event. That its time has run out is no news.
func (e *eventWatch) Delete(o any) error {
	event, ok := o.(*corev1.Event)
	if !ok {
		return fmt.Errorf("events: a %T does not belong here", o)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = nil
	e.held.Remove(event.InvolvedObject.UID, func(old *corev1.Event) bool { return old.Name == event.Name })
	return nil
}

// Replace keeps exactly these Events: all that there are.
func (e *eventWatch) Replace(objects []any, _ string) error {
	events := make([]*corev1.Event, 0, len(objects))
	for _, o := range objects {
		event, ok := o.(*corev1.Event)
		if !ok {
			return fmt.Errorf("events: a %T does not belong here", o)
		}
		events = append(events, trim.Event(event))
	}
	held := trim.Evidence{}
	held.PutAll(events)
	e.mu.Lock()
	keepVersions(held, e.held)
	e.held, e.list = held, nil
	e.mu.Unlock()
	e.read()
	e.changed()
	return nil
}

// keepVersions has Events that are as they were stay the very same.
func keepVersions(now, before trim.Evidence) {
	for uid, events := range now {
		for i, event := range events {
			for _, was := range before[uid] {
				if was.Name == event.Name && equality.Semantic.DeepEqual(was, event) {
					events[i] = was
				}
			}
		}
	}
}

// Resync does nothing: what is held is never acted on a second time.
func (e *eventWatch) Resync() error { return nil }

// Transformer has the reflector trim what it collects before it calls Replace.
func (e *eventWatch) Transformer() toolscache.TransformFunc {
	return func(o any) (any, error) {
		if event, ok := o.(*corev1.Event); ok {
			return trim.Event(event), nil
		}
		return o, nil
	}
}
