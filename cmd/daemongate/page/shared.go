package page

import (
	gosync "sync"
	"time"
)

// shared is something that is kept open while somebody uses it, and a while longer: who goes from one page to the next
// finds it open still.
type shared[T any] struct {
	lingers time.Duration
	open    func() T
	close   func(T)

	mu     gosync.Mutex
	users  int
	opened *T          // nil while it is closed
	timer  *time.Timer // which closes it; nil while somebody uses it
}

// use opens it unless it is open. done is called once, by whoever uses it no more.
func (s *shared[T]) use() (value T, done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users++
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if s.opened == nil {
		opened := s.open()
		s.opened = &opened
	}
	return *s.opened, gosync.OnceFunc(s.leave)
}

func (s *shared[T]) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users == 0 {
		var timer *time.Timer
		timer = time.AfterFunc(s.lingers, func() { s.over(&timer) })
		s.timer = timer
	}
}

// over closes it, unless somebody has come since its timer was set: which one that is can be read under the lock alone.
func (s *shared[T]) over(timer **time.Timer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer == *timer {
		s.shut()
	}
}

// closed reports whether it is.
func (s *shared[T]) closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened == nil
}

// end closes it whoever uses it.
func (s *shared[T]) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut()
}

func (s *shared[T]) shut() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if s.opened != nil {
		s.close(*s.opened)
		s.opened = nil
	}
}

// bell tells everybody who waits that something has changed.
type bell struct {
	mu gosync.Mutex
	ch chan struct{}
}

// next is closed at the next ring.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
