// Package kept reads what clusters have told in the notes of the repositories that Syncs follow, once for all who look,
// and again while somebody does.
package kept

import (
	"context"
	"errors"
	"os"
	gosync "sync"
	"time"

	"k8s.io/utils/lru"

	"github.com/daemongate/daemongate/gitsource"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/fairqueue"
	"github.com/daemongate/daemongate/sync/panics"
	"github.com/daemongate/daemongate/sync/source"
)

// How many fleets are kept, how many are read at once, of one namespace half as many, and how long that may take.
const (
	mostKept    = 16
	mostAtOnce  = 4
	readTimeout = 2 * time.Minute
)

// goodFor is how long what was read is good for while somebody looks.
const goodFor = 30 * time.Second

// Suspended is why nothing is read of a repository.
const Suspended = "The Sync is suspended, so its repository is not asked."

// Kept keeps what was read of fleets.
type Kept struct {
	// Panicked is told of each panic, for the log; nil for nobody. It is set before anybody looks.
	Panicked func(s *api.Sync, p *panics.Panic)
	// GoodFor is how long what was read is good for while somebody looks. It is set before anybody does.
	GoodFor time.Duration

	from    Reader
	queue   *fairqueue.Queue
	ctx     context.Context
	cancel  context.CancelFunc
	running gosync.WaitGroup

	mu      gosync.Mutex
	known   *lru.Cache // of *fleet, by identity
	all     map[*fleet]bool
	changed chan struct{}
}

// identity tells fleets apart: by a mirror, which belongs to a URL and the credentials for it, and a ref.
type identity struct {
	mirror *gitsource.Repository
	ref    gitsource.Ref
}

// fleet is one that is kept. The lock is the Kept's.
type fleet struct {
	identity
	notes   *notes
	seen    seen
	looking chan struct{} // is closed when the look that is under way has ended; nil if none is
	looked  time.Time     // when the newest look has ended; zero before the first
	bytes   int64         // of its notes' folder
	isGone  bool          // it is not kept any more
}

// Keep has fleets be kept. Close ends all reading.
func Keep(from Reader) *Kept {
	ctx, cancel := context.WithCancel(context.Background())
	k := &Kept{GoodFor: goodFor, from: from, queue: fairqueue.New(fairqueue.Options{Jobs: mostAtOnce}), ctx: ctx,
		cancel: cancel, changed: make(chan struct{})}
	k.known = lru.NewWithEvictionFunc(mostKept, func(_ lru.Key, gone any) {
		if f, is := gone.(*fleet); is {
			delete(k.all, f)
			f.isGone = true
			k.tidy(f)
		}
	})
	k.all = map[*fleet]bool{}
	return k
}

// Close ends all reading, and removes what was fetched.
func (k *Kept) Close() {
	k.mu.Lock()
	k.cancel()
	k.mu.Unlock()
	k.running.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known.Clear()
}

// tidy removes the notes of a fleet that is not kept any more, and of others if all together are too many. The lock is
// held. Whose look is under way is left alone until it has ended.
func (k *Kept) tidy(f *fleet) {
	if f.isGone && f.looking == nil {
		f.notes.drop()
	}
	total := int64(0)
	for one := range k.all {
		total += one.bytes
	}
	for one := range k.all {
		if total <= mostOfAll {
			return
		}
		if one.looking == nil {
			one.notes.drop()
			total -= one.bytes
			one.bytes = 0
		}
	}
}

// Changed is closed when there may be something new of some fleet.
func (k *Kept) Changed() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.changed
}

// Of is the fleet that follows a Sync's repository, by the newest commits, most at most. It is looked at anew in the
// background if that was some time ago; who asks waits for it until ctx ends, and gets what was known before then.
func (k *Kept) Of(ctx context.Context, s *api.Sync, most int) Fleet {
	mirror, err := k.from.Repository(ctx, s)
	if err != nil {
		return Fleet{Why: unread(err)}
	}
	f, ended, err := k.begin(s, identity{mirror, source.Follows(s)}, most)
	if err != nil {
		return Fleet{Why: unread(err)}
	}
	if ended != nil {
		select {
		case <-ended:
		case <-ctx.Done():
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return f.seen.newest(most, s.Spec.Suspend)
}

// begin begins to look at a fleet, if that is due. ended is closed at its end; nil if there is nothing to wait for.
func (k *Kept) begin(s *api.Sync, id identity, most int) (f *fleet, ended <-chan struct{}, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ctx.Err() != nil {
		return nil, nil, errors.New("the page is being closed")
	}
	if f, err = k.fleet(s, id); err != nil {
		return nil, nil, err
	}
	switch {
	case f.looking != nil:
		return f, f.looking, nil
	case s.Spec.Suspend, time.Since(f.looked) < k.GoodFor && (most <= f.seen.most || f.seen.why != ""):
		return f, nil, nil
	}
	f.looking = make(chan struct{})
	before := f.seen
	k.running.Go(func() { k.end(f, k.look(s, f, before, max(before.most, most))) })
	return f, f.looking, nil
}

// fleet is the one that is kept. The lock is held.
func (k *Kept) fleet(s *api.Sync, id identity) (*fleet, error) {
	if found, is := k.known.Get(id); is {
		if f, is := found.(*fleet); is {
			return f, nil
		}
	}
	folder, err := os.MkdirTemp(k.from.Folder, "fleet-")
	if err != nil {
		return nil, err
	}
	f := &fleet{identity: id, notes: newNotes(s.Spec.Source.URL, k.from.Auth(s), folder, k.from.Reach)}
	k.all[f] = true
	k.known.Add(id, f)
	return f, nil
}

// end notes what a look has come to.
func (k *Kept) end(f *fleet, now seen) {
	bytes := f.notes.size()
	k.mu.Lock()
	defer k.mu.Unlock()
	close(f.looking)
	f.looking, f.looked, f.bytes = nil, time.Now(), bytes
	isNews := !now.isLike(&f.seen)
	f.seen = now
	k.tidy(f)
	if isNews {
		close(k.changed)
		k.changed = make(chan struct{})
	}
}

// look looks, when others leave room for it.
func (k *Kept) look(s *api.Sync, f *fleet, before seen, most int) (now seen) {
	ctx, cancel := context.WithTimeout(k.ctx, readTimeout)
	defer cancel()
	now = before
	now.why = "Others are read first: look again in a minute."
	k.queue.Do(ctx, fairqueue.Job{Namespace: s.Namespace}, func(ctx context.Context) {
		p := panics.Catch("reading a fleet", func() { now = f.look(ctx, before, most, k.GoodFor) })
		if p == nil {
			return
		}
		now.why = "It cannot be read: " + p.Error()
		if k.Panicked != nil {
			k.Panicked(s, p)
		}
	})
	return now
}
