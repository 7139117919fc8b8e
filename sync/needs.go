package sync

import (
	"context"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Repository is a mirrored Git repository.
type Repository interface {
	// Head polls: it returns the commit that the ref is at.
	Head(ctx context.Context, ref gitsource.Ref) (string, error)
	// Between returns the first-parent commits after from up to and including to.
	Between(ctx context.Context, from, to string) (gitsource.History, error)
	// Tree returns a commit's files.
	Tree(ctx context.Context, commit string) (*gitsource.Tree, error)
}

// Writer writes the objects of a set, and is the only one to do so.
type Writer interface {
	Resolve(ctx context.Context, set manifests.Set, o manifests.Options) (manifests.Set, error)
	DryRun(ctx context.Context, set manifests.Set, o manifests.Options) error
	Apply(ctx context.Context, set manifests.Set, o manifests.Options) ([]manifests.Applied, error)
	Brake(ctx context.Context, object *unstructured.Unstructured, b manifests.Brake, o manifests.Options) (manifests.Applied, error)
	Prune(ctx context.Context, goes manifests.Inventory, o manifests.Options) (gone manifests.Inventory, kept []manifests.Kept, err error)
}

// Observer looks at rollouts.
type Observer interface {
	// Watch calls wake after every change that the judgement of a target may depend on.
	Watch(key string, targets []rollout.Target, wake func())
	Unwatch(key string)
	// Look returns what is known of a target now; false until everything has been read once.
	Look(target rollout.Target) (rollout.Look, bool)
	// Before reads what is there before the first write of a commit.
	Before(ctx context.Context, namespace, name string) (rollout.Look, error)
	// Trouble says why nothing is known of a target, nil if it only has not been read yet.
	Trouble(target rollout.Target) error
	// Leases reads the nodes' Leases.
	Leases(ctx context.Context) ([]*coordinationv1.Lease, error)
	// Stop ends all watches.
	Stop()
}

// Reporter tells a Git host what became of commits.
type Reporter interface {
	Report(ctx context.Context, statuses []forge.Status) error
}

// Teller is told what happens, for a person to follow. Its methods must not block.
type Teller interface {
	// Moved says that a commit came to a state.
	Moved(s *api.Sync, m Move)
	// Progressed says that the flight's counts or present causes changed.
	Progressed(s *api.Sync)
	// Pruned says that objects were deleted that a completed commit no longer asks for.
	Pruned(s *api.Sync, gone manifests.Inventory)
	// Braked says that the brake of a DaemonSet was pulled, for some nodes, or lifted.
	Braked(s *api.Sync, order BrakeOrder)
	// Trouble says that something could not be done and will be tried again.
	Trouble(s *api.Sync, err error)
}

// Connections opens what a Sync needs, from its spec.
type Connections interface {
	Repository(ctx context.Context, s *api.Sync) (Repository, error)
	Writer(s *api.Sync) (Writer, error)
	// Reporter returns nil if the Sync's commits are not reported anywhere.
	Reporter(ctx context.Context, s *api.Sync) (Reporter, error)
}
