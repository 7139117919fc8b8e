// Package lease lets one controller of a cluster write at a time: whoever holds a Lease. client-go's leader election
// asks for the Lease and renews it; this package adds what that leaves to its callers. A controller that stops releases
// the Lease only when its work has ended. One that sees another holder stops at once, not when its own time to renew is
// over. One that waits takes over as soon as the Lease is free, and says whom it waits for. And a process that was
// asleep knows by the wall clock that its time is over, before it writes again.
package lease

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

// Options say which Lease it is.
type Options struct {
	Namespace, Name string
	// Duration is how long it is held without being renewed: whole seconds.
	Duration time.Duration
	// Tell is told, in words, whom this process waits for, and that it need no longer.
	Tell func(text string)
	// Address at which those who wait reach this process while it holds the Lease; none if it is not valid.
	Address netip.AddrPort
	// Version of this program, which the Lease tells while this process holds it.
	Version string
}

// Lease is held by one process at a time.
type Lease struct {
	lock      *lock
	duration  time.Duration
	addresses *addresses
}

// New makes a Lease that this process can ask for. It has connections of its own: what else the process asks the API
// server for must not keep it from renewing.
func New(config *rest.Config, o Options) (*Lease, error) {
	if o.Duration < time.Second || o.Duration%time.Second != 0 {
		return nil, fmt.Errorf("the duration of a Lease is whole seconds, one at least, not %s", o.Duration)
	}
	own := rest.CopyConfig(config)
	own.Timeout = renewDeadline(o.Duration) / 2 // so that one request without an answer does not lose the Lease
	leases, err := coordination.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("cluster connection: %w", err)
	}
	namespaces, err := core.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("cluster connection: %w", err)
	}
	identity := newIdentity()
	addresses := &addresses{LeasesGetter: leases, identity: identity, own: o.Address, version: o.Version}
	inner := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name},
		Client:     addresses,
		LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
	}
	l := newLease(inner, o.Duration, o.Tell)
	l.addresses = addresses
	l.lock.makeNamespace = func(ctx context.Context) error {
		_, err := namespaces.Namespaces().Create(ctx,
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: o.Namespace}}, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return nil
		}
		return err
	}
	return l, nil
}

func newLease(inner resourcelock.Interface, duration time.Duration, tell func(string)) *Lease {
	return &Lease{lock: newLock(inner, duration, tell), duration: duration, addresses: &addresses{}}
}

// renewDeadline is after how long without a renewal the holder gives up: well before others may take over, so that the
// last request it sent has been answered by then.
func renewDeadline(duration time.Duration) time.Duration { return duration * 2 / 3 }

// Run waits for the Lease, works while it is held, and releases it when the work has ended. It returns what the work
// returned, or why the Lease was refused or lost; the work's context ends with that.
func (l *Lease) Run(ctx context.Context, work func(context.Context) error) error {
	// The election outlives ctx: the Lease is renewed until the work has ended. What it logs is told in our own words.
	electing, end := context.WithCancel(klog.NewContext(context.WithoutCancel(ctx), klog.Logger{}))
	taken, ended := make(chan struct{}), make(chan struct{})
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:          l.lock,
		LeaseDuration: l.duration,
		RenewDeadline: renewDeadline(l.duration),
		RetryPeriod:   l.duration * 2 / 15,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { close(taken) },
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		end()
		return err
	}
	go func() {
		defer close(ended)
		elector.Run(electing)
	}()
	defer func() {
		end()
		<-ended
		l.lock.release(renewDeadline(l.duration))
	}()
	select {
	case <-ctx.Done():
		return nil
	case <-l.lock.over:
		return l.lock.why()
	case <-taken:
		return l.workWhileHeld(ctx, ended, work)
	}
}

// workWhileHeld ends the work's context when the election ends or another holder is seen.
func (l *Lease) workWhileHeld(ctx context.Context, ended <-chan struct{}, work func(context.Context) error) error {
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	done, watched := make(chan struct{}), make(chan error, 1)
	go func() {
		select {
		case <-ended:
			l.lock.lose(fmt.Errorf("it was not renewed for %s%s", renewDeadline(l.duration), l.lock.lastTrouble()))
		case <-l.lock.over:
		case <-done:
			watched <- nil
			return
		}
		stop(l.lock.why())
		watched <- l.lock.why()
	}()
	err := work(working)
	close(done)
	if lost := <-watched; lost != nil {
		return lost
	}
	return err
}

// Holds returns nil while this process may write, and else why not.
func (l *Lease) Holds() error { return l.lock.holds(time.Now(), renewDeadline(l.duration)) }

// Waits returns nil while this process waits for the Lease and could take it: it has looked at it lately. Else it
// returns why not.
func (l *Lease) Waits() error { return l.lock.waits(time.Now(), renewDeadline(l.duration)) }

// Holder is the address of the process that this one waits for, if that one has said it.
func (l *Lease) Holder() (netip.AddrPort, bool) { return l.addresses.another() }
