package deaths

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

var start = time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)

// After three deaths in a day a Sync is a suspect, after six nothing of it is rendered, until a person asks: each time for
// one more try. A day later all is forgotten.
func TestASyncThatEndsProcessesIsStopped(t *testing.T) {
	var s *api.RenderStatus
	for n := 1; n <= 8; n++ {
		now := start.Add(time.Duration(n) * time.Hour)
		s = Add(s, now, 7)
		if got := IsSuspect(s, now); got != (n >= 3) {
			t.Errorf("after %d: suspect is %t", n, got)
		}
		if why := Stopped(s, 7, false, now); (why != "") != (n >= 6) || n >= 6 && !strings.Contains(why, "6 times within a day") {
			t.Errorf("after %d: %q", n, why)
		}
		if Stopped(s, 8, false, now) != "" || Stopped(s, 7, true, now) != "" {
			t.Errorf("after %d: it is stopped although somebody asks", n)
		}
	}
	if len(s.Deaths) != 6 {
		t.Errorf("%d are remembered", len(s.Deaths))
	}
	if Stopped(s, 7, false, start.Add(27*time.Hour+time.Second)) != "" || IsSuspect(s, start.Add(31*time.Hour+time.Second)) {
		t.Error("it is not forgotten after a day")
	}
}

// Who asked, and had something rendered to its end, is rendered again, as a suspect. Deaths before that are not lost of a
// Sync that was not stopped, and one that is told of twice is one.
func TestASyncThatLivesAgainGoesOnAsASuspect(t *testing.T) {
	var s *api.RenderStatus
	if Lived(s, start) != nil {
		t.Error("something is remembered of a Sync that did nothing")
	}
	for n := range 6 {
		if n == 2 && len(Lived(s, start).Deaths) != 2 {
			t.Error("a render that ended well makes up for one that did not")
		}
		s = Add(s, start.Add(time.Duration(n)*time.Minute), 7)
		s = Add(s, start.Add(time.Duration(n)*time.Minute), 7)
	}
	now := start.Add(time.Hour)
	if Stopped(s, 7, false, now) == "" {
		t.Fatal("it is not stopped")
	}
	if s = Lived(s, now); Stopped(s, 7, false, now) != "" || !IsSuspect(s, now) {
		t.Errorf("%+v", s)
	}
}

// What a process was preparing when it was killed is known to the next one, until it is remembered elsewhere; what was
// brought to an end is not, nor what is older than a day.
func TestMarksOutliveAKill(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "preparing")
	open := func(now time.Time) *Marks {
		m, err := Open(folder, now)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := open(start)
	for _, sync := range []string{"a/ended", "a/killed", "a/killed", "b/" + strings.Repeat("x", 250)} {
		end, err := m.Begin(sync, start)
		if err != nil {
			t.Fatal(err)
		}
		if sync == "a/ended" {
			end()
		}
	}
	m = open(start.Add(time.Hour))
	if since, found := m.Found("a/killed"); !found || !since.Equal(start) {
		t.Errorf("%s %t", since, found)
	}
	if _, found := m.Found("a/ended"); found {
		t.Error("what has ended is found")
	}
	m.Forget("a/killed")
	if _, found := m.Found("a/killed"); found {
		t.Error("it is not forgotten")
	}
	if _, found := open(start.Add(time.Hour)).Found("a/killed"); found {
		t.Error("it is found again")
	}
	open(start.Add(25 * time.Hour))
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}
