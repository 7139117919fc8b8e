package observe

import (
	"sync"
	"time"
)

// wakeEvery is how often a DaemonSet's changes wake its Sync at most (docs/design.md §3).
const wakeEvery = 100 * time.Millisecond

// throttle fires at once at the first poke, then at most once per wakeEvery, and a last time for what came since.
type throttle struct {
	fire func()

	mu      sync.Mutex
	timer   *time.Timer // runs while a poke has to wait
	again   bool        // something came since it last fired
	stopped bool
}

func (t *throttle) poke() {
	t.mu.Lock()
	if t.stopped || t.timer != nil {
		t.again = true
		t.mu.Unlock()
		return
	}
	t.timer = time.AfterFunc(wakeEvery, t.lapse)
	t.mu.Unlock()
	t.fire()
}

func (t *throttle) lapse() {
	t.mu.Lock()
	if t.stopped || !t.again {
		t.timer = nil
		t.mu.Unlock()
		return
	}
	t.again = false
	t.timer.Reset(wakeEvery)
	t.mu.Unlock()
	t.fire()
}

// stop ends it. A poke that fires at this very moment may still do so.
func (t *throttle) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	if t.timer != nil {
		t.timer.Stop()
	}
}
