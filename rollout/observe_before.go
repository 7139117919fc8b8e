package rollout

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Before reads what LookAhead needs before the first write of a commit: the DaemonSet as it is now, nil if there is none,
// its pods and the nodes. Nothing is watched: between two rollouts nothing needs to be.
func (o *Observer) Before(ctx context.Context, namespace, name string) (Look, error) {
	l := Look{Now: o.clients.Now()}
	d, err := o.clients.Apps.DaemonSets(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return l, nil
	}
	if err != nil {
		return l, fmt.Errorf("DaemonSet %s/%s: %w", namespace, name, err)
	}
	l.DaemonSet = d
	// Version 0 is answered from the API server's cache, which is new enough to look ahead.
	pods, err := o.clients.Core.Pods(namespace).List(ctx, metav1.ListOptions{
		LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector), ResourceVersion: "0"})
	if err != nil {
		return l, fmt.Errorf("list pods of DaemonSet %s/%s: %w", namespace, name, err)
	}
	for i := range pods.Items {
		l.Pods = append(l.Pods, &pods.Items[i])
	}
	l.Nodes, err = o.Nodes(ctx)
	return l, err
}

// Nodes reads the nodes of the cluster, as the API server's cache has them.
func (o *Observer) Nodes(ctx context.Context) ([]*corev1.Node, error) {
	list, err := o.clients.Core.Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	var nodes []*corev1.Node
	for i := range list.Items {
		nodes = append(nodes, &list.Items[i])
	}
	return nodes, nil
}
