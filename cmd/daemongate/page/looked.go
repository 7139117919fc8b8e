package page

import (
	"context"
	"errors"
	gosync "sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/daemongate/daemongate/cmd/daemongate/follow"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// How long is waited between two looks at a Sync at least, and at most: while it rolls out, and while it does not.
const (
	lookPause    = 200 * time.Millisecond
	rollingPause = 5 * time.Second
	restingPause = 15 * time.Second
)

// mostLookedInto is how many Syncs are looked into at once.
const mostLookedInto = 200

// errTooMany says that too much is looked at.
var errTooMany = errors.New("too many Syncs are looked at just now: close a page, or try again in a minute")

// looked is a Sync that somebody looks into, with all its nodes.
type looked struct {
	cluster         *watched
	namespace, name string
	followed        *follow.Sync
	drawn           drawn
	changed         bell // has been seen anew
	cancel          context.CancelFunc
	over            chan struct{}

	read *api.Sync // where no watch has it; used by one look at a time
	at   time.Time

	mu   gosync.Mutex
	last sight
}

// lookInto begins to look into a Sync, unless somebody does already.
func (w *watched) lookInto(namespace, name string) (l *looked, done func(), err error) {
	key := namespace + "/" + name
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.into[key]
	if one == nil {
		w.forget()
		if len(w.into) >= mostLookedInto {
			return nil, nil, errTooMany
		}
		one = &shared[*looked]{lingers: w.lingers, close: (*looked).stop,
			open: func() *looked { return w.look(namespace, name) }}
		w.into[key] = one
	}
	l, done = one.use()
	return l, done, nil
}

// forget lets go of what nobody looks into any more. The lock is held.
func (w *watched) forget() {
	for key, one := range w.into {
		if one.closed() {
			delete(w.into, key)
		}
	}
}

func (w *watched) look(namespace, name string) *looked {
	ctx, cancel := context.WithCancel(w.ctx)
	l := &looked{cluster: w, namespace: namespace, name: name, cancel: cancel, over: make(chan struct{})}
	l.followed = &follow.Sync{Read: l.readSync, Follow: w.begin}
	go func() {
		defer close(l.over)
		defer l.followed.Stop()
		l.run(ctx)
	}()
	return l
}

func (l *looked) stop() {
	l.cancel()
	<-l.over
}

// run looks whenever something has changed.
func (l *looked) run(ctx context.Context) {
	for ctx.Err() == nil {
		listed := l.cluster.changed.next()
		wait := l.look(ctx)
		if !pause(ctx, lookPause) {
			return
		}
		timer := time.NewTimer(wait)
		for again := false; !again; {
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-listed:
				listed = l.cluster.changed.next()
				again = l.isAnother(ctx)
			case <-l.followed.News():
				again = true
			case <-timer.C:
				again = true
			}
		}
		timer.Stop()
	}
}

// isAnother reports whether the Sync is another one than was seen last.
func (l *looked) isAnother(ctx context.Context) bool {
	s, watched, err := l.cluster.one(ctx, l.namespace, l.name)
	last := l.now()
	return watched && (err != nil || last.seen.Sync == nil || s.ResourceVersion != last.seen.Sync.ResourceVersion)
}

// look takes a look, and says when the next one is due at the latest.
func (l *looked) look(ctx context.Context) (wait time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	seen, err := l.followed.Look(ctx)
	l.mu.Lock()
	l.last.err = err
	l.last.number++
	if err == nil || l.last.isOlder(seen) {
		l.last = l.last.then(seen)
	}
	s := l.last.seen.Sync
	l.mu.Unlock()
	l.changed.ring()
	switch {
	case err != nil, l.read != nil:
		return readPause
	case s.Status.InFlight != nil && !s.Status.InFlight.State.Settled():
		return rollingPause
	}
	return restingPause
}

func (l *looked) now() sight {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// first waits for the first sight.
func (l *looked) first(ctx context.Context) (sight, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		changed := l.changed.next()
		now := l.now()
		switch {
		case now.err != nil && (!now.is || isGone(now.err)):
			return now, now.err
		case now.is:
			return now, nil
		}
		select {
		case <-ctx.Done():
			return now, ctx.Err()
		case <-changed:
		}
	}
}

// unread is why the Sync itself cannot be read.
type unread struct{ error }

// Unwrap is the error as the API server has given it.
func (u unread) Unwrap() error { return u.error }

// isGone reports whether there is nothing to be seen any more, whatever was seen before. A refusal of something else
// than the Sync does not say so.
func isGone(err error) bool {
	var sync unread
	return errors.As(err, &sync) && (apierrors.IsNotFound(err) || apierrors.IsForbidden(err))
}

// readSync reads the Sync as it is, or as it was not long ago where every reading is a request.
func (l *looked) readSync(ctx context.Context) (*api.Sync, error) {
	if l.read != nil && time.Since(l.at) < readPause {
		return l.read, nil
	}
	s, watched, err := l.cluster.one(ctx, l.namespace, l.name)
	if err != nil {
		l.read = nil
		return nil, unread{err}
	}
	if watched {
		l.read = nil
		return s, nil
	}
	l.read, l.at = s, time.Now()
	return s, nil
}

// pause returns false if it was ended before.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
