package panics

import (
	gosync "sync"
	"time"

	"github.com/daemongate/daemongate/sync/backoff"
)

// The pauses after panics that follow one another.
const (
	firstPause = time.Second
	lastPause  = 5 * time.Minute
)

// Setbacks are who panicked lately, and how long each of them rests. It is safe for concurrent use.
type Setbacks struct {
	mu gosync.Mutex
	of map[string]setback
}

type setback struct {
	count int
	until time.Time
}

// Note notes that somebody panicked, and returns how long he rests: longer with every time.
func (s *Setbacks) Note(key string, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[string]setback{}
	}
	count := s.of[key].count + 1
	pause := backoff.After(count, firstPause, lastPause)
	s.of[key] = setback{count, now.Add(pause)}
	return pause
}

// Rests returns how much longer somebody rests; 0 if he does not.
func (s *Setbacks) Rests(key string, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, s.of[key].until.Sub(now))
}

// Forget notes that somebody is well.
func (s *Setbacks) Forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, key)
}
