package observe

import (
	"errors"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/observe/watches"
)

// daemonSetWatch watches one DaemonSet in flight, and what its selector matches.
type daemonSetWatch struct {
	observer *Observer
	name     types.NamespacedName
	wake     *throttle
	object   cache[*appsv1.DaemonSet]
	in       *namespaceWatch
	leave    func()

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
	leave     func()
}

// watchDaemonSet starts to watch a DaemonSet. The Observer's lock is held.
func (o *Observer) watchDaemonSet(name types.NamespacedName) *daemonSetWatch {
	w := &daemonSetWatch{observer: o, name: name, subscribers: map[string]func(){}}
	w.wake = &throttle{fire: w.wakeAll}
	w.object.watching = watching{kind: "daemonsets", namespace: name.Namespace, changed: w.objectChanged}
	o.useNodes()
	w.in = o.useNamespace(name.Namespace)
	w.leave = w.in.daemonSets.Join(watches.Selection{Name: name.Name}, &w.object)
	return w
}

// stop ends its watches. The Observer's lock is held, and the Observer knows it no more.
func (w *daemonSetWatch) stop() {
	w.wake.stop()
	w.leave()
	w.mu.Lock()
	w.stopped = true
	if w.selected != nil {
		w.selected.leave()
	}
	w.mu.Unlock()
	w.observer.dropNamespace(w.name.Namespace)
	w.observer.dropNodes()
}

// objectChanged watches what the DaemonSet's selector matches, once it is known.
func (w *daemonSetWatch) objectChanged() {
	w.followSelected()
	w.wake.poke()
}

func (w *daemonSetWatch) followSelected() {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.daemonSet() // with the lock: what is followed last is what is newest
	if d == nil || w.stopped {
		return
	}
	selector := metav1.FormatLabelSelector(d.Spec.Selector)
	if w.selected != nil {
		if w.selected.selector == selector {
			return
		}
		w.selected.leave()
	}
	w.selected = w.in.watchSelected(w.name.Namespace, selector, w.wake.poke)
}

func (n *namespaceWatch) watchSelected(namespace, selector string, changed func()) *selected {
	s := &selected{selector: selector}
	s.pods.watching = watching{kind: rollout.KindPods, namespace: namespace, changed: changed}
	s.revisions.watching = watching{kind: rollout.KindRevisions, namespace: namespace, changed: changed}
	matching := watches.Selection{Labels: selector}
	pods, revisions := n.pods.Join(matching, &s.pods), n.revisions.Join(matching, &s.revisions)
	s.leave = func() { pods(); revisions() }
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
