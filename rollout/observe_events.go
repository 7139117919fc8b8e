package rollout

import (
	"context"
	"fmt"
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
)

// eventWatch holds the Events of one namespace that can be evidence, by the object that they are about. It is what
// client-go's reflector writes to.
type eventWatch struct {
	watching
	news   func(about corev1.ObjectReference) // called without any lock held
	cancel context.CancelFunc
	users  int // DaemonSets; guarded by the Observer

	mu       sync.RWMutex
	byObject map[types.UID][]*corev1.Event
}

// useEvents watches the Events of a namespace while a DaemonSet in it is watched. The Observer's lock is held.
func (o *Observer) useEvents(namespace string) {
	e := o.events[namespace]
	if e == nil {
		e = &eventWatch{byObject: map[types.UID][]*corev1.Event{}}
		e.watching = watching{kind: KindEvents, namespace: namespace, changed: func() {
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
	var list []*corev1.Event
	if d != nil {
		list = append(list, e.byObject[d.UID]...)
	}
	for _, p := range pods {
		list = append(list, e.byObject[p.UID]...)
	}
	return list
}

// Add, Update, Delete, Replace and Resync are called by client-go's reflector.
func (e *eventWatch) Add(o any) error { return e.Update(o) }

// Update keeps a new or changed Event.
func (e *eventWatch) Update(o any) error {
	event, ok := o.(*corev1.Event)
	if !ok {
		return fmt.Errorf("events: a %T does not belong here", o)
	}
	event = trimEvent(event)
	e.mu.Lock()
	news := e.put(event)
	e.mu.Unlock()
	if news {
		e.news(event.InvolvedObject)
	}
	return nil
}

// put keeps an Event if it can be evidence, and has an image that was pulled end the pull that it answers.
func (e *eventWatch) put(event *corev1.Event) (news bool) {
	uid := event.InvolvedObject.UID
	if endsPull(event) {
		return e.remove(uid, func(old *corev1.Event) bool { return isAnsweredBy(old, event) })
	}
	if !isEvidence(event) {
		return false
	}
	events := e.byObject[uid]
	i := slices.IndexFunc(events, func(old *corev1.Event) bool { return old.Name == event.Name })
	if i < 0 {
		e.byObject[uid] = append(events, event)
		return true
	}
	news = !equality.Semantic.DeepEqual(events[i], event)
	events[i] = event
	return news
}

func (e *eventWatch) remove(uid types.UID, which func(*corev1.Event) bool) (news bool) {
	events := e.byObject[uid]
	left := slices.DeleteFunc(slices.Clone(events), which)
	if len(left) == 0 {
		delete(e.byObject, uid)
	} else {
		e.byObject[uid] = left
	}
	return len(left) != len(events)
}

// Delete forgets an Event. That its time has run out is no news.
func (e *eventWatch) Delete(o any) error {
	event, ok := o.(*corev1.Event)
	if !ok {
		return fmt.Errorf("events: a %T does not belong here", o)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.remove(event.InvolvedObject.UID, func(old *corev1.Event) bool { return old.Name == event.Name })
	return nil
}

// Replace keeps exactly these Events: all that there are.
func (e *eventWatch) Replace(objects []any, _ string) error {
	var answers []*corev1.Event
	e.mu.Lock()
	e.byObject = map[types.UID][]*corev1.Event{}
	for _, o := range objects {
		event, ok := o.(*corev1.Event)
		switch {
		case !ok:
		case endsPull(event):
			answers = append(answers, event)
		default:
			e.put(trimEvent(event))
		}
	}
	for _, event := range answers { // after the questions, in whatever order they came
		e.put(event)
	}
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
			return trimEvent(event), nil
		}
		return o, nil
	}
}
