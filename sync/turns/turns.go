// Package turns decides whose turn it is next, and keeps a turn that waits for somebody from holding up the others.
package turns

import (
	"strings"
	gosync "sync"
	"time"

	"k8s.io/client-go/util/workqueue"
)

// Options bound how many turns there are at once.
type Options struct {
	// Places is how many turns work at once.
	Places int
	// Patience is how long a turn has its place. One that takes longer most likely waits for a server: it goes on
	// without, and the next turn has the place. DefaultPatience if 0.
	Patience time.Duration
	// Namespace is how many turns of one namespace are under way at once, those without a place too. DefaultNamespace
	// if 0, and never less than Places.
	Namespace int
	// Urgent reports whether a key goes before others of its namespace that are not; none does if it is nil. It is
	// asked when the key is added, and must not block.
	Urgent func(key string) bool
}

// The defaults. What a namespace may have at once is for the API server's sake.
const (
	DefaultPatience  = 100 * time.Millisecond
	DefaultNamespace = 16
)

// Queue has the keys, namespace/name, of those who are to have a turn. It is a workqueue: a key that is added twice has
// one turn, and has no two at once.
type Queue struct {
	workqueue.TypedRateLimitingInterface[string]
	o Options

	mu gosync.Mutex
	// underWay is how many turns of a namespace are, or are promised to keys that have waited, and rest are its keys
	// that wait until one of those ends: there are none while another turn may begin.
	underWay map[string]int
	promised map[string]bool
	rest     map[string]*waiting
}

// waiting are the keys that wait, each once.
type waiting struct {
	ranked
	has map[string]bool
}

// New returns an empty queue.
func New(o Options) *Queue {
	o.Places = max(o.Places, 1)
	if o.Patience <= 0 {
		o.Patience = DefaultPatience
	}
	if o.Namespace <= 0 {
		o.Namespace = DefaultNamespace
	}
	o.Namespace = max(o.Namespace, o.Places)
	if o.Urgent == nil {
		o.Urgent = func(string) bool { return false }
	}
	fair := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[string]{Queue: &line{urgent: o.Urgent,
		keys: map[string]*ranked{}}})
	return &Queue{o: o, underWay: map[string]int{}, promised: map[string]bool{}, rest: map[string]*waiting{},
		TypedRateLimitingInterface: workqueue.NewTypedRateLimitingQueueWithConfig(
			workqueue.NewTypedItemExponentialFailureRateLimiter[string](100*time.Millisecond, 30*time.Second),
			workqueue.TypedRateLimitingQueueConfig[string]{DelayingQueue: workqueue.NewTypedDelayingQueueWithConfig(
				workqueue.TypedDelayingQueueConfig[string]{Queue: fair})})}
}

// Serve gives turns until the queue is shut down, and returns when all have ended.
func (q *Queue) Serve(give func(key string)) {
	var running gosync.WaitGroup
	for range q.o.Places {
		running.Go(func() { q.work(&running, give) })
	}
	running.Wait()
}

// work has a place, and gives turns one after the other. When one of them takes long, another worker gets the place,
// and this one ends with that turn.
func (q *Queue) work(running *gosync.WaitGroup, give func(key string)) {
	for {
		key, shutDown := q.Get()
		if shutDown {
			return
		}
		if !q.begin(key) {
			continue
		}
		passedOn := make(chan struct{})
		late := time.AfterFunc(q.o.Patience, func() {
			running.Go(func() { q.work(running, give) })
			close(passedOn)
		})
		give(key)
		has := late.Stop()
		q.end(key)
		if !has {
			<-passedOn
			return
		}
	}
}

// begin notes a turn. It reports false if so many of its namespace are under way that this one has to wait.
func (q *Queue) begin(key string) bool {
	namespace := namespaceOf(key)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.promised[key] {
		delete(q.promised, key)
		return true
	}
	if q.underWay[namespace] < q.o.Namespace {
		q.underWay[namespace]++
		return true
	}
	if q.rest[namespace] == nil {
		q.rest[namespace] = &waiting{has: map[string]bool{}}
	}
	q.rest[namespace].wait(key, q.o.Urgent(key))
	q.Done(key)
	return false
}

// end promises the turn to the one of the namespace that is next of those that wait: else a key that is added all the
// time would be there first each time.
func (q *Queue) end(key string) {
	namespace := namespaceOf(key)
	q.mu.Lock()
	defer q.mu.Unlock()
	if w := q.rest[namespace]; w != nil {
		next := w.take()
		delete(w.has, next)
		if w.len() == 0 {
			delete(q.rest, namespace)
		}
		q.promised[next] = true
		q.Add(next)
	} else if q.underWay[namespace]--; q.underWay[namespace] == 0 {
		delete(q.underWay, namespace)
	}
	q.Done(key)
}

func (w *waiting) wait(key string, urgent bool) {
	if !w.has[key] {
		w.has[key] = true
		w.add(key, urgent)
	} else if urgent {
		w.raise(key)
	}
}

func namespaceOf(key string) string {
	namespace, _, _ := strings.Cut(key, "/")
	return namespace
}
