package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/manifests/install"
	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/lease"
)

// leaseOptions are the flags of the Lease that lets one controller write at a time. By default it is the same one for all
// controllers of a cluster, the installed one and those that people run, whichever Syncs they look after.
type leaseOptions struct {
	namespace, name string
	duration        time.Duration
}

func (o *leaseOptions) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&o.namespace, "lease-namespace", install.Owner.Namespace,
		"namespace of the Lease without which nothing is written; controllers that hold different ones must look after different Syncs")
	flags.StringVar(&o.name, "lease-name", "daemongate", "name of that Lease")
	flags.DurationVar(&o.duration, "lease-duration", 15*time.Second, "after how long without a sign of life of its holder another controller takes over")
}

// lease is what this process asks for before it writes. Whom it waits for is printed for a person to follow.
func (o *leaseOptions) lease(config *rest.Config, out io.Writer) (*lease.Lease, error) {
	return lease.New(config, lease.Options{Namespace: o.namespace, Name: o.name, Duration: o.duration, Tell: func(text string) {
		_, _ = fmt.Fprintf(out, "%s  %s\n", time.Now().Format("15:04:05"), text)
	}})
}

// active is the controller as others ask for it: ready once it holds the Lease and has read the Syncs.
type active struct {
	*sync.Controller
	lease *lease.Lease
}

// Ready says why it is not. Anybody may ask, so who holds the Lease is told elsewhere.
func (a active) Ready() error {
	if a.lease.Holds() != nil {
		return errors.New("this controller does not hold the Lease: its log says who does")
	}
	if !a.Controller.Ready() {
		return errors.New("the Syncs have not been read yet")
	}
	return nil
}

// leasedConnections opens reporters that tell a Git host nothing without the Lease. The cluster's clients are guarded below.
type leasedConnections struct {
	sync.Connections
	holds func() error
}

// Reporter opens such a reporter.
func (k *leasedConnections) Reporter(ctx context.Context, s *api.Sync) (sync.Reporter, error) {
	r, err := k.Connections.Reporter(ctx, s)
	if err != nil {
		return nil, err
	}
	return &leasedReporter{r, k.holds}, nil
}

// leasedReporter tells a Git host nothing without the Lease.
type leasedReporter struct {
	sync.Reporter
	holds func() error
}

// Report reports, or says why it may not.
func (r *leasedReporter) Report(ctx context.Context, statuses []forge.Status) forge.Answer {
	if err := r.holds(); err != nil {
		return forge.Answer{Trouble: fmt.Errorf("nothing is told: %w", err)}
	}
	return r.Reporter.Report(ctx, statuses)
}
