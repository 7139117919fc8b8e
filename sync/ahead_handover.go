package sync

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/ahead"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// takesOver reports whether a DaemonSet takes over from one that goes: it says that it replaces it or, on the way
// back, the latter once said so.
func takesOver(next *appsv1.DaemonSet, g goer) bool {
	return slices.Contains(manifests.Replaces(next), g.entry.ID) ||
		slices.Contains(manifests.Replaces(g.look.DaemonSet), daemonSetID(next.Namespace, next.Name))
}

// succeed notes from whom each DaemonSet of a set takes over, and refuses the set if that is not possible.
func (a *lookAhead) succeed(ctx context.Context) *readySet {
	p, r := a.of, a.r
	r.predecessors = map[manifests.ID][]api.Predecessor{}
	asked := r.set.IDs()
	for _, claimant := range a.claimants {
		for _, replaced := range manifests.Replaces(claimant.Next) {
			if slices.Contains(asked, replaced) {
				return p.refusedAhead(r, claimant.Next, ahead.StillAsked(claimant.Next, replaced.String(),
					manifests.ReplacesAnnotation))
			}
		}
	}
	for _, g := range a.goers {
		var to *appsv1.DaemonSet
		for _, claimant := range a.claimants {
			if !takesOver(claimant.Next, g) {
				continue
			}
			if to != nil {
				return p.refusedAhead(r, claimant.Next, ahead.TakenOverTwice(to, claimant.Next, g.look.DaemonSet))
			}
			to = claimant.Next
		}
		if to == nil {
			continue
		}
		if cause := ahead.LookAheadHandover(g.look.DaemonSet, to, g.look.Nodes, a.options); cause != nil {
			return p.refusedAhead(r, to, cause)
		}
		if r = a.inOrder(ctx, g, to); r.Outcome != gate.Ready {
			return r
		}
		if problem := a.tryHandOver(ctx, g, to); problem != nil {
			return r.refused(problem, p.Now())
		}
		id := daemonSetID(to.Namespace, to.Name)
		r.predecessors[id] = append(r.predecessors[id], api.Predecessor{Namespace: g.entry.Namespace,
			Name: g.entry.Name, UID: g.entry.UID})
	}
	return r
}

// inOrder refuses a handover in which the scheduler would preempt the pods that are to go node by node.
func (a *lookAhead) inOrder(ctx context.Context, g goer, to *appsv1.DaemonSet) *readySet {
	p, r := a.of, a.r
	classes, err := p.Observer().PriorityClasses(ctx)
	if err != nil {
		return r.unavailable(err, p.Now())
	}
	classes = append(classesOf(r.set), classes...)
	from := rollout.Holder{DaemonSet: g.look.DaemonSet, Pods: g.look.Pods}
	if cause := ahead.LookAheadPreemption(from, to, classes); cause != nil {
		return p.refusedAhead(r, to, cause)
	}
	if w := ahead.NoWayBack(from, to, classes); w != "" {
		r.warnings = append(r.warnings, fmt.Sprintf("%s: %s", daemonSetID(to.Namespace, to.Name), w))
	}
	return r
}

// classesOf are the PriorityClasses that a set brings itself.
func classesOf(set manifests.Set) (classes []*schedulingv1.PriorityClass) {
	for _, o := range set.Objects() {
		class := &schedulingv1.PriorityClass{}
		if o.GroupVersionKind().GroupKind() == schedulingv1.SchemeGroupVersion.WithKind("PriorityClass").GroupKind() &&
			runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, class) == nil {
			classes = append(classes, class)
		}
	}
	return classes
}

// tryHandOver asks the cluster whether a DaemonSet could give up nodes: everything that may refuse it does so before
// the first write.
func (a *lookAhead) tryHandOver(ctx context.Context, g goer, to *appsv1.DaemonSet) error {
	p := a.of
	writer, err := p.Connect.Writer(p.sync)
	if err != nil {
		return err
	}
	h := manifests.Handover{From: g.entry, To: daemonSetID(to.Namespace, to.Name), Nodes: g.look.NodeNames()}
	return writer.TryHandOver(ctx, h, WriteOptions(p.sync))
}
