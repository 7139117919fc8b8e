package alerts

import (
	"context"
	"fmt"
	"maps"
	gosync "sync"
	"time"

	"github.com/daemongate/daemongate/sync/backoff"
	"github.com/daemongate/daemongate/sync/fairqueue"
	"github.com/daemongate/daemongate/sync/panics"
)

const (
	// Interval is how often a source is asked while a rollout may go on by its answer.
	Interval = 15 * time.Second
	// GoodFor is how long an answer counts. Then nobody knows.
	GoodFor = 45 * time.Second

	// atOnce bounds how many servers are asked at once; those of one namespace are half of them at most.
	atOnce = 8
	// perNamespace bounds how many different questions the Syncs of a namespace have.
	perNamespace = 100
	// restFor is after how long without a look a question begins anew: what was answered before opens nothing.
	restFor = 2 * Interval
	// keptFor is how long an answer is kept after which nobody has looked.
	keptFor = 2 * time.Minute
)

// Answer is what a source said last.
type Answer struct {
	// At is when it was asked; zero if it has not answered yet.
	At     time.Time
	Firing []string
	// Problem is why it could not say, since then; nil if it could.
	Problem error
}

// mostNamed is how many alerts one sentence names.
const mostNamed = 3

// Fires reports whether alerts fire by an answer at a time, and that is known.
func (a Answer) Fires(now time.Time) bool {
	return a.Problem == nil && a.isFresh(now) && len(a.Firing) > 0
}

func (a Answer) isFresh(now time.Time) bool {
	return !a.At.IsZero() && now.Sub(a.At) <= GoodFor && !a.At.After(now.Add(GoodFor))
}

// Closed says why nothing may go on by an answer at a time: alerts fire, or it is not known whether some do. Empty if
// it may.
func (a Answer) Closed(now time.Time) string {
	switch {
	case a.Problem != nil:
		return fmt.Sprintf("it is not known whether alerts fire: %v", a.Problem)
	case !a.isFresh(now):
		return "it is not known yet whether alerts fire"
	case len(a.Firing) == 0:
		return ""
	}
	text := "alerts fire: "
	for i, name := range a.Firing[:min(len(a.Firing), mostNamed)] {
		if i > 0 {
			text += ", "
		}
		text += name
	}
	if more := len(a.Firing) - mostNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Question is what a Sync wants to know.
type Question struct {
	// Namespace is the tenant's, and Of tells its questions apart: what is asked, and with which credentials.
	Namespace, Of string
	// By is who asks, and Wake is called when an answer is there.
	By   string
	Wake func()
	// Ask must end when its context does.
	Ask func(context.Context) ([]string, error)
}

// Options are how Askers work.
type Options struct {
	Now func() time.Time
	// Beside runs what takes long beside the turns of the Syncs.
	Beside func(func())
	// Panicked is told of a panic of a question, and by whom that was asked.
	Panicked func(by string, p *panics.Panic)
}

// Askers ask for all Syncs, beside their turns: those of one namespace that want to know the same of the same server,
// with the same credentials, share an asker. So a server is asked as often for a hundred Syncs as for one.
type Askers struct {
	life  context.Context
	o     Options
	queue *fairqueue.Queue

	mu    gosync.Mutex
	all   map[[2]string]*asker // by namespace and question
	swept time.Time
}

// asker is one question, which may be that of many.
type asker struct {
	last    Answer
	asking  bool
	due     time.Time // of the next time it is asked
	retries int
	looked  time.Time
	waiting map[string]func() // who is woken, by who asks
}

// NewAskers makes them. What they ask ends with the context.
func NewAskers(life context.Context, o Options) *Askers {
	return &Askers{life: life, o: o, queue: fairqueue.New(fairqueue.Options{Jobs: atOnce}), all: map[[2]string]*asker{}}
}

// Last is the newest answer to a question, which is not asked.
func (a *Askers) Last(namespace, of string) Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	if one := a.all[[2]string{namespace, of}]; one != nil {
		return one.last
	}
	return Answer{}
}

// Look is the newest answer, and when to look again: zero if another one is being asked for, as it is if it is due.
func (a *Askers) Look(q Question) (Answer, time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now, key := a.o.Now(), [2]string{q.Namespace, q.Of}
	a.sweep(now)
	one := a.all[key]
	if one == nil {
		if a.isFull(q.Namespace) {
			return Answer{Problem: fmt.Errorf("the Syncs of namespace %s ask more than %d different questions about "+
					"alerts at once: have them share spec.rollout.pace.gates.alerts", q.Namespace, perNamespace)},
				now.Add(time.Minute)
		}
		one = &asker{waiting: map[string]func(){}}
		a.all[key] = one
	}
	if now.Sub(one.looked) > restFor {
		one.last, one.retries = Answer{}, 0
	}
	one.looked = now
	if !one.asking && !now.Before(one.due) && a.life.Err() == nil {
		one.asking = true
		a.o.Beside(func() { a.ask(q, one) })
	}
	if one.asking {
		one.waiting[q.By] = q.Wake
		return one.last, time.Time{}
	}
	return one.last, one.due
}

// isFull reports whether the Syncs of a namespace have as many questions as they may.
func (a *Askers) isFull(namespace string) bool {
	n := 0
	for key := range a.all {
		if key[0] == namespace {
			n++
		}
	}
	return n >= perNamespace
}

// sweep forgets, now and then, what nobody looks at any more.
func (a *Askers) sweep(now time.Time) {
	if age := now.Sub(a.swept); age >= 0 && age < keptFor/4 {
		return
	}
	a.swept = now
	maps.DeleteFunc(a.all, func(_ [2]string, one *asker) bool { return !one.asking && now.Sub(one.looked) > keptFor })
}

// ask asks when its turn has come. Whatever panics at that, all who wait are woken: to them it could not be asked.
func (a *Askers) ask(q Question, one *asker) {
	var at time.Time
	var firing []string
	err := context.Canceled
	a.queue.Do(a.life, fairqueue.Job{Namespace: q.Namespace}, func(ctx context.Context) {
		at = a.o.Now()
		if p := a.catch(q.By, "asking about alerts", func() { firing, err = q.Ask(ctx) }); p != nil {
			err = p
		}
	})
	for by, wake := range a.note(one, at, firing, err) {
		_ = a.catch(by, "waking a Sync with an answer about alerts", wake)
	}
}

// catch does something for somebody, and tells of the panic that ended it; nil if none did.
func (a *Askers) catch(by, doing string, do func()) *panics.Panic {
	p := panics.Catch(doing, do)
	if p != nil {
		a.o.Panicked(by, p)
	}
	return p
}

// note takes an answer in, and returns how those who asked are woken. What cannot be asked is asked again after 2 s at
// first, and every minute at last.
func (a *Askers) note(one *asker, asked time.Time, says []string, err error) (wakes map[string]func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.o.Now()
	wakes, one.waiting = one.waiting, map[string]func(){}
	if one.asking = false; err != nil {
		one.last.Problem = err
		one.retries++
		one.due = now.Add(backoff.After(one.retries, 2*time.Second, time.Minute))
		return wakes
	}
	one.last, one.retries = Answer{At: asked, Firing: says}, 0
	one.due = now.Add(Interval)
	return wakes
}
