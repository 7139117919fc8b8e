package watch

import (
	"context"
	"fmt"
	gosync "sync"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// How often the Sync is read, how often its rollout is judged at most, and how long either may take.
const (
	readPause = 2 * time.Second
	lookPause = time.Second
	patience  = 10 * time.Second
)

// looker looks at one Sync, again and again.
type looker struct {
	reach           Reach
	config          *rest.Config
	syncs           *sync.Syncs
	namespace, name string

	mu        gosync.Mutex // a look may still be on its way when the user has left
	sync      *api.Sync
	read      time.Time // when sync was read
	following string    // which flight, as written
	follower  Follower  // nil while nothing is in flight
}

// newLooker connects to the cluster.
func newLooker(r Reach, name string) (*looker, error) {
	config, namespace, err := r.Connect()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &looker{reach: r, config: config, syncs: sync.NewSyncs(client), namespace: namespace, name: name}, nil
}

// look reads the Sync if that is due, and judges what it has in flight.
func (l *looker) look(ctx context.Context) (view.Seen, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return view.Seen{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if now := time.Now(); l.sync == nil || now.Sub(l.read) >= readPause {
		s, err := l.syncs.Get(ctx, l.namespace, l.name)
		if err != nil {
			return view.Seen{}, err
		}
		l.sync, l.read = s, now
	}
	if err := l.follow(); err != nil {
		return view.Seen{}, err
	}
	seen := view.Seen{Now: time.Now(), Sync: l.sync}
	if l.follower == nil {
		return seen, nil
	}
	judged, err := l.follower.Judge(ctx)
	if err != nil {
		return view.Seen{}, err
	}
	seen.Judged, seen.Now = judged, l.follower.Now()
	return seen, nil
}

// follow begins to look at another flight, if it is another one.
func (l *looker) follow() error {
	which := flightOf(l.sync)
	if which == l.following {
		return nil
	}
	l.leave()
	if which != "" {
		follower, err := l.reach.Follow(l.config, l.sync)
		if err != nil {
			return err
		}
		l.follower = follower
	}
	l.following = which
	return nil
}

// flightOf tells flights apart by what was written of them; empty while nothing is waited for.
func flightOf(s *api.Sync) string {
	f := s.Status.InFlight
	if f == nil || len(f.Workloads) == 0 {
		return ""
	}
	which := fmt.Sprint(s.Generation, f.Commit)
	for _, w := range f.Workloads {
		which += fmt.Sprint(" ", w.UID, w.Generation, w.AppliedAt.UnixMicro())
	}
	return which
}

// stop ends all looking, once a look that is on its way has ended.
func (l *looker) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leave()
}

// leave stops following what is followed.
func (l *looker) leave() {
	if l.follower != nil {
		l.follower.Stop()
		l.follower = nil
	}
	l.following = ""
}
