// Package watches has all who follow objects of one kind in one namespace with the same rights share one watch.
package watches

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
)

// Store is what a watch is written to. The API server's refusals are told to it, too.
type Store interface {
	toolscache.TransformingStore
	Failed(err error)
}

// Source is where a Pool's objects come from.
type Source[T metav1.Object] struct {
	// Follow keeps a store in step with what the API server has of a Selection, until it is cancelled.
	Follow func(s Selection, store Store) context.CancelFunc
	// NewTrim makes what keeps of an object what is needed. One watch calls it at a time.
	NewTrim func() func(T) T
	// Go begins a goroutine.
	Go func(func())
}

// Follower keeps the objects that its Selection matches. It is called with the Pool's lock held and must neither block
// nor call the Pool, but for Changed.
type Follower[T metav1.Object] interface {
	// Put keeps an object that is new or has changed, and Remove forgets one; news is whether that changes anything.
	Put(object T) (news bool)
	Remove(name string) (news bool)
	// PutAll keeps exactly these: from now on everything is known. The list becomes the Follower's own. Where it has an
	// equal object already it keeps that, and puts it into the list.
	PutAll(all []T) (news bool)
	// Fail says why nothing is known until PutAll.
	Fail(err error) (news bool)
	// Changed is called after news, without the lock.
	Changed()
}

// Pool are the watches of one kind in one namespace by one identity. It is safe for concurrent use.
type Pool[T metav1.Object] struct {
	source Source[T]

	mu      sync.Mutex
	members []*member[T]
	index   index[T] // of the members that may share a watch
	shared  *stream[T]
	refused time.Time // when a shared watch was refused, or given up
	moves   bool      // somebody waits until the watch that is to tell it has come far enough
	due     bool      // arrange will be called
	news    map[Follower[T]]bool
}

// member is a follower that has joined.
type member[T metav1.Object] struct {
	selection Selection
	selector  selector
	foundBy   label // by which the index finds it
	follower  Follower[T]
	stream    *stream[T] // which tells it; nil if none does
	own       *stream[T] // of its Selection alone; nil if it needs none
	alone     bool       // what is there for it cannot be taken in: that is nobody else's trouble
	seen      string     // the resourceVersion of what it was told last
}

// New makes a Pool that watches nothing yet.
func New[T metav1.Object](s Source[T]) *Pool[T] {
	return &Pool[T]{source: s, index: newIndex[T]()}
}

// Join has a follower told of what a Selection matches, until it leaves. It is never called before Join returns.
func (p *Pool[T]) Join(s Selection, f Follower[T]) (leave func()) {
	m := &member[T]{selection: s, follower: f}
	var err error
	m.selector, err = parse(s)
	m.alone = err != nil // the API server says what is wrong
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members = append(p.members, m)
	if !m.alone {
		p.share(m)
	}
	p.arrangeSoon()
	return func() { p.leave(m) }
}

func (p *Pool[T]) leave(m *member[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.members, m)
	if i < 0 {
		return
	}
	p.members = slices.Delete(p.members, i, i+1)
	if !m.alone {
		p.unshare(m)
	}
	m.part()
	m.endOwn()
	p.arrangeSoon()
}

// arrangeSoon has arrange be called by a goroutine of its own: nobody is told anything while it joins or leaves. The
// lock is held.
func (p *Pool[T]) arrangeSoon() {
	if p.due {
		return
	}
	p.due = true
	p.source.Go(func() {
		p.mu.Lock()
		defer p.unlock()
		p.due = false
		p.arrange()
	})
}

// arrange gives every member the watch that it should have. It is told by the one that it has until the other one has
// read everything, and nothing that is older than what it was told. The lock is held.
func (p *Pool[T]) arrange() {
	switch {
	case p.shared != nil && len(p.members) == 0:
		p.shared.end()
		p.shared = nil
	case p.shared == nil && p.mayShare():
		p.shared = p.begin(Selection{}, nil)
	}
	p.weigh()
	p.moves = false
	for _, m := range p.members {
		to := p.streamFor(m)
		switch {
		case m.stream == to:
		case to.mayTell(m):
			to.take(m)
		default:
			p.moves = true
		}
		if m.own != nil && m.own != to && m.own != m.stream {
			m.endOwn()
		}
	}
}

// streamFor is the watch that a member should have. The lock is held.
func (p *Pool[T]) streamFor(m *member[T]) *stream[T] {
	if p.shared != nil && !m.alone {
		return p.shared
	}
	if m.own == nil {
		m.own = p.begin(m.selection, m)
	}
	return m.own
}

// part takes it away from its watch.
func (m *member[T]) part() {
	if s := m.stream; s != nil {
		m.stream = nil
		s.users--
		s.endUnused()
	}
}

func (m *member[T]) endOwn() {
	if m.own != nil {
		m.own.end()
		m.own = nil
	}
}

// unlock gives the lock back, and then tells the followers that have news.
func (p *Pool[T]) unlock() {
	news := p.news
	p.news = nil
	p.mu.Unlock()
	for f := range maps.Keys(news) {
		f.Changed()
	}
}

// note notes whether a follower has news. The lock is held.
func (p *Pool[T]) note(m *member[T], news bool) {
	if !news {
		return
	}
	if p.news == nil {
		p.news = map[Follower[T]]bool{}
	}
	p.news[m.follower] = true
}
