package observe

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/words"
)

// maxOwners is how many controllers of pods are asked for their replicas.
const maxOwners = 200

// Others reads what else stands on nodes: every pod of them, whose they are, and the PodDisruptionBudgets. What may not
// be read is said in Missing and is no failure. It is for `explain`, which reads with the rights of its caller; the
// controller has no business with other namespaces' pods (docs/design.md, law 11).
func (c Clients) Others(ctx context.Context, nodes []string) rollout.Others {
	var o rollout.Others
	selections := []string{"status.nominatedNodeName!=,spec.nodeName="}
	for _, n := range nodes {
		selections = append(selections, fields.OneTermEqualSelector("spec.nodeName", n).String())
	}
	for _, selection := range selections {
		list, err := c.Core.Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: selection})
		if err != nil {
			return rollout.Others{Missing: []rollout.Unknown{{Kind: rollout.KindPods,
				Why: words.Clip(err.Error(), 200)}}}
		}
		for i := range list.Items {
			o.Pods = append(o.Pods, &list.Items[i])
		}
	}
	o.Nodes = nodes
	c.readBudgets(ctx, &o)
	c.readOwners(ctx, &o)
	return o
}

// readOwners asks the pods' controllers how many replicas they have.
func (c Clients) readOwners(ctx context.Context, o *rollout.Others) {
	o.Owners = map[types.UID]rollout.Owner{}
	asked := map[types.UID]bool{}
	for _, p := range o.Pods {
		reference := fact.ControllerOf(p)
		if reference == nil || asked[reference.UID] || len(asked) >= maxOwners {
			continue
		}
		asked[reference.UID] = true
		owner, err := c.owner(ctx, p, reference)
		switch {
		case err == nil && owner.Kind != "":
			o.Owners[reference.UID] = owner
		case err != nil && !apierrors.IsNotFound(err):
			if _, said := o.Lacks(rollout.KindOwners); !said {
				o.Missing = append(o.Missing, rollout.Unknown{Kind: rollout.KindOwners,
					Why: words.Clip(err.Error(), 200)})
			}
			if !apierrors.IsForbidden(err) {
				return // nothing more is to be had
			}
		}
	}
}

// owner reads the controller of a pod; none if it is of a kind that has no replicas.
func (c Clients) owner(ctx context.Context, p *corev1.Pod, reference *metav1.OwnerReference) (rollout.Owner, error) {
	switch reference.Kind {
	case "ReplicaSet":
		r, err := c.Apps.ReplicaSets(p.Namespace).Get(ctx, reference.Name, metav1.GetOptions{})
		if err != nil {
			return rollout.Owner{}, err
		}
		return rollout.OwnerOfReplicaSet(r, nil), nil
	case "StatefulSet":
		s, err := c.Apps.StatefulSets(p.Namespace).Get(ctx, reference.Name, metav1.GetOptions{})
		if err != nil {
			return rollout.Owner{}, err
		}
		return rollout.Owner{Kind: "StatefulSet", Name: s.Name, Replicas: rollout.Replicas(s.Spec.Replicas)}, nil
	}
	return rollout.Owner{}, nil
}

// Quotas reads the ResourceQuotas of a namespace.
func (c Clients) Quotas(ctx context.Context, namespace string) ([]*corev1.ResourceQuota, error) {
	list, err := c.Core.ResourceQuotas(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	quotas := make([]*corev1.ResourceQuota, 0, len(list.Items))
	for i := range list.Items {
		quotas = append(quotas, &list.Items[i])
	}
	return quotas, nil
}
