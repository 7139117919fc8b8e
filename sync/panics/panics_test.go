package panics

import (
	"strings"
	"testing"
	"time"
)

// A panic is caught with its place. Go's own words about it are passed on; those of whoever panics may hold anything.
func TestAPanicIsCaughtWithoutWhatItHolds(t *testing.T) {
	var nobody *Panic
	for name, c := range map[string]struct {
		do   func()
		says string
	}{
		"of Go's": {func() { nobody.what = "x" }, "a turn panicked, which is a fault of Daemongate's: runtime error: invalid " +
			"memory address or nil pointer dereference"},
		"of a library's": {func() { panic("s3cr3t") }, "a string"},
	} {
		p := Catch("a turn", c.do)
		if p == nil || !strings.Contains(p.Error(), c.says) || strings.Contains(p.Error()+p.Stack, "s3cr3t") ||
			!strings.Contains(p.Stack, "panics_test.go") {
			t.Errorf("%s: %v\n%s", name, p, p.Stack)
		}
	}
	if p := Catch("a turn", func() {}); p != nil {
		t.Error(p)
	}
}

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
