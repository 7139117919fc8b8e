package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// faults counts the steps of a run's controllers, and does at each what the plan says.
type faults struct {
	stage    *stage
	repo     *repository
	replicas []*replica
	leader   atomic.Pointer[replica] // who wrote the Lease last
	dateOff  atomic.Int64            // how far the API server's clock is off
	log      io.Writer

	running sync.WaitGroup // what lasts
	mu      sync.Mutex
	steps   []step  // that there were
	left    []fault // by their steps
	played  played
}

// happened is a fault at a kind of step, played how often which of them did.
type (
	happened struct {
		kind kind
		step step
	}
	played map[happened]int
)

// step is called for each step of a replica. It forwards the request, or returns false.
func (f *faults) step(r *replica, what step, forward func()) bool {
	now, found := f.next(what)
	if !found {
		forward()
		return true
	}
	_, _ = fmt.Fprintf(f.log, "%s  %s: %s of %s\n", time.Now().Format("15:04:05.000"), now, what, r.name)
	switch now.kind {
	case killBefore:
		r.signal(os.Kill)
		return false
	case killAfter:
		forward()
		r.signal(os.Kill)
	case stopAfter:
		r.signal(syscall.SIGSTOP)
		forward()
		f.lasting(now, func() {}, r.wake)
	case late:
		r.signal(syscall.SIGSTOP)
		time.Sleep(now.long)
		forward()
		r.wake()
	case moveClock:
		f.lasting(now, func() { f.say(r.moveClock(now.by)) }, func() { f.say(r.moveClock(0)) })
		forward()
	default:
		f.around(now)
		forward()
	}
	return true
}

// git is called for each request to the Git server. Who asks is the one that leads: nobody else does.
func (f *faults) git(what step, forward func()) bool {
	r := f.leader.Load()
	if what == "" || r == nil {
		forward()
		return true
	}
	return f.step(r, what, forward)
}

// next counts a step, and returns what goes wrong at it.
func (f *faults) next(what step) (fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.steps = append(f.steps, what)
	ofIt := 0
	for _, s := range f.steps {
		if s == what {
			ofIt++
		}
	}
	i := slices.IndexFunc(f.left, func(o fault) bool {
		return o.of == "" && o.step <= len(f.steps) || o.of == what && o.step <= ofIt
	})
	if i < 0 {
		return fault{}, false
	}
	now := f.left[i]
	f.left = slices.Delete(f.left, i, i+1)
	f.played[happened{now.kind, what}]++
	return now, true
}

// count is how many steps there were.
func (f *faults) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.steps)
}

// around has something fail around the controllers.
func (f *faults) around(now fault) {
	switch now.kind {
	case cutWatches:
		for _, r := range f.replicas {
			f.running.Go(r.cut) // the write that is under way is cut too
		}
	case restartAPI:
		f.say(f.stage.restartAPI())
	case pauseEtcd:
		if f.stage.etcdPaused.CompareAndSwap(false, true) { // else it is paused for a run beside this one
			f.say(f.stage.cluster.Devcluster("pause", "etcd"))
			f.lasting(now, func() {}, func() {
				f.say(f.stage.cluster.Devcluster("resume", "etcd"))
				f.stage.etcdPaused.Store(false)
			})
		}
	case moveDate:
		f.lasting(now, func() { f.dateOff.Store(int64(now.by)) }, func() { f.dateOff.Store(0) })
	case gitDown:
		f.lasting(now, func() { f.repo.down.Store(true) }, func() { f.repo.down.Store(false) })
	}
}

// lasting begins something and ends it later.
func (f *faults) lasting(now fault, begin, end func()) {
	begin()
	f.running.Go(func() {
		time.Sleep(now.long)
		end()
	})
}

func (f *faults) say(err error) {
	if err != nil {
		_, _ = fmt.Fprintln(f.log, err)
	}
}

// rest returns the faults that have not happened, and waits for the end of those that last.
func (f *faults) rest() []fault {
	f.running.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.left
}
