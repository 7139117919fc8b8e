// Package clusters connects to the clusters that the kubeconfigs of Syncs lead to, and knows which of them can be
// reached.
package clusters

import (
	"context"
	"crypto/sha256"
	"fmt"
	gosync "sync"
	"sync/atomic"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/utils/lru"

	"github.com/daemongate/daemongate/manifests/kubeconfig"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/backoff"
)

const (
	// most is how many kubeconfigs are kept.
	most = 1000
	// lookEvery is how long it takes, at most, until a Sync's next turn looks at its Secret, and whether the cluster is
	// still the same; and leastPause how long after trouble. While there is trouble pauses grow to lookEvery.
	lookEvery  = time.Minute
	leastPause = time.Second
	// mostRequests is of how many Syncs with the same kubeconfig it is remembered what people asked for last.
	mostRequests = 10_000
)

// Options are what connecting needs.
type Options struct {
	// Read reads the data of a Secret that a field of a Sync names. Its error is a *sync.Barred if a person has to put
	// something right.
	Read func(ctx context.Context, namespace, name string) (map[string][]byte, error)
	// Guard has connections write only while they may.
	Guard func(*rest.Config) *rest.Config
	// Control is that of a net.Dialer: it refuses addresses.
	Control func(network, address string, c syscall.RawConn) error
	// Home is the beginning of the UID of the cluster with the Syncs, empty if nobody may know it.
	Home func(context.Context) (string, error)
}

// Clusters are the clusters that kubeconfigs lead to, each connected once for all Syncs that name the same Secret. It
// is safe for concurrent use.
type Clusters struct {
	o Options

	mu    gosync.Mutex
	known *lru.Cache // of *entry, by place
}

// New connects to nothing yet.
func New(o Options) *Clusters { return &Clusters{o: o, known: lru.New(most)} }

// place is where a kubeconfig is.
type place struct{ namespace, name, key string }

func placeOf(s *api.Sync) place {
	ref := s.Spec.Apply.KubeConfig.SecretRef
	return place{s.Namespace, ref.Name, ref.Key}
}

// entry is what is known of one kubeconfig.
type entry struct {
	looking gosync.Mutex // held by whoever finds out
	state   atomic.Pointer[state]
	// requests are what people asked for last, by the name of the Sync; Clusters guards them.
	requests map[string]string
}

// state is what was found out when somebody looked last.
type state struct {
	// at is the newest connection that reached its cluster, nil if none has; and barred why it is not used, nil if it
	// is.
	at     *Connection
	barred *sync.Barred
	looked time.Time
	// failed is how often in a row there was trouble.
	failed int
}

// due is how long it takes until somebody should look again; not more than 0 if at once.
func (s *state) due(now time.Time) time.Duration {
	pause := lookEvery
	switch {
	case s == nil:
		return 0
	case s.barred != nil:
		pause = backoff.After(s.failed, leastPause, lookEvery)
	case s.at.suspect.Load():
		pause = leastPause
	}
	return s.looked.Add(pause).Sub(now)
}

// At is the connection to the cluster that a Sync's kubeconfig leads to, nil if there has been none, and why it is
// not used, nil if it is. It looks anew if that is due, or a person has asked for the Sync to be looked after;
// whoever comes meanwhile is told what was known before. Again is how soon to ask again, 0 for whenever one likes.
func (c *Clusters) At(ctx context.Context, s *api.Sync) (at *Connection, barred *sync.Barred, again time.Duration) {
	e := c.entry(placeOf(s))
	asked := c.asked(e, s)
	if st := e.state.Load(); asked || st.due(time.Now()) <= 0 {
		e.look(ctx, st, func(before *state) *state { return c.look(ctx, placeOf(s), before) })
	}
	return e.tell()
}

// asked reports whether a person has asked for a Sync since it was seen last.
func (c *Clusters) asked(e *entry, s *api.Sync) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := s.Annotations[sync.RequestAnnotation]
	before, known := e.requests[s.Name]
	if !known && len(e.requests) >= mostRequests {
		clear(e.requests) // of Syncs that are gone by now, too
	}
	e.requests[s.Name] = now
	return known && before != now
}

