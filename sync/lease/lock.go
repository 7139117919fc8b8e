package lease

import (
	"context"
	"fmt"
	gosync "sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// lock is the Lease as leader election reads and writes it. To a process that waits it shows the Lease only when it is
// free, so that election takes it at once; of one that holds it, it remembers when that was last confirmed.
type lock struct {
	resourcelock.Interface
	tell          func(text string)
	makeNamespace func(context.Context) error
	pause         time.Duration // between two looks of a process that waits

	// over is closed when the Lease was refused or lost: why says it.
	over chan struct{}

	mu        gosync.Mutex
	confirmed time.Time // when the last write that made this process the holder was sent; zero before the first one
	acquired  time.Time // when the first one was
	looked    time.Time // when the Lease was seen last while waiting, or that there is none
	ended     error     // why this process will not hold it any more
	trouble   error     // what the last request came to
	told      string
	seen      sighting // only used by election's own goroutine, like all that is read of the Lease
}

// mostPause is how long a process that waits pauses at most: a Lease that was let go is taken over within a second,
// also one that would have lasted for minutes.
const mostPause = time.Second / 2

func newLock(inner resourcelock.Interface, duration time.Duration, tell func(string)) *lock {
	return &lock{Interface: inner, tell: tell, pause: min(duration/30, mostPause), over: make(chan struct{})}
}

// Get returns the Lease: at once if this process has it, else when it is free. A holder that has not renewed it is left
// out of what is returned, because election would begin to count that holder's time anew.
func (k *lock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	for {
		record, raw, err := k.Interface.Get(ctx)
		if k.has() {
			k.checkHolder(record, err)
			return record, raw, err
		}
		if err == nil || apierrors.IsNotFound(err) {
			k.noteLook(time.Now())
			if k.seen.look(record, time.Now()); k.seen.free(k.Identity(), time.Now()) {
				return withoutHolder(record, k.Identity()), raw, err
			}
			k.say("waiting: " + k.seen.words(k.Describe()))
		} else if k.refused(ctx, err) {
			return nil, nil, err
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(k.pause):
		}
	}
}

func (k *lock) noteLook(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.looked = now
}

// withoutHolder is a free Lease as election takes it at once.
func withoutHolder(record *resourcelock.LeaderElectionRecord, identity string) *resourcelock.LeaderElectionRecord {
	if record == nil || record.HolderIdentity == identity {
		return record
	}
	free := *record
	free.HolderIdentity = ""
	return &free
}

// Create makes the Lease, and its namespace if that is missing.
func (k *lock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	sent := time.Now()
	err := k.Interface.Create(ctx, k.dated(record, sent))
	if apierrors.IsNotFound(err) && k.makeNamespace != nil {
		if err = k.makeNamespace(ctx); err == nil {
			sent = time.Now()
			err = k.Interface.Create(ctx, k.dated(record, sent))
		}
	}
	k.wrote(ctx, sent, err)
	return err
}

// Update takes or renews the Lease, but not once it was lost.
func (k *lock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if err := k.why(); err != nil {
		return err
	}
	sent := time.Now()
	err := k.Interface.Update(ctx, k.dated(record, sent))
	k.wrote(ctx, sent, err)
	return err
}

// dated is what election writes, with the times that are so: election reads the clock before it asks for the Lease, and
// Get may have waited long since then.
func (k *lock) dated(record resourcelock.LeaderElectionRecord, sent time.Time) resourcelock.LeaderElectionRecord {
	k.mu.Lock()
	defer k.mu.Unlock()
	record.RenewTime, record.AcquireTime = metav1.NewTime(sent), metav1.NewTime(sent)
	if !k.acquired.IsZero() {
		record.AcquireTime = metav1.NewTime(k.acquired)
	}
	return record
}

// wrote notes what a write of the Lease came to.
func (k *lock) wrote(ctx context.Context, sent time.Time, err error) {
	if err != nil {
		// somebody else was faster: the next look tells who
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			k.refused(ctx, err)
		}
		return
	}
	k.mu.Lock()
	first := k.confirmed.IsZero()
	if first {
		k.acquired = sent
	}
	k.confirmed, k.trouble = sent, nil
	waited := k.told != ""
	k.mu.Unlock()
	if first && waited {
		k.tell(fmt.Sprintf("holds the Lease %s now: %s", k.Describe(), k.seen.how()))
	}
}

// refused notes what could not be done. It reports whether trying again is of no use: this process has no right to the
// Lease, or there can be none of that name. A holder tries again in any case.
func (k *lock) refused(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	k.mu.Lock()
	k.trouble = err
	k.mu.Unlock()
	if k.has() {
		return false
	}
	if !definite(err) {
		k.say(fmt.Sprintf("waiting: the Lease %s cannot be had: %v; trying again", k.Describe(), err))
		return false
	}
	k.end(fmt.Errorf("the Lease %s cannot be had: %w (who runs a controller needs get, create and update of leases "+
		"in that namespace; one that looks after other Syncs than all others may hold another Lease: see "+
		"--lease-namespace)", k.Describe(), err))
	return true
}

// definite reports whether an answer stays as it is until a person does something.
func definite(err error) bool {
	switch {
	case apierrors.HasStatusCause(err, "NamespaceTerminating"):
		return false
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err), apierrors.IsInvalid(err),
		apierrors.IsBadRequest(err):
		return true
	}
	return false
}

// checkHolder ends this process' time if another one holds the Lease.
func (k *lock) checkHolder(record *resourcelock.LeaderElectionRecord, err error) {
	if err == nil && record.HolderIdentity != "" && record.HolderIdentity != k.Identity() {
		k.lose(fmt.Errorf("%s holds it now", describe(record.HolderIdentity)))
	}
}

// release lets the Lease go, if this process holds it, so that the next one need not wait. Election must have ended.
// Its own release looks at what it remembers, not at what it has just read, and would let go another one's Lease.
func (k *lock) release(within time.Duration) {
	if !k.has() {
		return
	}
	k.lose(fmt.Errorf("it was released"))
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for ctx.Err() == nil {
		record, _, err := k.Interface.Get(ctx)
		if err != nil || record.HolderIdentity != k.Identity() {
			return
		}
		record.HolderIdentity, record.LeaseDurationSeconds = "", 1
		if err := k.Interface.Update(ctx, *record); !apierrors.IsConflict(err) {
			return // what is not released runs out
		}
	}
}
