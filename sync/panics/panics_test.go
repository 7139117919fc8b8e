package panics

import (
	"testing"
	"time"
)

// Whoever panics again and again is tried ever more seldom, and who is well again begins anew.
func TestPausesAfterPanicsGrow(t *testing.T) {
	var s Setbacks
	now := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		if got := s.Note("a", now); got != want || s.Rests("a", now.Add(want/2)) != want/2 || s.Rests("a", now.Add(want)) != 0 {
			t.Errorf("%s, not %s", got, want)
		}
	}
	for range 20 {
		s.Note("a", now)
	}
	if got := s.Note("a", now); got != 5*time.Minute || s.Rests("b", now) != 0 {
		t.Errorf("%s at last", got)
	}
	if s.Forget("a"); s.Note("a", now) != time.Second {
		t.Error("it is not forgotten")
	}
}
