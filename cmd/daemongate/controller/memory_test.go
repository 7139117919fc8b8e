package controller

import (
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// The controller takes what the container may but for what is for renders, and an eighth; a container without room for
// it is said to be one.
func TestMemoryIsSharedWithRenders(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	for text, want := range map[string]string{"": "", "1610612736": "", "1Gi": "no number of bytes",
		"1073741824": "less than the 128 MiB"} {
		debug.SetMemoryLimit(before)
		err := limitMemory(text, 1<<30)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
		limit := before
		if text == "1610612736" {
			limit = 448 << 20
		}
		if got := debug.SetMemoryLimit(-1); got != limit {
			t.Errorf("%q: the limit is %d, not %d", text, got, limit)
		}
	}
}

// Where little is allocated little garbage gathers, at the price of a few collections; as soon as there is much to do it
// is as much as ever.
func TestLittleGarbageGathersInCalmTimes(t *testing.T) {
	const mb = 1 << 20
	since := heapUse{allocated: 900 * mb}
	for name, c := range map[string]struct {
		allocated uint64
		within    time.Duration
		want      int
	}{
		"nothing":            {0, calmFor, 10},
		"a little":           {15 * mb, calmFor, 10},
		"more":               {30 * mb, calmFor, 16},
		"some":               {63 * mb, calmFor, 35},
		"much":               {500 * mb, calmFor, 40},
		"a little at once":   {3 * mb, busyFor, 16},
		"much at once":       {500 * mb, busyFor, 40},
		"more than ever was": {1 << 40, busyFor, 40},
	} {
		now := heapUse{allocated: since.allocated + c.allocated, live: 60 * mb}
		if got := now.mayGather(since, c.within); got != c.want {
			t.Errorf("%s: %d %%", name, got)
		}
	}
	if got := (heapUse{}).mayGather(heapUse{}, calmFor); got != 10 {
		t.Errorf("before anything is known: %d %%", got)
	}
	var set []int
	g := gathering{set: func(percent int) { set = append(set, percent) }}
	g.atLeast(40)
	g.atLeast(30)
	g.are(25)
	g.are(25)
	g.atLeast(100)
	if !slices.Equal(set, []int{40, 25, 100}) {
		t.Errorf("set to %v", set)
	}
}

// Memory goes back when a busy time is over and has left much, and not while much is allocated, nor for a little.
func TestMemoryGoesBackAfterBusyTimes(t *testing.T) {
	const mb = 1 << 20
	for name, c := range map[string]struct {
		last, now heapUse
		want      bool
	}{
		"garbage":         {heapUse{allocated: 900 * mb}, heapUse{allocated: 901 * mb, live: 40 * mb, occupied: 70 * mb}, true},
		"free":            {heapUse{allocated: 900 * mb}, heapUse{allocated: 901 * mb, live: 40 * mb, occupied: 40 * mb, free: 30 * mb}, true},
		"a fleet polls":   {heapUse{allocated: 900 * mb}, heapUse{allocated: 914 * mb, live: 40 * mb, occupied: 70 * mb}, true},
		"it goes on":      {heapUse{allocated: 900 * mb}, heapUse{allocated: 950 * mb, live: 40 * mb, occupied: 70 * mb}, false},
		"a little":        {heapUse{allocated: 900 * mb}, heapUse{allocated: 901 * mb, live: 40 * mb, occupied: 50 * mb, free: 5 * mb}, false},
		"just collected":  {heapUse{allocated: 900 * mb}, heapUse{allocated: 901 * mb, live: 60 * mb, occupied: 50 * mb}, false},
		"a small process": {heapUse{}, heapUse{live: 4 * mb, occupied: 10 * mb}, false},
	} {
		if got := c.now.holdsTooMuch(c.last, c.last); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	given, now := heapUse{allocated: 100 * mb}, heapUse{allocated: 501 * mb, live: 60 * mb, occupied: 65 * mb}
	if !now.holdsTooMuch(heapUse{allocated: 500 * mb}, given) || now.holdsTooMuch(heapUse{allocated: 400 * mb}, given) {
		t.Error("what was in use in a busy time is not looked at once, when that is over")
	}
	if h := heapNow(); h.allocated == 0 || h.occupied == 0 {
		t.Errorf("the runtime tells %+v", h)
	}
}
