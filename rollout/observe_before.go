package rollout

import (
	"context"
	"fmt"

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
	nodes, err := o.clients.Core.Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return l, fmt.Errorf("list nodes: %w", err)
	}
	for i := range nodes.Items {
		l.Nodes = append(l.Nodes, &nodes.Items[i])
	}
	return l, nil
}