// Known is what is known without looking.
func (c *Clusters) Known(s *api.Sync) (*Connection, *sync.Barred) {
	at, barred, _ := c.entry(placeOf(s)).tell()
	return at, barred
}

func (c *Clusters) entry(p place) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.known.Get(p); ok {
		if e, ok := known.(*entry); ok {
			return e
		}
	}
	e := &entry{requests: map[string]string{}}
	c.known.Add(p, e)
	return e
}

// look finds out more than was known, unless somebody else does or just has. The first look of all is waited for.
func (e *entry) look(ctx context.Context, known *state, find func(before *state) *state) {
	if known == nil {
		e.looking.Lock()
	} else if !e.looking.TryLock() {
		return
	}
	defer e.looking.Unlock()
	if before := e.state.Load(); before == known {
		if found := find(before); ctx.Err() == nil {
			e.state.Store(found)
		}
	}
}

// notYet bars a Sync whose cluster nobody has looked for.
var notYet = &sync.Barred{Reason: unreachable, Message: "the cluster of spec.apply.kubeConfig is being connected to",
	Passes: true}

func (e *entry) tell() (at *Connection, barred *sync.Barred, again time.Duration) {
	st := e.state.Load()
	switch {
	case st == nil:
		return nil, notYet, leastPause
	case st.barred != nil || st.at.suspect.Load():
		again = max(st.due(time.Now()), leastPause) // also while somebody looks who may have to wait for long
	}
	return st.at, st.barred, again
}

// look reads the kubeconfig, and asks the cluster that it leads to which one it is.
func (c *Clusters) look(ctx context.Context, p place, before *state) *state {
	st := &state{}
	if before != nil {
		st.at, st.failed = before.at, before.failed
	}
	at, barred := c.reach(ctx, p, st.at)
	st.looked = time.Now() // pauses begin when the answer is there, however long it took
	if barred != nil {
		st.barred = barred
		st.failed++
		return st
	}
	at.suspect.Store(false)
	st.at, st.failed = at, 0
	return st
}

// reach is the connection by a kubeconfig as it is now: the one before if it is the same, and leads to the same
// cluster.
func (c *Clusters) reach(ctx context.Context, p place, before *Connection) (*Connection, *sync.Barred) {
	data, err := c.read(ctx, p)
	if err != nil {
		return nil, barredBy(err)
	}
	at, sum := before, sha256.Sum256(data)
	if at == nil || at.sum != sum {
		if at, err = c.connect(ctx, data, sum); err != nil {
			return nil, barredBy(err)
		}
	}
	uid, err := at.identify(ctx)
	if err != nil {
		return nil, at.away(err)
	}
	if at.there.UID != "" && at.there.UID != uid { // the address leads to another cluster than it did
		if at, err = c.connect(ctx, data, sum); err != nil {
			return nil, barredBy(err)
		}
	}
	if at.there.UID == "" {
		at.there.UID = uid
	}
	return at, nil
}

// read reads what a kubeconfig's Secret holds.
func (c *Clusters) read(ctx context.Context, p place) ([]byte, error) {
	secret, err := c.o.Read(ctx, p.namespace, p.name)
	if err != nil {
		return nil, err
	}
	keys := []string{p.key}
	if p.key == "" {
		keys = []string{"value", "value.yaml"}
	}
	for _, key := range keys {
		if data := secret[key]; len(data) > 0 {
			return data, nil
		}
	}
	return nil, &sync.Barred{Reason: invalid, Message: fmt.Sprintf("spec.apply.kubeConfig.secretRef: Secret %s has no "+
		"key %s, or nothing stands there: put the kubeconfig there, or name its key", p.name, keys[0])}
}

// connect makes a connection by a kubeconfig. It asks nothing of its cluster.
func (c *Clusters) connect(ctx context.Context, data []byte, sum [sha256.Size]byte) (*Connection, error) {
	config, err := kubeconfig.Parse(data)
	if err != nil {
		return nil, &sync.Barred{Reason: invalid,
			Message: fmt.Sprintf("the kubeconfig of spec.apply.kubeConfig: %v", err)}
	}
	home, err := c.o.Home(ctx)
	if err != nil {
		return nil, err
	}
	at, err := connect(config, c.o)
	if err != nil {
		return nil, err
	}
	at.sum, at.there.Home = sum, home
	return at, nil
}
