package stop

import (
	"context"
	"errors"
	gosync "sync"
	"time"
)

// together has those who ask at the same time share one answer. It is no cache: nobody is handed an answer to a
// question that was put before they asked. While a question is under way, all who ask meanwhile wait for the next one,
// which is put when that one is answered, and after patience at the latest.
type together[A any] struct {
	put      func(context.Context) (A, error)
	patience time.Duration

	mu gosync.Mutex
	// next is what will be put, nil if nobody has asked since the newest was; and newest what was put last.
	next, newest *question[A]
}

// question is what several have asked. Its answer is written before done is closed.
type question[A any] struct {
	done   chan struct{}
	answer A
	err    error
}

// errAbandoned is of a question of which whoever put it no longer wants the answer: the others ask again.
var errAbandoned = errors.New("whoever asked has gone away")

// ask returns the answer to a question that is put from now on.
func (t *together[A]) ask(ctx context.Context) (answer A, err error) {
	for {
		q, leads := t.join()
		if leads {
			return t.lead(ctx, q)
		}
		select {
		case <-ctx.Done():
			return answer, context.Cause(ctx)
		case <-q.done:
		}
		if !errors.Is(q.err, errAbandoned) {
			return q.answer, q.err
		}
	}
}

// join returns the question that is put next, and whether the caller has to put it.
func (t *together[A]) join() (q *question[A], leads bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == nil {
		t.next, leads = &question[A]{done: make(chan struct{}), err: errAbandoned}, true
	}
	return t.next, leads
}

// lead puts a question for all who have joined it by then. It stays abandoned if that panics.
func (t *together[A]) lead(ctx context.Context, q *question[A]) (A, error) {
	defer close(q.done)
	t.waitFor(ctx, t.before())
	t.mu.Lock()
	t.next, t.newest = nil, q // whoever asks from now on asks after this one was put
	t.mu.Unlock()
	answer, err := t.put(ctx)
	if ctx.Err() == nil {
		q.answer, q.err = answer, err
	}
	return answer, err
}

func (t *together[A]) before() *question[A] {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.newest
}

// waitFor waits until a question is answered, if there is one.
func (t *together[A]) waitFor(ctx context.Context, q *question[A]) {
	if q == nil {
		return
	}
	late := time.NewTimer(t.patience)
	defer late.Stop()
	select {
	case <-ctx.Done():
	case <-late.C:
	case <-q.done:
	}
}
