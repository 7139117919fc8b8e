// Package follow looks at a Sync again and again, and has what it has in flight judged.
package follow

import (
	"context"
	"fmt"
	gosync "sync"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// Follower judges what one commit in flight waits for, again and again.
type Follower interface {
	// Judge returns what the newest look amounts to. Without news it is the same as before.
	Judge(ctx context.Context) ([]report.Judged, error)
	// News has a value when something may have changed.
	News() <-chan struct{}
	// Now is the time, by the API server's clock.
	Now() time.Time
	Stop()
}

// Sync is one Sync that is looked at. It is safe for concurrent use.
type Sync struct {
	// Read returns the Sync as it is, and Follow begins to look at what its commit in flight waits for. Follow returns
	// no follower of a Sync whose status alone is to be seen.
	Read   func(context.Context) (*api.Sync, error)
	Follow func(*api.Sync) (Follower, error)
	// Anew returns the Sync as it is at this moment, where Read may be late; nil where it is not.
	Anew func(context.Context) (*api.Sync, error)

	mu        gosync.Mutex // a look may still be on its way when it is to stop
	following string       // which flight, as written
	follower  Follower     // nil while nothing is in flight, and of what is not to be judged
}

// Look reads the Sync, and judges what it has in flight. Where that cannot be judged it returns the Sync, with why.
func (s *Sync) Look(ctx context.Context) (view.Seen, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return view.Seen{}, err
	}
	read, err := s.Read(ctx)
	if err != nil {
		return view.Seen{}, err
	}
	seen, err := s.lookAt(ctx, read)
	if err != nil || !contested(seen.Judged) {
		return seen, err
	}
	// The next commit may have been applied since the Sync was read: nobody is to be blamed for that.
	if s.Anew != nil {
		read, err = s.Anew(ctx)
	} else {
		read, err = s.Read(ctx)
	}
	if err != nil || flightOf(read) == s.following {
		return seen, err
	}
	return s.lookAt(ctx, read)
}

// contested reports whether an object is said to be another one than the commit in flight has asked for.
func contested(judged []report.Judged) bool {
	for i := range judged {
		for _, c := range judged[i].Judgement.Causes {
			if c.Code == rollout.Overwritten || c.Code == rollout.Deleted {
				return true
			}
		}
	}
	return false
}

// lookAt judges what a Sync that was read has in flight. The lock is held.
func (s *Sync) lookAt(ctx context.Context, read *api.Sync) (view.Seen, error) {
	seen := view.Seen{Now: time.Now(), Sync: read}
	if err := s.follow(read); err != nil {
		return seen, err
	}
	if s.follower == nil {
		return seen, nil
	}
	judged, err := s.follower.Judge(ctx)
	if err != nil {
		return seen, err
	}
	seen.Judged, seen.Now = judged, s.follower.Now()
	return seen, nil
}

// News has a value when what is in flight may have changed; nil while nothing is.
func (s *Sync) News() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.follower == nil {
		return nil
	}
	return s.follower.News()
}

// follow begins to look at another flight, if it is another one.
func (s *Sync) follow(read *api.Sync) error {
	which := flightOf(read)
	if which == s.following {
		return nil
	}
	s.leave()
	if which != "" {
		follower, err := s.Follow(read)
		if err != nil {
			return err
		}
		s.follower = follower
	}
	s.following = which
	return nil
}

// flightOf tells flights apart by what was written of them; empty while nothing is waited for, of a Sync that writes to
// another cluster, and of one that waits for more than its status has room for: its status alone is shown.
func flightOf(s *api.Sync) string {
	f := s.Status.InFlight
	if f == nil || len(f.Workloads) == 0 || s.IsElsewhere() || s.Status.StoredWorkloads != nil {
		return ""
	}
	which := fmt.Sprint(s.Generation, f.Commit)
	for _, w := range f.Workloads {
		which += fmt.Sprint(" ", w.UID, w.Generation, w.AppliedAt.UnixMicro())
	}
	return which
}

// Stop ends all looking, once a look that is on its way has ended.
func (s *Sync) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave()
}

// leave stops following what is followed.
func (s *Sync) leave() {
	if s.follower != nil {
		s.follower.Stop()
		s.follower = nil
	}
	s.following = ""
}
