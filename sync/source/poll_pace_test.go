package source

import (
	"errors"
	"testing"
	"time"

	"github.com/daemongate/daemongate/sync/gate"
)

// Polls that began together drift apart: each is a tenth early or late at most, on both sides, and no two are the same.
func TestPollsAreSpread(t *testing.T) {
	for _, d := range []time.Duration{minInterval, time.Minute, maxInterval, 24 * time.Hour} {
		seen := map[time.Duration]bool{}
		early, late := false, false
		for range 1000 {
			j := jitter(d)
			if j < d-d/10 || j > d+d/10 {
				t.Fatalf("%s becomes %s", d, j)
			}
			seen[j] = true
			early, late = early || j < d-d/20, late || j > d+d/20
		}
		if len(seen) < 900 || !early || !late {
			t.Errorf("%s: %d different ones of 1000; early: %v, late: %v", d, len(seen), early, late)
		}
	}
}

// Between failed polls the pauses double, up to a quarter of an hour or the interval, if that is longer; one that
// succeeds ends that.
func TestPausesBetweenFailedPollsAreBounded(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		interval time.Duration
		pauses   []time.Duration // after the first, the second, … failure
	}{
		{0, []time.Duration{1 * time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}},
		{10 * time.Second, []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second}},
		{time.Minute, []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, maxInterval,
			maxInterval}},
		{maxInterval, []time.Duration{maxInterval, maxInterval}},
		{time.Hour, []time.Duration{time.Hour, time.Hour, time.Hour}},
	} {
		p := &poller{}
		is := func(what string, want time.Duration) {
			t.Helper()
			if got := p.due.Sub(began); got < want-want/10 || got > want+want/10 {
				t.Errorf("interval %s, %s: the next poll comes after %s, want about %s", c.interval, what, got, want)
			}
		}
		for _, want := range c.pauses {
			p.finish(nil, errors.New("down"), began, c.interval, false)
			is("another failure", want)
		}
		for range 1000 {
			p.finish(nil, errors.New("down"), began, c.interval, false)
		}
		is("a thousand failures", max(c.interval, maxInterval))
		p.finish(&gate.History{Head: hash("1")}, nil, began, c.interval, false)
		is("a success", max(c.interval, minInterval))
		p.finish(nil, errors.New("down"), began, c.interval, false)
		is("the first failure after it", c.pauses[0])
		if h, err := p.last(); h == nil || h.Head != hash("1") || err == nil {
			t.Errorf("after a failure %v is known, and the error is %v", h, err)
		}
	}
}
