package changes

import (
	"context"
	"fmt"
	gosync "sync"
	"time"

	"k8s.io/utils/lru"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/fairqueue"
	"github.com/daemongate/daemongate/sync/panics"
)

// How much is kept, how many commits are read at once, of one namespace half as many, and how long that may take.
const (
	mostKept    = 16
	mostAtOnce  = 4
	readTimeout = 2 * time.Minute
	// againAfter is how long a commit that could not be read is not tried again.
	againAfter = 5 * time.Second
	// laterAfter is that of a commit that is to be tried later.
	laterAfter = time.Minute
)

// Kept reads each commit once for all who look, in the background: who looks need not wait for a repository to come.
type Kept struct {
	// Panicked is told of each panic, for the log; nil for nobody. It is set before anybody looks.
	Panicked func(s *api.Sync, p *panics.Panic)

	read    func(ctx context.Context, s *api.Sync, before, commit string) Of
	queue   *fairqueue.Queue
	ctx     context.Context
	cancel  context.CancelFunc
	running gosync.WaitGroup

	mu    gosync.Mutex
	known *lru.Cache // of *reading
}

// reading is a commit that is read. What came of it is written before done is closed.
type reading struct {
	done chan struct{}
	of   Of
	at   time.Time
}

// Keep has what is read be kept. Close ends all reading.
func Keep(read func(ctx context.Context, s *api.Sync, before, commit string) Of) *Kept {
	ctx, cancel := context.WithCancel(context.Background())
	return &Kept{read: read, queue: fairqueue.New(fairqueue.Options{Jobs: mostAtOnce}), ctx: ctx, cancel: cancel,
		known: lru.New(mostKept)}
}

// Close ends all reading.
func (k *Kept) Close() {
	k.mu.Lock()
	k.cancel()
	k.mu.Unlock()
	k.running.Wait()
}

// Of is what a commit has changed against one before it. Where it is not known until ctx ends, it says that.
func (k *Kept) Of(ctx context.Context, s *api.Sync, before, commit string) Of {
	r := k.begin(s, before, commit)
	select {
	case <-r.done:
		return r.of
	case <-ctx.Done():
		return Of{Before: before, Passing: true}.none("It is being read from the repository: look again in a moment.")
	}
}

// begin begins to read, unless that is known or under way.
func (k *Kept) begin(s *api.Sync, before, commit string) *reading {
	key := fmt.Sprintf("%s/%s %s %d %s %s", s.Namespace, s.Name, s.UID, s.Generation, before, commit)
	k.mu.Lock()
	defer k.mu.Unlock()
	if known, is := k.known.Get(key); is {
		if r, is := known.(*reading); is && !r.isOver() {
			return r
		}
	}
	r := &reading{done: make(chan struct{})}
	k.known.Add(key, r)
	if k.ctx.Err() != nil {
		r.of = Of{}.none("The page is being closed.")
		close(r.done)
		return r
	}
	k.running.Go(func() {
		defer close(r.done)
		r.of, r.at = k.now(s, before, commit), time.Now()
	})
	return r
}

// isOver reports whether it is time for another try.
func (r *reading) isOver() bool {
	select {
	case <-r.done:
		after := againAfter
		if r.of.Later {
			after = laterAfter
		}
		return r.of.Passing && time.Since(r.at) > after
	default:
		return false
	}
}

// now reads, when others leave room for it.
func (k *Kept) now(s *api.Sync, before, commit string) (of Of) {
	ctx, cancel := context.WithTimeout(k.ctx, readTimeout)
	defer cancel()
	of = Of{Before: before, Passing: true}.none("Others are read first: look again in a minute.")
	k.queue.Do(ctx, fairqueue.Job{Namespace: s.Namespace}, func(ctx context.Context) {
		if p := panics.Catch("reading a commit", func() { of = k.read(ctx, s, before, commit) }); p != nil {
			of = Of{Before: before, Passing: true, Later: true}.none("It cannot be read: %v", p)
			if k.Panicked != nil {
				k.Panicked(s, p)
			}
		}
	})
	return of
}
