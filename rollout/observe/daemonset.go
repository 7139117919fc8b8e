package observe

import (
	"context"
	"errors"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/trim"
)

// daemonSetWatch watches one DaemonSet in flight, and what its selector matches.
type daemonSetWatch struct {
	observer *Observer
	name     types.NamespacedName
	wake     *throttle
	object   cache[*appsv1.DaemonSet]
	cancel   context.CancelFunc

	mu          sync.Mutex
	subscribers map[string]func()
	selected    *selected // nil until the DaemonSet was seen
	stopped     bool
}

// selected is what a selector matches. A selector is immutable, but a DaemonSet can be made anew with another one.
type selected struct {
	selector  string
	pods      cache[*corev1.Pod]
	revisions cache[*appsv1.ControllerRevision]
	cancel    context.CancelFunc
}

// watchDaemonSet starts to watch a DaemonSet. The Observer's lock is held.
func (o *Observer) watchDaemonSet(name types.NamespacedName) *daemonSetWatch {
	w := &daemonSetWatch{observer: o, name: name, subscribers: map[string]func(){}}
	w.wake = &throttle{fire: w.wakeAll}
	w.object.watching = watching{kind: "daemonsets", namespace: name.Namespace, changed: w.objectChanged}
	w.object.trim = func(d *appsv1.DaemonSet) *appsv1.DaemonSet { return d }
	o.useNodes()
	o.useEvents(name.Namespace)
	one := selection{fields: fields.OneTermEqualSelector(metav1.ObjectNameField, name.Name).String()}
	w.cancel = follow(o, o.clients.Apps.DaemonSets(name.Namespace), one, &appsv1.DaemonSet{}, &w.object)
	return w
}

// stop ends its watches. The Observer's lock is held, and the Observer knows it no more.
func (w *daemonSetWatch) stop() {
	w.wake.stop()
	w.cancel()
	w.mu.Lock()
	w.stopped = true
	if w.selected != nil {
		w.selected.cancel()
	}
	w.mu.Unlock()
	w.observer.dropEvents(w.name.Namespace)
	w.observer.dropNodes()
}

// objectChanged watches what the DaemonSet's selector matches, once it is known.
func (w *daemonSetWatch) objectChanged() {
	if d := w.daemonSet(); d != nil {
		w.follow(metav1.FormatLabelSelector(d.Spec.Selector))
	}
	w.wake.poke()
}

func (w *daemonSetWatch) follow(selector string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped || (w.selected != nil && w.selected.selector == selector) {
		return
	}
	if w.selected != nil {
		w.selected.cancel()
	}
	w.selected = w.observer.watchSelected(w.name.Namespace, selector, w.wake.poke)
}

func (o *Observer) watchSelected(namespace, selector string, changed func()) *selected {
	s := &selected{selector: selector}
	s.pods.watching = watching{kind: rollout.KindPods, namespace: namespace, changed: changed}
	s.pods.trim = (&trim.Pods{}).Trim
	s.revisions.watching = watching{kind: rollout.KindRevisions, namespace: namespace, changed: changed}
	s.revisions.trim = trim.Revision
	matching := selection{labels: selector}
	pods := follow(o, o.clients.Core.Pods(namespace), matching, &corev1.Pod{}, &s.pods)
	revisions := follow(o, o.clients.Apps.ControllerRevisions(namespace), matching, &appsv1.ControllerRevision{},
		&s.revisions)
	s.cancel = func() { pods(); revisions() }
	return s
}

// look adds what is known to a look and says whether that is everything. A DaemonSet that does not exist selects
// nothing; of one that was deleted the pods are known for as long as they last.
func (w *daemonSetWatch) look(l *rollout.Look) bool {
	ready := w.object.ready()
	l.DaemonSet = w.daemonSet()
	s := w.selection()
	if s == nil {
		return ready && l.DaemonSet == nil
	}
	if l.DaemonSet != nil && s.selector != metav1.FormatLabelSelector(l.DaemonSet.Spec.Selector) {
		return false // it was made anew this very moment
	}
	l.Pods, l.Revisions = s.pods.list(), s.revisions.list()
	return ready && s.pods.ready() && has(l, &s.revisions.watching, w.observer.lenient)
}

func (w *daemonSetWatch) daemonSet() *appsv1.DaemonSet {
	d, _ := w.object.get(w.name.Name)
	return d
}

// concerns reports whether an object is the DaemonSet or one of its pods.
func (w *daemonSetWatch) concerns(about corev1.ObjectReference) bool {
	if about.Kind == "DaemonSet" {
		return about.Name == w.name.Name
	}
	s := w.selection()
	if s == nil {
		return false
	}
	_, ok := s.pods.get(about.Name)
	return ok
}

func (w *daemonSetWatch) selection() *selected {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.selected
}

func (w *daemonSetWatch) trouble() error {
	s := w.selection()
	if s == nil {
		return w.object.trouble()
	}
	return errors.Join(w.object.trouble(), s.pods.trouble(), s.revisions.trouble())
}

func (w *daemonSetWatch) subscribe(key string, wake func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.subscribers[key] = wake
}

// unsubscribe reports whether nobody is left.
func (w *daemonSetWatch) unsubscribe(key string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.subscribers, key)
	return len(w.subscribers) == 0
}

func (w *daemonSetWatch) wakeAll() {
	w.mu.Lock()
	wakes := make([]func(), 0, len(w.subscribers))
	for _, wake := range w.subscribers {
		wakes = append(wakes, wake)
	}
	w.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
}
