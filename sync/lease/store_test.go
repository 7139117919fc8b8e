package lease

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	gosync "sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// store is a Lease as an API server keeps it: a write that was decided on an older one is refused.
type store struct {
	mu       gosync.Mutex
	record   *resourcelock.LeaderElectionRecord
	version  int
	down     bool // no request is answered
	holders  []string
	forbids  bool
	lacksOne bool // the namespace is missing
}

var leases = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

// client is one process' sight of the store.
type client struct {
	*store
	name string
	read int
	cut  atomic.Bool // nothing that it sends arrives
}

func (c *client) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.refuses(); err != nil {
		return nil, nil, err
	}
	if c.record == nil {
		return nil, nil, apierrors.NewNotFound(leases, "daemongate")
	}
	c.read = c.version
	record := *c.record
	raw, err := json.Marshal(record)
	return &record, raw, err
}

func (c *client) refuses() error {
	switch {
	case c.down, c.cut.Load():
		return errors.New("connection refused")
	case c.forbids:
		return apierrors.NewForbidden(leases, "daemongate", errors.New(`User "anna" cannot get resource "leases"`))
	}
	return nil
}

func (c *client) Create(_ context.Context, r resourcelock.LeaderElectionRecord) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.refuses(); err != nil {
		return err
	}
	if c.lacksOne {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "daemongate-system")
	}
	if c.record != nil {
		return apierrors.NewAlreadyExists(leases, "daemongate")
	}
	c.keep(r)
	return nil
}

func (c *client) Update(_ context.Context, r resourcelock.LeaderElectionRecord) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.refuses(); err != nil {
		return err
	}
	if c.record == nil || c.read != c.version {
		return apierrors.NewConflict(leases, "daemongate", errors.New("it has been modified"))
	}
	c.keep(r)
	return nil
}

func (c *client) keep(r resourcelock.LeaderElectionRecord) {
	c.record = &r
	c.version++
	c.read = c.version
	if n := len(c.holders); n == 0 || c.holders[n-1] != r.HolderIdentity {
		c.holders = append(c.holders, r.HolderIdentity)
	}
}

func (c *client) RecordEvent(string) {}
func (c *client) Identity() string   { return c.name }
func (c *client) Describe() string   { return "daemongate-system/daemongate" }

// set changes the store behind everybody's back.
func (s *store) set(change func(s *store)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *store) held() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.holders)
}

// process is one that wants the Lease.
type process struct {
	lease  *Lease
	client *client
	ended  chan error
	stop   context.CancelFunc

	mu    gosync.Mutex
	told  []string
	began time.Time // of its work
}

func (p *process) says() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.told, "\n")
}

func (p *process) worksSince() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.began
}

// pass lets time pass, and everybody do what is due at its end.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// start runs a process that works until its context ends, and then for a while longer.
func (s *store) start(t *testing.T, name string, lingers time.Duration) *process {
	t.Helper()
	return s.startFor(t, name, 15*time.Second, lingers)
}

// startFor is start with another Lease time.
func (s *store) startFor(t *testing.T, name string, duration, lingers time.Duration) *process {
	t.Helper()
	p := &process{client: &client{store: s, name: name}, ended: make(chan error, 1)}
	p.lease = newLease(p.client, duration, func(text string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.told = append(p.told, text)
	})
	p.lease.lock.makeNamespace = func(context.Context) error {
		s.set(func(s *store) { s.lacksOne = false })
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	p.stop = cancel
	go func() {
		p.ended <- p.lease.Run(ctx, func(ctx context.Context) error {
			p.mu.Lock()
			p.began = time.Now()
			p.mu.Unlock()
			<-ctx.Done()
			time.Sleep(lingers)
			return nil
		})
	}()
	return p
}

// crash ends a process as a kill -9 does: nothing that it sends arrives any more.
func (p *process) crash() {
	p.client.cut.Store(true)
	p.stop()
	<-p.ended
}
