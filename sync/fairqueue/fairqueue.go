// Package fairqueue bounds how many renders run at once, and how much memory they may take together, and is fair about
// it: by namespace, and then by Sync.
package fairqueue

import (
	"cmp"
	"context"
	"errors"
	"slices"
	gosync "sync"
	"time"
)

// Options bound what runs at once.
type Options struct {
	// Jobs is how many may run at once, and Memory how many bytes they may take together; no bound if 0. One namespace
	// has half of either at most, but always one job, so that whatever it does leaves the other half to others.
	Jobs   int
	Memory int64
	// Patience is how long an urgent job waits until the longest of the others has to end for it.
	Patience time.Duration
}

// Job is what wants to run.
type Job struct {
	Namespace string
	Memory    int64
	// Urgent jobs go first, whatever their namespace has, and do not wait for long ones: see Options.Patience.
	Urgent bool
	// Soon jobs go before the others of their namespace, but for each fourth time while there are any.
	Soon bool
	// Suspect jobs run one at a time: never beside another suspect one.
	Suspect bool
}

// ErrEnded is the cause for which a job's context ends when an urgent one needs its room.
var ErrEnded = errors.New("it was ended to make room for a render that a brake may wait for; it is tried again")

// Queue is one. It is safe for concurrent use.
type Queue struct {
	o Options

	mu      gosync.Mutex
	arrived int
	waiting []*ticket
	running []*ticket
	// turns are those of the namespaces that have something here.
	turns map[string]*turn
	begun int
}

// turn is that of a namespace. It is for several short jobs in a row, because what the first one has made ready, such
// as a process that renders, the others find.
type turn struct {
	served int // when its last turn was over, as a number that rises
	row    int // how many jobs have begun in its present turn
	soon   int // how many of the last ones in a row were wanted soon
}

// perTurn is how many jobs a turn is for, and short how long each of them may take for that: with a longer one the turn
// is over.
const perTurn, short = 4, time.Second

// soonInRow is how many jobs that are wanted soon begin before one that is not.
const soonInRow = 3

// ticket is a job in the queue.
type ticket struct {
	Job
	number   int           // in the order of arrival
	admitted chan struct{} // closed when it may run
	began    time.Time
	end      context.CancelCauseFunc
	ending   bool
}

// New returns an empty queue.
func New(o Options) *Queue {
	if o.Jobs <= 0 {
		o.Jobs = 1
	}
	return &Queue{o: o, turns: map[string]*turn{}}
}

// Do runs a job when its turn has come. It returns false, without running it, if ctx ends before that. The job's
// context also ends when an urgent one needs its room.
func (q *Queue) Do(ctx context.Context, j Job, do func(context.Context)) bool {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	t := &ticket{Job: j, admitted: make(chan struct{}), end: end}
	q.enter(t)
	defer q.leave(t)
	if !q.wait(ctx, t) {
		return false
	}
	do(ctx)
	return true
}

// wait returns when a job may run, or false when nobody wants it any more.
func (q *Queue) wait(ctx context.Context, t *ticket) bool {
	var impatient <-chan time.Time
	if t.Urgent && q.o.Patience > 0 {
		ticks := time.NewTicker(q.o.Patience)
		defer ticks.Stop()
		impatient = ticks.C
	}
	for {
		select {
		case <-t.admitted:
			return ctx.Err() == nil
		case <-ctx.Done():
			return false
		case <-impatient:
			q.makeRoom()
		}
	}
}

func (q *Queue) enter(t *ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.arrived++
	t.number = q.arrived
	q.waiting = append(q.waiting, t)
	if q.turns[t.Namespace] == nil {
		q.turns[t.Namespace] = &turn{}
	}
	q.admit()
}

func (q *Queue) leave(t *ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	is := func(other *ticket) bool { return other == t }
	q.waiting, q.running = slices.DeleteFunc(q.waiting, is), slices.DeleteFunc(q.running, is)
	if !slices.ContainsFunc(append(slices.Clone(q.waiting), q.running...), func(other *ticket) bool {
		return other.Namespace == t.Namespace
	}) {
		delete(q.turns, t.Namespace)
	} else if !t.began.IsZero() && time.Since(t.began) > short {
		q.begun++
		q.turns[t.Namespace].over(q.begun)
	}
	q.admit()
}

// makeRoom ends the longest running job that is not urgent.
func (q *Queue) makeRoom() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.running {
		if !t.Urgent && !t.ending {
			t.ending = true
			t.end(ErrEnded)
			return
		}
	}
}

// admit lets in whatever may run now.
func (q *Queue) admit() {
	slices.SortFunc(q.waiting, func(a, b *ticket) int {
		x, y := q.turns[a.Namespace], q.turns[b.Namespace]
		return cmp.Or(last(!a.Urgent)-last(!b.Urgent), last(x.row == 0)-last(y.row == 0), x.served-y.served,
			last(x.later(a))-last(y.later(b)), a.number-b.number)
	})
	for i := 0; i < len(q.waiting); i++ {
		t := q.waiting[i]
		if !q.fits(t) {
			continue
		}
		q.waiting = slices.Delete(q.waiting, i, i+1)
		q.running = append(q.running, t)
		t.began = time.Now()
		if q.begun++; q.turns[t.Namespace].begins(t) {
			q.turns[t.Namespace].over(q.begun)
		}
		close(t.admitted)
		q.admit() // its namespace may be last now
		return
	}
}

// begins counts a job of the namespace, and reports whether its turn is over with it.
func (t *turn) begins(j *ticket) bool {
	t.row++
	if t.soon++; !j.Soon {
		t.soon = 0
	}
	return t.row >= perTurn
}

// over puts the namespace behind all others.
func (t *turn) over(served int) { t.row, t.served = 0, served }

// later reports whether a job comes behind the others of its namespace.
func (t *turn) later(j *ticket) bool { return j.Soon == (t.soon >= soonInRow) }

// last orders what is first before what is not.
func last(is bool) int {
	if is {
		return 1
	}
	return 0
}

// fits reports whether a job may run beside those that do.
func (q *Queue) fits(t *ticket) bool {
	var all, own usage
	for _, r := range q.running {
		if t.Suspect && r.Suspect {
			return false
		}
		all.add(r)
		if r.Namespace == t.Namespace {
			own.add(r)
		}
	}
	if q.o.Memory > 0 && all.memory+t.Memory > q.o.Memory && len(q.running) > 0 {
		return false
	}
	if t.Urgent {
		return true
	}
	if all.jobs >= q.o.Jobs {
		return false
	}
	half := own.jobs+1 <= q.o.Jobs/2 && (q.o.Memory <= 0 || own.memory+t.Memory <= q.o.Memory/2)
	return own.jobs == 0 || half
}

// usage is what running jobs use of what is bounded. Urgent ones are not counted as jobs.
type usage struct {
	jobs   int
	memory int64
}

func (u *usage) add(t *ticket) {
	if !t.Urgent {
		u.jobs++
	}
	u.memory += t.Memory
}
