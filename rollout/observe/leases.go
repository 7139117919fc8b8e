package observe

import (
	"context"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout/trim"
)

// Leases lists the Leases of the cluster's nodes, for the look before Complete. It is one read of all, never a watch:
// they change every ten seconds on every node. Of each is kept what tells that its node is alive, and how its clock
// goes.
func (o *Observer) Leases(ctx context.Context) ([]*coordinationv1.Lease, error) {
	list, err := o.clients.Leases.Leases(corev1.NamespaceNodeLease).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list leases in namespace %s: %w", corev1.NamespaceNodeLease, err)
	}
	leases := make([]*coordinationv1.Lease, 0, len(list.Items))
	for i := range list.Items {
		leases = append(leases, trim.Lease(&list.Items[i]))
	}
	return leases, nil
}
