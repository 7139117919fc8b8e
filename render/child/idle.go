package child

import (
	"errors"
	"math"
	"slices"
	"sync"
	"time"
)

// stay is how long a child waits for another job of its tenant: the next one of many comes at once, if at all. The
// last one waits longer, alone: a commit after the other, or the rollouts of several, come some seconds apart, and to
// start a child costs more than most jobs.
const stay, stayOfTheLast = time.Second, 15 * time.Second

// use is for what a child may be used: for another tenant's jobs never, and for the same memory, to which the kernel
// holds it since its first job.
type use struct {
	tenant string
	memory int64
}

// idle are the children that have done a job and can do another one. What they may take of the memory of all renders
// stays taken as long as they are here.
type idle struct {
	stay    time.Duration
	last    time.Duration   // that the last one stays
	release func(*waiting)  // ends one, and waits for that
	under   *sync.WaitGroup // of each, until it has ended or is used again

	mu     sync.Mutex
	all    []*waiting // who came first is first
	wanted int        // how many renders wait for memory: until they have it, nobody stays here
	closed bool
}

// waiting is one child there.
type waiting struct {
	*process
	use  use
	ends *time.Timer
	late bool // it stays as the last one
}

// put keeps a child for a while. It returns false if that is not done any more, or if somebody waits for the memory: a
// tenant with one job after the other would keep that for as long as it has any.
func (i *idle) put(u use, p *process) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed || i.wanted > 0 {
		return false
	}
	w := &waiting{process: p, use: u}
	w.ends = time.AfterFunc(i.stay, func() {
		for _, over := range i.over(w) {
			over.ends.Stop()
			i.end(over)
		}
	})
	i.all = append(i.all, w)
	i.under.Add(1)
	return true
}

// over are those whose time is over with that of one of them, and who are here no longer. Who came last has more time,
// and takes that of the last one before.
func (i *idle) over(w *waiting) (over []*waiting) {
	i.mu.Lock()
	defer i.mu.Unlock()
	at := slices.Index(i.all, w)
	if at < 0 {
		return nil
	}
	goesOn := !w.late && at == len(i.all)-1 && i.last > i.stay
	if goesOn {
		w.late = true
		w.ends.Reset(i.last - i.stay)
	}
	i.all = slices.DeleteFunc(i.all, func(other *waiting) bool {
		ends := other == w && !goesOn || other != w && other.late && goesOn
		if ends {
			over = append(over, other)
		}
		return ends
	})
	return over
}

// take returns a child for a use, with its memory; nil if there is none.
func (i *idle) take(u use) *process {
	i.mu.Lock()
	all := slices.Clone(i.all)
	i.mu.Unlock()
	for _, w := range all {
		if w.use == u && i.remove(w) {
			w.ends.Stop()
			i.under.Done()
			return w.process
		}
	}
	return nil
}

// remove reports whether a child was there until now.
func (i *idle) remove(w *waiting) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	at := slices.Index(i.all, w)
	if at < 0 {
		return false
	}
	i.all = slices.Delete(i.all, at, at+1)
	return true
}

// want says that one more render waits for memory, or -1 that one has what it waited for.
func (i *idle) want(more int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.wanted += more
}

// free ends those who came first, until somebody else may have so much memory.
func (i *idle) free(memory int64) {
	i.mu.Lock()
	n := 0
	for ; n < len(i.all) && memory > 0; n++ {
		memory -= i.all[n].use.memory
	}
	ended := slices.Clone(i.all[:n])
	i.all = slices.Delete(i.all, 0, n)
	i.mu.Unlock()
	for _, w := range ended {
		w.ends.Stop()
		go i.end(w)
	}
}

// close ends all: nobody renders any more.
func (i *idle) close() {
	i.mu.Lock()
	i.closed = true
	i.mu.Unlock()
	i.free(math.MaxInt64)
}

// end ends one that is here no longer.
func (i *idle) end(w *waiting) {
	defer i.under.Done()
	i.release(w)
}

// maybeAnothers reports whether the end of a child that had done other jobs before may be the fault of one of those.
// Such an end says nothing: the job is tried again by a child of its own.
func maybeAnothers(err error) bool {
	var lost *LostError
	var memory *MemoryError
	return errors.As(err, &lost) || errors.As(err, &memory)
}
