package observe

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/daemongate/daemongate/rollout/observe/watches"
	"github.com/daemongate/daemongate/rollout/trim"
)

// namespaceWatch is what is watched of one namespace, for all DaemonSets in flight there.
type namespaceWatch struct {
	users      int // DaemonSets; guarded by the Observer
	events     *eventWatch
	daemonSets *watches.Pool[*appsv1.DaemonSet]
	pods       *watches.Pool[*corev1.Pod]
	revisions  *watches.Pool[*appsv1.ControllerRevision]
}

// useNamespace watches a namespace while a DaemonSet in it is watched. The Observer's lock is held.
func (o *Observer) useNamespace(name string) *namespaceWatch {
	n := o.namespaces[name]
	if n == nil {
		n = o.watchNamespace(name, o.watchEvents(name))
		o.namespaces[name] = n
	}
	n.users++
	return n
}

func (o *Observer) watchNamespace(name string, events *eventWatch) *namespaceWatch {
	return &namespaceWatch{
		events: events,
		daemonSets: newPool(o, o.clients.Apps.DaemonSets(name), &appsv1.DaemonSet{},
			func() func(*appsv1.DaemonSet) *appsv1.DaemonSet { return whole }),
		pods: newPool(o, o.clients.Core.Pods(name), &corev1.Pod{},
			func() func(*corev1.Pod) *corev1.Pod { return (&trim.Pods{}).Trim }),
		revisions: newPool(o, o.clients.Apps.ControllerRevisions(name), &appsv1.ControllerRevision{},
			func() func(*appsv1.ControllerRevision) *appsv1.ControllerRevision { return trim.Revision }),
	}
}

// dropNamespace ends that if nobody needs it any more. The Observer's lock is held.
func (o *Observer) dropNamespace(name string) {
	n := o.namespaces[name]
	if n.users--; n.users == 0 {
		n.events.cancel()
		delete(o.namespaces, name)
	}
}

// newPool makes the watches of one kind in one namespace.
func newPool[T metav1.Object, L runtime.Object](
	o *Observer, r reader[L], example runtime.Object, newTrim func() func(T) T,
) *watches.Pool[T] {
	return watches.New(watches.Source[T]{
		Follow: func(s watches.Selection, store watches.Store) context.CancelFunc {
			return follow(o, r, s, example, store)
		},
		NewTrim: newTrim,
		Go:      o.running.Go,
	})
}

// whole keeps all there is of a DaemonSet.
func whole(d *appsv1.DaemonSet) *appsv1.DaemonSet { return d }
