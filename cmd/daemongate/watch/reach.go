// Package watch is the command that shows a Sync while it goes on.
package watch

import (
	"context"
	"io"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/cmd/daemongate/follow"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Reach is what the command has of the others.
type Reach struct {
	// AddFlags adds the flags that say where the cluster is; Connect reads them and returns the namespace, too.
	AddFlags func(*pflag.FlagSet)
	Connect  func() (*rest.Config, string, error)
	// Follow begins to look at what the commit in flight waits for.
	Follow func(*rest.Config, *api.Sync) (follow.Follower, error)
	// Released is the commit that a release would speak of, and how it is; empty if there is none.
	Released func(*api.SyncStatus) (string, api.CommitState)
	// User is who asks, as far as that can be known.
	User func(context.Context) string
	// History prints what became of the last commits.
	History func(io.Writer, []api.Record) error
	// Diff prints what a Sync's newest commit would change in the cluster, and to notes what else is to be said of it.
	// It may read a repository.
	Diff func(ctx context.Context, name string, out, notes io.Writer) error
}
