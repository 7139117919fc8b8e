package watches

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/manifests/caught"
)

// stream is one watch, and what it has seen. It is what client-go's reflector writes to. All but trim is guarded by the
// Pool's lock.
type stream[T metav1.Object] struct {
	pool   *Pool[T]
	of     *member[T] // whose it is; nil: all share it
	cancel context.CancelFunc
	trim   func(T) T

	held    held[T]
	broken  map[string]broken // what could not be trimmed
	version string            // of which held is all there is
	read    bool              // everything was read, and nothing was missed since
	began   bool              // everything was read once
	over    bool
	others  int       // what it holds that nobody selects
	early   int       // of what came before everything was read
	users   int       // members that it tells
	since   time.Time // when it was begun
}

// broken is an object that could not be trimmed, and why.
type broken struct {
	meta *metav1.ObjectMeta // name and labels
	why  error
}

// begin starts a watch. The lock is held.
func (p *Pool[T]) begin(what Selection, of *member[T]) *stream[T] {
	s := &stream[T]{pool: p, of: of, trim: p.source.NewTrim(), held: newHeld[T](), since: time.Now()}
	s.cancel = p.source.Follow(what, s)
	return s
}

// end has it end soon. Nobody is told anything more.
func (s *stream[T]) end() {
	s.over = true
	s.cancel()
}

// take has a member be told by this watch from now on, first of all there is.
func (s *stream[T]) take(m *member[T]) {
	m.part()
	m.stream = s
	s.users++
	if s.read {
		s.tellAll(m)
	}
}

// mayTell reports whether it tells a member nothing older than what that was told. Whoever is told by another watch can
// wait until that is certain.
func (s *stream[T]) mayTell(m *member[T]) bool {
	if m.stream != nil {
		return s.read && isAtLeast(s.version, m.seen)
	}
	return !s.read || !isOlder(s.version, m.seen)
}

// endUnused ends a shared watch that tells nobody any more, and that nobody will want.
func (s *stream[T]) endUnused() {
	if s.of == nil && s.users == 0 && s.pool.shared != s {
		s.end()
	}
}

// Failed says why nothing is known until everything has been read again. A shared watch that is forbidden, or has not
// begun well, is none: each member watches alone.
func (s *stream[T]) Failed(err error) {
	p := s.pool
	p.mu.Lock()
	defer p.unlock()
	if s.over {
		return
	}
	s.read = false
	for _, m := range s.tells() {
		if s.began || s.of != nil {
			p.note(m, m.follower.Fail(err))
		}
	}
	if s.of == nil && (!s.began || apierrors.IsForbidden(err)) {
		s.refuse()
	}
}

// refuse ends a shared watch, and has those that it tells begin to watch alone.
func (s *stream[T]) refuse() {
	s.end()
	if s.pool.shared == s {
		s.pool.shared, s.pool.refused = nil, time.Now()
	}
	for _, m := range s.tells() {
		m.part()
	}
	s.pool.arrange()
}

// tells are the members that it tells.
func (s *stream[T]) tells() (tells []*member[T]) {
	for _, m := range s.pool.members {
		if m.stream == s {
			tells = append(tells, m)
		}
	}
	return tells
}

// concerned are those of them that an object concerns.
func (s *stream[T]) concerned(o metav1.Object) (concerned []*member[T]) {
	if s.of != nil { // the API server has selected it
		if s.of.stream == s {
			concerned = append(concerned, s.of)
		}
		return concerned
	}
	for _, m := range s.pool.index.of(o) {
		if m.stream == s {
			concerned = append(concerned, m)
		}
	}
	return concerned
}

// tell tells a member something. Where others share the watch, one that panics gets a watch of its own: there it is
// tried again after pauses, and is nobody else's trouble.
func (s *stream[T]) tell(m *member[T], version string, what func() (news bool)) {
	m.seen = version
	if s.of != nil {
		s.pool.note(m, what())
		return
	}
	if p := caught.Catch("taking in what is watched", func() { s.pool.note(m, what()) }); p != nil {
		s.sendAway(m, p)
	}
}

// tellAll tells a member all there is.
func (s *stream[T]) tellAll(m *member[T]) {
	for _, b := range s.broken {
		if m.selector.matches(b.meta) {
			s.sendAway(m, b.why)
			return
		}
	}
	all := s.selected(m)
	s.tell(m, s.version, func() (news bool) { return m.follower.PutAll(all) })
	for _, object := range all { // it may have had an equal one, which is held once
		s.held.put(object)
	}
}

func (s *stream[T]) selected(m *member[T]) []T {
	if s.of == nil {
		return s.held.selected(m.selector, m.foundBy)
	}
	return s.held.all()
}

// sendAway has a member watch alone.
func (s *stream[T]) sendAway(m *member[T], why error) {
	m.alone = true
	s.pool.unshare(m)
	m.part()
	s.pool.note(m, m.follower.Fail(why))
	s.pool.arrangeSoon()
}
