// Package watches has all who follow objects with the same rights share their watches: a few for each kind, however
// many follow it.
package watches

import (
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
)

// gatherPause is how long a first watch waits for others that want to see the same kind.
const gatherPause = 100 * time.Millisecond

// Pool are the watches of one identity: whoever follows by it sees nothing that the identity may not see. It is safe
// for concurrent use.
type Pool[V any] struct {
	client metadata.Interface
	label  string
	trim   func(metav1.Object) V
	// weighPause is how often shared watches are weighed.
	weighPause time.Duration

	mu    sync.Mutex
	kinds map[schema.GroupVersionResource]*kind[V]
}

// New makes a pool that watches nothing yet. Objects are told apart by a label, and trimmed to what is kept of them.
func New[V any](client metadata.Interface, label string, trim func(metav1.Object) V) *Pool[V] {
	return &Pool[V]{client: client, label: label, trim: trim, weighPause: weighPause,
		kinds: map[schema.GroupVersionResource]*kind[V]{}}
}

// Follower is told what becomes of the objects that it wants to see, with the pool's lock held: it must neither block
// nor call the pool.
type Follower[V any] interface {
	// Read is told all that there is, by name, and the resourceVersion of which that is so.
	Read(all map[string]V, version string)
	// See is told of an object that is new, changed, or gone.
	See(name string, v V, gone bool)
	// Failed is told why nothing is known until everything is read again. If the API server refuses to have it watched,
	// that is for good.
	Failed(err error)
}

// kind is what is followed of one kind.
type kind[V any] struct {
	pool     *Pool[V]
	resource schema.GroupVersionResource
	members  map[*member[V]]bool
	alike    map[scope]int  // followers, by the watch that each would have alone
	here     map[string]int // of those, by namespace
	streams  map[scope]*stream[V]
	refused  map[scope]time.Time
	gathers  bool
}

// member is a follower that has joined.
type member[V any] struct {
	wanted   Wanted
	follower Follower[V]
	stream   *stream[V] // nil before its watch was begun
	alone    bool       // it panicked, or what is there for it cannot be trimmed: that is nobody else's trouble
	over     bool       // the API server refuses to have it watched
}

// Join has a follower told of what it wants to see, until it leaves; nothing is told after that. What leaving returns
// waits until nothing runs any more that ran for this follower alone.
func (p *Pool[V]) Join(w Wanted, f Follower[V]) (leave func() (wait func())) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.kinds[w.Resource]
	if k == nil {
		k = &kind[V]{pool: p, resource: w.Resource, members: map[*member[V]]bool{}, alike: map[scope]int{},
			here: map[string]int{}, streams: map[scope]*stream[V]{}, refused: map[scope]time.Time{}}
		p.kinds[w.Resource] = k
	}
	m := &member[V]{wanted: w, follower: f}
	k.members[m] = true
	if k.alike[w.alone()]++; k.alike[w.alone()] == 1 {
		k.here[w.Namespace]++
	}
	if s := k.streams[k.scopeFor(m)]; s != nil {
		s.take(m)
	}
	if m.stream == nil {
		k.gather()
	}
	return func() func() {
		ended := p.part(k, m)
		return func() {
			for _, s := range ended {
				<-s.ended
			}
		}
	}
}

// gather arranges the watches soon. The pool's lock is held.
func (k *kind[V]) gather() {
	if !k.gathers {
		k.gathers = true
		time.AfterFunc(gatherPause, k.gathered)
	}
}

func (k *kind[V]) gathered() {
	k.pool.mu.Lock()
	defer k.pool.mu.Unlock()
	k.gathers = false
	k.arrange()
}

// arrange gives every follower the watch that it should have. It keeps the one that it has until the other one has read
// everything. The pool's lock is held.
func (k *kind[V]) arrange() {
	wanted := map[*stream[V]]bool{}
	for m := range k.members {
		if m.over {
			continue
		}
		at := k.scopeFor(m)
		s := k.streams[at]
		if s == nil {
			s = k.begin(at)
		}
		wanted[s] = true
		if m.stream != s && (m.stream == nil || s.read) {
			s.take(m)
		}
	}
	for _, s := range k.streams {
		if !wanted[s] && len(s.members) == 0 {
			k.end(s)
		}
	}
}

// part takes a follower out of what is followed, and returns the watches that end with it.
func (p *Pool[V]) part(k *kind[V], m *member[V]) (ended []*stream[V]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !k.members[m] {
		return nil
	}
	delete(k.members, m)
	w := m.wanted
	if k.alike[w.alone()]--; k.alike[w.alone()] == 0 {
		delete(k.alike, w.alone())
		k.here[w.Namespace]--
	}
	m.part()
	for _, s := range k.streams {
		if len(s.members) == 0 && (len(k.members) == 0 || s.read) {
			ended = append(ended, s)
			k.end(s)
		}
	}
	if len(k.members) == 0 {
		delete(p.kinds, k.resource)
	}
	return ended
}

// part takes it away from its watch.
func (m *member[V]) part() {
	if m.stream != nil {
		m.stream.drop(m)
		m.stream = nil
	}
}
