package controller

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/notify"
	"github.com/daemongate/daemongate/sync/outbox"
)

// role is what a controller does that is ready.
type role string

const (
	leads    role = "ok"
	standsBy role = "standing by: another controller holds the Lease, and this one takes over when it is free"
)

// active is the controller as others ask for it: ready once it holds the Lease, which the API server has confirmed
// lately, and has read the Syncs and their stop switch, or once it waits for a Lease that it has read lately; and only
// while it can write in its data folder.
type active struct {
	*sync.Controller
	lease held
	data  *folder
}

// held is a Lease that this process holds, or waits for.
type held interface {
	Holds() error
	Waits() error
	Holder() (netip.AddrPort, bool)
}

// Ready says what it does, or why it can do nothing. Anybody may ask, so who holds the Lease is told elsewhere.
func (a active) Ready() (role, error) {
	does, err := a.role()
	if err == nil && a.data.trouble(time.Now()) != nil {
		err = errors.New("nothing can be written in the data folder: the log says why")
	}
	return does, err
}

func (a active) role() (role, error) {
	switch {
	case a.lease.Waits() == nil:
		return standsBy, nil
	case a.lease.Holds() != nil:
		return "", errors.New("this controller does not hold the Lease, and cannot take it: its log says why")
	case !a.Controller.Ready():
		return "", errors.New("the Syncs have not been read yet")
	case a.Syncs.Stop.State().Unread != "":
		return "", errors.New("the stop switch of all Syncs cannot be read: the condition Suspended of each says why")
	}
	return leads, nil
}

// Leader is where the controller that this one waits for takes webhooks, if that is known.
func (a active) Leader() (netip.AddrPort, bool) { return a.lease.Holder() }

// leasedConnections opens reporters and receivers that tell nobody anything without the Lease. The cluster's clients
// are guarded below.
type leasedConnections struct {
	sync.Connections
	holds func() error
}

// Reporter opens such a reporter.
func (k *leasedConnections) Reporter(ctx context.Context, s *api.Sync) (outbox.Reporter, error) {
	r, err := k.Connections.Reporter(ctx, s)
	if err != nil {
		return nil, err
	}
	return &leasedReporter{r, k.holds}, nil
}

// leasedReporter tells a Git host nothing without the Lease.
type leasedReporter struct {
	outbox.Reporter
	holds func() error
}

// Report reports, or says why it may not.
func (r *leasedReporter) Report(ctx context.Context, statuses []forge.Status) forge.Answer {
	if err := r.holds(); err != nil {
		return forge.Answer{Trouble: fmt.Errorf("nothing is told: %w", err)}
	}
	return r.Reporter.Report(ctx, statuses)
}

// Receiver opens a receiver that is told nothing without the Lease.
func (k *leasedConnections) Receiver(ctx context.Context, s *api.Sync) (notify.Receiver, error) {
	r, err := k.Connections.Receiver(ctx, s)
	if err != nil {
		return nil, err
	}
	return &leasedReceiver{r, k.holds}, nil
}

// leasedReceiver tells a receiver nothing without the Lease.
type leasedReceiver struct {
	notify.Receiver
	holds func() error
}

// Take tells, or says why it may not.
func (r *leasedReceiver) Take(ctx context.Context, e notify.Event) notify.Answer {
	if err := r.holds(); err != nil {
		return notify.Answer{Trouble: fmt.Errorf("nothing is told: %w", err)}
	}
	return r.Receiver.Take(ctx, e)
}
