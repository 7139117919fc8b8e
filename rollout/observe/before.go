package observe

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/trim"
)

// Before reads what LookAhead needs before the first write of a commit: the DaemonSet as it is now, nil if there is
// none, its pods, and the nodes. Nothing is watched: between two rollouts nothing needs to be.
func (o *Observer) Before(ctx context.Context, namespace, name string) (rollout.Look, error) {
	l := rollout.Look{Now: o.clients.Now()}
	d, err := o.clients.Apps.DaemonSets(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		l.Nodes, err = o.Nodes(ctx)
		return l, err
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

// AddEvents puts the Events of a DaemonSet and its pods into a look at it, if a pod of it is not well. Events that
// cannot be read are missing, and the look says so.
func (o *Observer) AddEvents(ctx context.Context, l *rollout.Look) {
	d := l.DaemonSet
	if d == nil || !slices.ContainsFunc(l.Pods, func(p *corev1.Pod) bool {
		return fact.Owns(d, p) &&
			(!fact.IsReady(p) || fact.EndsOf(p) > 0)
	}) {
		return
	}
	list, err := o.clients.Core.Events(d.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		l.Missing = append(l.Missing, rollout.KindEvents)
		return
	}
	events := make([]*corev1.Event, 0, len(list.Items))
	for i := range list.Items {
		events = append(events, trim.Event(&list.Items[i]))
	}
	held := trim.Evidence{}
	held.PutAll(events)
	l.Events = held.About(d, l.Pods)
}

// Nodes are the nodes of the cluster, trimmed: those that are watched while something is in flight, of which there is
// one list for all who ask. Else they are read, as the API server's cache has them.
func (o *Observer) Nodes(ctx context.Context) ([]*corev1.Node, error) {
	if nodes, known := o.watchedNodes(); known {
		return nodes, nil
	}
	list, err := o.clients.Core.Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	nodes, trimmed := make([]*corev1.Node, 0, len(list.Items)), trim.Nodes{}
	for i := range list.Items {
		nodes = append(nodes, trimmed.Trim(&list.Items[i]))
	}
	return nodes, nil
}

// watchedNodes are the nodes as the watch has them, if it has read them and is not down.
func (o *Observer) watchedNodes() (nodes []*corev1.Node, known bool) {
	o.mu.Lock()
	watch := o.nodes
	o.mu.Unlock()
	if watch == nil {
		return nil, false
	}
	nodes = watch.list() // before it is asked: what is read later is newer
	return nodes, watch.ready()
}

// PriorityClasses reads the classes of the cluster, as the API server's cache has them.
func (o *Observer) PriorityClasses(ctx context.Context) ([]*schedulingv1.PriorityClass, error) {
	list, err := o.clients.Classes.PriorityClasses().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, fmt.Errorf("list PriorityClasses: %w", err)
	}
	var classes []*schedulingv1.PriorityClass
	for i := range list.Items {
		classes = append(classes, &list.Items[i])
	}
	return classes, nil
}
