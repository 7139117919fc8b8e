package watch

import (
	"context"
	"time"

	"k8s.io/client-go/dynamic"

	"github.com/daemongate/daemongate/cmd/daemongate/follow"
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
	syncs           *sync.Syncs
	namespace, name string
	followed        *follow.Sync

	sync *api.Sync
	at   time.Time // when sync was read
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
	l := &looker{reach: r, syncs: sync.NewSyncs(client), namespace: namespace, name: name}
	l.followed = &follow.Sync{Read: l.read, Anew: l.readNow,
		Follow: func(s *api.Sync) (follow.Follower, error) { return r.Follow(config, s) }}
	return l, nil
}

// look reads the Sync if that is due, and judges what it has in flight.
func (l *looker) look(ctx context.Context) (view.Seen, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return l.followed.Look(ctx)
}

// read returns the Sync as it was not long ago.
func (l *looker) read(ctx context.Context) (*api.Sync, error) {
	if l.sync != nil && time.Since(l.at) < readPause {
		return l.sync, nil
	}
	return l.readNow(ctx)
}

// readNow returns the Sync as it is.
func (l *looker) readNow(ctx context.Context) (*api.Sync, error) {
	now := time.Now()
	s, err := l.syncs.Get(ctx, l.namespace, l.name)
	if err != nil {
		return nil, err
	}
	l.sync, l.at = s, now
	return s, nil
}

// stop ends all looking, once a look that is on its way has ended.
func (l *looker) stop() { l.followed.Stop() }
