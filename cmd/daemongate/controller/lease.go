package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/lease"
	"github.com/daemongate/daemongate/sync/outbox"
)

// active is the controller as others ask for it: ready once it holds the Lease, which the API server has confirmed
// lately, has read the Syncs, and can write in its data folder.
type active struct {
	*sync.Controller
	lease *lease.Lease
	data  *folder
}

// Ready says why it is not. Anybody may ask, so who holds the Lease is told elsewhere.
func (a active) Ready() error {
	if a.lease.Holds() != nil {
		return errors.New("this controller does not hold the Lease: its log says who does")
	}
	if !a.Controller.Ready() {
		return errors.New("the Syncs have not been read yet")
	}
	if a.data.trouble(time.Now()) != nil {
		return errors.New("nothing can be written in the data folder: the log says why")
	}
	return nil
}

// leasedConnections opens reporters that tell a Git host nothing without the Lease. The cluster's clients are guarded
// below.
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
