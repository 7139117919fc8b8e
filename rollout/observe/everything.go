package observe

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/trim"
	"github.com/daemongate/daemongate/rollout/words"
)

// page is how many pods are asked for at once.
const page = 1000

// Everything reads what stands on all nodes of a cluster: every pod, trimmed, and the PodDisruptionBudgets. What may
// not be read is said in Missing and is no failure. It is for `plan`, which reads with the rights of its caller; the
// controller has no business with other namespaces' pods (docs/design.md, law 11).
func (c Clients) Everything(ctx context.Context, nodes []string) rollout.Others {
	o := rollout.Others{Whole: true}
	options := metav1.ListOptions{Limit: page}
	for {
		list, err := c.Core.Pods(metav1.NamespaceAll).List(ctx, options)
		if err != nil {
			return rollout.Others{Missing: []rollout.Unknown{{Kind: rollout.KindPods,
				Why: words.Clip(err.Error(), 200)}}}
		}
		for i := range list.Items {
			o.Pods = append(o.Pods, trim.OtherPod(&list.Items[i]))
		}
		if options.Continue = list.Continue; options.Continue == "" {
			break
		}
	}
	o.Nodes = nodes
	c.readBudgets(ctx, &o)
	return o
}

// readBudgets reads the PodDisruptionBudgets of all namespaces.
func (c Clients) readBudgets(ctx context.Context, o *rollout.Others) {
	list, err := c.Budgets.PodDisruptionBudgets(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		o.Missing = append(o.Missing, rollout.Unknown{Kind: rollout.KindBudgets, Why: words.Clip(err.Error(), 200)})
		return
	}
	for i := range list.Items {
		o.Budgets = append(o.Budgets, &list.Items[i])
	}
}

// PodsOf reads a DaemonSet's pods and ControllerRevisions. What could be read is returned with the error, and
// the look names the rest.
func (c Clients) PodsOf(ctx context.Context, d *appsv1.DaemonSet) (rollout.Look, error) {
	l := rollout.Look{DaemonSet: d, Missing: []string{rollout.KindPods, rollout.KindRevisions}}
	matching := metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector), ResourceVersion: "0"}
	pods, err := c.Core.Pods(d.Namespace).List(ctx, matching)
	if err != nil {
		return l, fmt.Errorf("list pods of DaemonSet %s/%s: %w", d.Namespace, d.Name, err)
	}
	for i := range pods.Items {
		l.Pods = append(l.Pods, &pods.Items[i])
	}
	l.Missing = []string{rollout.KindRevisions}
	revisions, err := c.Apps.ControllerRevisions(d.Namespace).List(ctx, matching)
	if err != nil {
		return l, fmt.Errorf("list ControllerRevisions of DaemonSet %s/%s: %w", d.Namespace, d.Name, err)
	}
	for i := range revisions.Items {
		l.Revisions = append(l.Revisions, &revisions.Items[i])
	}
	l.Missing = nil
	return l, nil
}
