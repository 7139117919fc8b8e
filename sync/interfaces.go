package sync

import (
	"context"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/evict"
	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/child"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/sync/alerts"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/deletion"
	"github.com/daemongate/daemongate/sync/notify"
	"github.com/daemongate/daemongate/sync/outbox"
	"github.com/daemongate/daemongate/sync/source"
	"github.com/daemongate/daemongate/sync/untimely"
)

// Renderer renders a folder of a commit. Beside the errors of render.Build there are a *child.SlowError and a
// *child.LostError, which another try may not meet; any other is the commit's.
type Renderer interface {
	Build(ctx context.Context, tree *gitsource.Tree, folder string, o render.Options, l child.Limits) (render.Result,
		error)
}

// Writer writes the objects of a set, and is the only one to do so.
type Writer interface {
	Resolve(ctx context.Context, set manifests.Set, o manifests.Options) (manifests.Set, error)
	// Preview returns what the API server would make of each object, and writes nothing.
	Preview(ctx context.Context, set manifests.Set, o manifests.Options) ([]*unstructured.Unstructured, error)
	Apply(ctx context.Context, set manifests.Set, o manifests.Options) ([]manifests.Applied, error)
	// Glance reads the metadata of an owner's objects, as they are when it is called, and the whole of some.
	Glance(ctx context.Context, inv manifests.Inventory, owner manifests.Owner, whole map[manifests.ID]bool,
	) map[manifests.ID]metav1.Object
	Brake(ctx context.Context, object *unstructured.Unstructured, b manifests.Brake, o manifests.Options,
	) (manifests.Applied, error)
	// HandOver has a DaemonSet give up nodes; TryHandOver says whether it could, and writes nothing.
	HandOver(ctx context.Context, h manifests.Handover, o manifests.Options) (manifests.Applied, error)
	TryHandOver(ctx context.Context, h manifests.Handover, o manifests.Options) error
	// Evict has pods go, and returns what came of each: nil, or one of the errors of evict.Evictor.
	Evict(ctx context.Context, pods []evict.Pod, o manifests.Options) []error
	Get(ctx context.Context, id manifests.ID) (*unstructured.Unstructured, error)
	// Compare says what of a set is not as asked, and which objects are.
	Compare(ctx context.Context, set manifests.Set, o manifests.Options,
	) (drifts []manifests.Drift, asAsked []manifests.Applied, err error)
	// Watch sees what others touch, with the writer's rights.
	Watch(owner manifests.Owner, wake func()) *manifests.Watch
	Prune(ctx context.Context, goes manifests.Inventory, o manifests.Options,
	) (gone manifests.Inventory, kept []manifests.Kept, err error)
	// Remove and LetGo end the management of objects: they are deleted, or stay without the Sync's label.
	deletion.Writer
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
	// AddEvents puts the Events about it into such a look, if they can bear on it.
	AddEvents(ctx context.Context, look *rollout.Look)
	// Nodes reads the nodes of the cluster.
	Nodes(ctx context.Context) ([]*corev1.Node, error)
	// PriorityClasses reads the classes of the cluster.
	PriorityClasses(ctx context.Context) ([]*schedulingv1.PriorityClass, error)
	// Trouble says why nothing is known of a target, nil if it only has not been read yet.
	Trouble(target rollout.Target) error
	// Leases reads the nodes' Leases.
	Leases(ctx context.Context) ([]*coordinationv1.Lease, error)
	// Clocks reads how far the clocks of these nodes are off the API server's.
	Clocks(ctx context.Context, nodes []string) []rollout.Clock
	// Stop ends all watches.
	Stop()
}

// Destination is a cluster that a Sync's objects are in, as one connection to it has it.
type Destination struct {
	Observer Observer
	// Now is the API server's clock there.
	Now func() time.Time
	// UID is the cluster's, empty if it is not known; and Home the beginning of that of the cluster with the Syncs.
	UID  types.UID
	Home string
}

// placed is what knows the cluster of a Sync's objects: what it asks of a Controller it asks there.
type placed struct {
	*Controller // what all Syncs share
	// there is that cluster if it is another one than the Sync's own, else nil.
	there *Destination
}

// Now is the time by the clock of the API server that has the objects.
func (p placed) Now() time.Time {
	if p.there != nil {
		return p.there.Now()
	}
	return p.Controller.Now()
}

// inTheDark reports whether nothing is known of that cluster: it was not reached yet, or is not the one that was
// written to. Its clock is not known then either.
func (p placed) inTheDark() bool { return p.there != nil && p.there.UID == "" }

// correctTimes takes back what a status says of times that have not come, if it is known what time it is.
func (p placed) correctTimes(s *api.Sync, now time.Time) {
	if !p.inTheDark() {
		untimely.Correct(s, now)
	}
}

// Observer looks at the rollouts there.
func (p placed) Observer() Observer {
	if p.there != nil {
		return p.there.Observer
	}
	return p.Controller.Observer
}

// Connections opens what a Sync needs, from its spec.
type Connections interface {
	Repository(ctx context.Context, s *api.Sync) (source.Repository, error)
	// Signers reads the keys whose signatures count, as they are now.
	Signers(ctx context.Context, s *api.Sync) (*gitsource.Signers, error)
	// Speakers reads the keys of a Secret of a Sync's namespace whose signatures count in the notes of clusters.
	Speakers(ctx context.Context, s *api.Sync, secret string) (*gitsource.Signers, error)
	// Notes returns what reads what clusters have told in the notes of a Sync's repository.
	Notes(s *api.Sync) (source.NotesReader, error)
	// Statuses returns what reads the statuses of commits on the Git host that a Sync reports to.
	Statuses(ctx context.Context, s *api.Sync) (source.StatusReader, error)
	// Base opens a repository that a kustomization of the Sync's names as a remote base.
	Base(ctx context.Context, s *api.Sync, url string) (source.Repository, error)
	// Writer opens what writes with the rights that the Sync asks for. The error is a *Barred if it has none.
	Writer(s *api.Sync) (Writer, error)
	// Account looks whether there is whom the Sync writes as. The error is a *Barred if not.
	Account(ctx context.Context, s *api.Sync) error
	// Destination is the cluster that spec.apply.kubeConfig leads to: the same one again for as long as the connection
	// holds, one of which nothing can be seen while there is none, and nil for a Sync without. Again is how soon a turn
	// should ask anew, 0 if whenever the next one comes.
	Destination(ctx context.Context, s *api.Sync) (there *Destination, again time.Duration)
	// Alerts opens what is asked whether alerts fire, with credentials of a Sync's namespace.
	Alerts(ctx context.Context, namespace string, gate *api.AlertsGate) (alerts.Source, error)
	// Reporter returns what tells the Git host of a Sync whose commits are reported.
	Reporter(ctx context.Context, s *api.Sync) (outbox.Reporter, error)
	// Receiver returns what takes the notifications of a Sync that has them sent.
	Receiver(ctx context.Context, s *api.Sync) (notify.Receiver, error)
}
