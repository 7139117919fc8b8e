package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

// faults counts the writes of a run's controllers, and does at each what the plan says.
type faults struct {
	cluster  *clustertest.Cluster
	repo     *repository
	replicas []*replica
	log      io.Writer

	running sync.WaitGroup // what lasts
	mu      sync.Mutex
	count   int
	left    []fault // by their steps
}

// write is called for each write of a replica. It forwards the write, or returns false.
func (f *faults) write(r *replica, forward func()) bool {
	now, found := f.next()
	if !found {
		forward()
		return true
	}
	_, _ = fmt.Fprintf(f.log, "%s  %s\n", time.Now().Format("15:04:05.000"), now)
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
		f.lasting(now, func() {}, func() { r.signal(syscall.SIGCONT) })
	case late:
		r.signal(syscall.SIGSTOP)
		time.Sleep(now.long)
		forward()
		r.signal(syscall.SIGCONT)
	default:
		f.around(now)
		forward()
	}
	return true
}

// next counts a write, and returns what goes wrong at it.
func (f *faults) next() (fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if len(f.left) == 0 || f.left[0].step > f.count {
		return fault{}, false
	}
	now := f.left[0]
	f.left = f.left[1:]
	return now, true
}

// writes is how many there were.
func (f *faults) writes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// around has something fail around the controllers.
func (f *faults) around(now fault) {
	switch now.kind {
	case cutWatches:
		for _, r := range f.replicas {
			f.running.Go(r.cut) // the write that is under way is cut too
		}
	case restartAPI:
		f.say(f.cluster.Devcluster("restart", "kube-apiserver"))
	case pauseEtcd:
		f.say(f.cluster.Devcluster("pause", "etcd"))
		f.lasting(now, func() {}, func() { f.say(f.cluster.Devcluster("resume", "etcd")) })
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
