package observe

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout/trim"
)

// leasesShared is how old a list of Leases may be that somebody else has read: a tenth of the time in which a node
// renews its Lease. An older list never shows a node alive for longer than a newer one.
const leasesShared = time.Second

// nodeLeases are the Leases of all nodes as they were read last, for a moment. A commit to many Syncs has many rollouts
// end at once, and each would read the Leases of the whole cluster.
type nodeLeases struct {
	turn chan struct{} // is full while somebody reads them, or looks at what was read
	list []*coordinationv1.Lease
	at   time.Time // when they began to be read
}

// Leases lists the Leases of the cluster's nodes, for the look before Complete. It is one read of all, which those
// share who ask within leasesShared, and never a watch: they change every ten seconds on every node. Of each is kept
// what tells that its node is alive, and how its clock goes.
func (o *Observer) Leases(ctx context.Context) ([]*coordinationv1.Lease, error) {
	l := &o.leases
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("list leases in namespace %s: %w", corev1.NamespaceNodeLease, context.Cause(ctx))
	}
	if l.list != nil && time.Since(l.at) < leasesShared {
		return l.list, nil
	}
	at := time.Now()
	list, err := o.clients.Leases.Leases(corev1.NamespaceNodeLease).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list leases in namespace %s: %w", corev1.NamespaceNodeLease, err)
	}
	leases := make([]*coordinationv1.Lease, 0, len(list.Items))
	for i := range list.Items {
		leases = append(leases, trim.Lease(&list.Items[i]))
	}
	l.list, l.at = leases, at
	time.AfterFunc(leasesShared, func() { l.forget(at) })
	return leases, nil
}

// forget forgets what was read at a time: in a large cluster it is much, and nobody takes it any more.
func (l *nodeLeases) forget(at time.Time) {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	if l.at.Equal(at) {
		l.list = nil
	}
}
