package observe

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/observe/watches"
	"github.com/daemongate/daemongate/rollout/trim"
)

// Observer turns watches into Looks. It watches only what rollouts in flight need: each DaemonSet by its name, its
// pods and ControllerRevisions by its selector, or all of a namespace if many are in flight there, the Events of its
// namespace, and the nodes once for all. When nothing is in flight it watches nothing, and it never polls. It is safe
// for concurrent use.
type Observer struct {
	clients Clients
	lenient bool            // what its user may not read makes its answers poorer; else it keeps them from being given
	ctx     context.Context // ends with Stop
	cancel  context.CancelFunc
	running sync.WaitGroup // one per watch
	leases  nodeLeases

	mu         sync.Mutex
	daemonSets map[types.NamespacedName]*daemonSetWatch // each with at least one subscriber
	namespaces map[string]*namespaceWatch               // each with at least one user
	nodes      *nodeWatch                               // nil while nothing is in flight
}

// New makes an Observer that watches nothing yet. Stop ends it.
func New(c Clients) *Observer {
	ctx, cancel := context.WithCancel(context.Background())
	return &Observer{
		clients: c, ctx: ctx, cancel: cancel, leases: nodeLeases{turn: make(chan struct{}, 1)},
		daemonSets: map[types.NamespacedName]*daemonSetWatch{},
		namespaces: map[string]*namespaceWatch{},
	}
}

// NewLenient makes one for a person who wants to know what can be known: nodes and ControllerRevisions that must
// not be read are named in a Look's Missing. Whoever decides by what he sees must not use it.
func NewLenient(c Clients) *Observer {
	o := New(c)
	o.lenient = true
	return o
}

// Watch has wake called whenever the judgement of one of the targets may have changed: at once at the first change,
// then at most once per 100 ms for each of them. It replaces what the key watched before; the same targets again keep
// their watches. wake must not block, and may be called once more after Unwatch.
func (o *Observer) Watch(key string, targets []rollout.Target, wake func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ctx.Err() != nil {
		return
	}
	wanted := map[types.NamespacedName]bool{}
	for _, t := range targets {
		for _, name := range namesOf(t) {
			wanted[name] = true
		}
	}
	for name := range wanted {
		w := o.daemonSets[name]
		if w == nil {
			w = o.watchDaemonSet(name)
			o.daemonSets[name] = w
		}
		w.subscribe(key, wake)
	}
	o.leave(key, wanted)
}

// Unwatch ends what the key watched, unless another key watches it too.
func (o *Observer) Unwatch(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.leave(key, nil)
}

// leave unsubscribes a key from everything but what it keeps.
func (o *Observer) leave(key string, keeps map[types.NamespacedName]bool) {
	for name, w := range maps.Clone(o.daemonSets) {
		if !keeps[name] && w.unsubscribe(key) {
			delete(o.daemonSets, name)
			w.stop()
		}
	}
}

// Look returns what is known of a target now. It is false until everything about it has been read, while a watch is
// down, and if the target is not being watched: then nothing must be concluded from it. Its objects are shared and must
// not be changed; what Judge does not read of pods and nodes is left out of them.
func (o *Observer) Look(t rollout.Target) (rollout.Look, bool) {
	w, events, nodes := o.find(t)
	if w == nil {
		return rollout.Look{}, false
	}
	l := rollout.Look{Now: o.clients.Now()}
	ready := w.look(&l)
	l.Nodes = nodes.list()
	ready = has(&l, &nodes.watching, o.lenient) && ready
	l.Events = events.all()
	ready = has(&l, &events.watching, true) && ready // a poorer answer is better than none
	for _, name := range namesOf(t)[1:] {
		ready = o.lookAtPredecessor(name, &l) && ready
	}
	return l, ready
}

// Trouble says what of a target cannot be watched and why, one *WatchError for each kind; nil if all is well. It is
// worth asking when Look is false; a change of it calls wake.
func (o *Observer) Trouble(t rollout.Target) error {
	w, events, nodes := o.find(t)
	if w == nil {
		return nil
	}
	problems := []error{w.trouble(), events.trouble(), nodes.trouble()}
	for _, name := range namesOf(t)[1:] {
		if p := o.watchOf(name); p != nil {
			problems = append(problems, p.trouble())
		}
	}
	return errors.Join(problems...)
}

func (o *Observer) find(t rollout.Target) (*daemonSetWatch, *eventWatch, *nodeWatch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := o.daemonSets[nameOf(t)]
	if w == nil {
		return nil, nil, nil
	}
	return w, w.in.events, o.nodes
}

// Stop ends all watches and returns when nothing of them runs any more.
func (o *Observer) Stop() {
	o.mu.Lock()
	for name, w := range o.daemonSets {
		delete(o.daemonSets, name)
		w.stop()
	}
	o.cancel()
	o.mu.Unlock()
	o.running.Wait()
}

func nameOf(t rollout.Target) types.NamespacedName {
	return types.NamespacedName{Namespace: t.Namespace, Name: t.Name}
}

// nodeWatch is the cluster's nodes, for everybody.
type nodeWatch struct {
	cache[*corev1.Node]
	cancel context.CancelFunc
}

// useNodes watches the nodes while at least one DaemonSet is watched. The Observer's lock is held.
func (o *Observer) useNodes() {
	if o.nodes != nil {
		return
	}
	n := &nodeWatch{}
	n.watching = watching{kind: rollout.KindNodes,
		changed: func() { o.poke(func(*daemonSetWatch) bool { return true }) }}
	n.trim = (&trim.Nodes{}).Trim
	o.nodes = n
	n.cancel = follow(o, o.clients.Core.Nodes(), watches.Selection{}, &corev1.Node{}, &n.cache)
}

// poke wakes the watches that a change concerns.
func (o *Observer) poke(concerned func(*daemonSetWatch) bool) {
	o.mu.Lock()
	all := slices.Collect(maps.Values(o.daemonSets))
	o.mu.Unlock()
	for _, w := range all {
		if concerned(w) {
			w.wake.poke()
		}
	}
}

// dropNodes ends the watch of nodes if nothing needs them any more. The Observer's lock is held.
func (o *Observer) dropNodes() {
	if o.nodes != nil && len(o.daemonSets) == 0 {
		o.nodes.cancel()
		o.nodes = nil
	}
}

// has reports whether a kind has been read. One that must not be read is missing instead, if the look may lack it.
func has(l *rollout.Look, kind *watching, mayLack bool) bool {
	if kind.ready() {
		return true
	}
	if mayLack && kind.forbidden() {
		l.Missing = append(l.Missing, kind.kind)
		return true
	}
	return false
}
