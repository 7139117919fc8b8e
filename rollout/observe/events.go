package observe

import (
	"context"
	"fmt"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/trim"
)

// eventWatch holds the Events of one namespace that can be evidence, by the object that they are about. It is what
// client-go's reflector writes to.
type eventWatch struct {
	watching
	news   func(about corev1.ObjectReference) // called without any lock held
	cancel context.CancelFunc
	users  int // DaemonSets; guarded by the Observer

	mu   sync.RWMutex
	held trim.Evidence
}

// useEvents watches the Events of a namespace while a DaemonSet in it is watched. The Observer's lock is held.
func (o *Observer) useEvents(namespace string) {
	e := o.events[namespace]
	if e == nil {
		e = &eventWatch{held: trim.Evidence{}}
		e.watching = watching{kind: rollout.KindEvents, namespace: namespace, changed: func() {
			o.poke(func(w *daemonSetWatch) bool { return w.name.Namespace == namespace })
		}}
		e.news = func(about corev1.ObjectReference) {
			o.poke(func(w *daemonSetWatch) bool { return w.name.Namespace == namespace && w.concerns(about) })
		}
		o.events[namespace] = e
		e.cancel = follow(o, o.clients.Core.Events(namespace), selection{}, &corev1.Event{}, e)
	}
	e.users++
}

// dropEvents ends a namespace's watch of Events if nobody needs it any more. The Observer's lock is held.
func (o *Observer) dropEvents(namespace string) {
	e := o.events[namespace]
	e.users--
	if e.users == 0 {
		e.cancel()
		delete(o.events, namespace)
	}
}

// about returns the Events of a DaemonSet and its pods.
func (e *eventWatch) about(d *appsv1.DaemonSet, pods []*corev1.Pod) []*corev1.Event {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.held.About(d, pods)
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
	e.held = held
	e.mu.Unlock()
	e.read()
	return nil
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
