package observe

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A hundred changes in a second wake a Sync at once, and then no more than ten times: a rollout over thousands of nodes
// changes without a pause.
func TestChangesWakeAtOnceAndThenAtMostTenTimesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex
		var fired []time.Duration
		w := &throttle{fire: func() {
			mu.Lock()
			defer mu.Unlock()
			fired = append(fired, time.Since(start))
		}}
		defer w.stop()
		for range 100 {
			w.poke()
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(fired) != 11 || fired[0] != 0 {
			t.Fatalf("fired %d times, at %v: want at once, then ten times", len(fired), fired)
		}
		for i := 1; i < len(fired); i++ {
			if fired[i]-fired[i-1] < wakeEvery {
				t.Errorf("fired at %v and %v", fired[i-1], fired[i])
			}
		}
	})
}

// The last change of a burst is not lost: it wakes when its time has come, and one after a rest wakes at once.
func TestTheLastChangeOfABurstWakesToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fired atomic.Int32
		w := &throttle{fire: func() { fired.Add(1) }}
		defer w.stop()
		w.poke()
		w.poke()
		if fired.Load() != 1 {
			t.Fatalf("fired %d times within one instant", fired.Load())
		}
		time.Sleep(wakeEvery)
		synctest.Wait()
		if fired.Load() != 2 {
			t.Fatalf("fired %d times: the second change was lost", fired.Load())
		}
		time.Sleep(10 * wakeEvery)
		w.poke()
		if fired.Load() != 3 {
			t.Fatalf("fired %d times: a change after a rest has to wait", fired.Load())
		}
	})
}

// Nothing wakes after the end.
func TestAStoppedThrottleIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fired atomic.Int32
		w := &throttle{fire: func() { fired.Add(1) }}
		w.poke()
		w.poke()
		w.stop()
		w.poke()
		time.Sleep(10 * wakeEvery)
		if fired.Load() != 1 {
			t.Fatalf("fired %d times", fired.Load())
		}
	})
}
