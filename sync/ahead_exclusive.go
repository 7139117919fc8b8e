package sync

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
)

// claimPods is the access mode of a claim that one pod of the whole cluster may use.
const claimPods = string(corev1.ReadWriteOncePod)

// goer is a DaemonSet that a set no longer asks for, as it is now. It goes only when the set has rolled out.
type goer struct {
	entry manifests.Entry
	look  rollout.Look
}

// goers are the DaemonSets that a set no longer asks for.
func (c *Controller) goers(ctx context.Context, l *lane, r *readySet) ([]goer, error) {
	var list []goer
	for _, e := range inventoryOf(l.sync).Without(r.set) {
		if e.ID != daemonSetID(e.Namespace, e.Name) {
			continue
		}
		look, err := c.Observer.Before(ctx, e.Namespace, e.Name)
		if err != nil {
			return nil, err
		}
		if look.DaemonSet != nil {
			list = append(list, goer{e, look})
		}
	}
	return list, nil
}

// apart refuses a set if two DaemonSets both want what only one of them can have: one of the set and one that goes after it and
// is not handed over to it, or two of the set.
func (c *Controller) apart(ctx context.Context, l *lane, r *readySet, claimants []rollout.Claimant, goers []goer) *readySet {
	claims := map[string]bool{}
	for _, g := range goers {
		if err := c.singleClaims(ctx, l, g.look.DaemonSet, claims); err != nil {
			return r.unavailable(err, c.Now())
		}
		for _, claimant := range claimants {
			if takesOver(claimant.Next, g) {
				continue
			}
			holder := rollout.Holder{DaemonSet: g.look.DaemonSet, Pods: g.look.Pods}
			if found, clashes := rollout.Held(holder, claimant, g.look.Nodes, claims); clashes {
				return r.refusedAhead(claimant.Next, found.Refuse(claimant.Next, g.look.DaemonSet), c.Now())
			}
		}
	}
	next, cause, err := c.clashOfTheSet(ctx, claimants)
	switch {
	case err != nil:
		return r.unavailable(err, c.Now())
	case cause != nil:
		return r.refusedAhead(next, cause, c.Now())
	}
	return r
}

// singleClaims notes which claims of a DaemonSet only one pod may use. A claim that cannot be read is not noted: what it
// leads to shows when the pods are scheduled.
func (c *Controller) singleClaims(ctx context.Context, l *lane, d *appsv1.DaemonSet, claims map[string]bool) error {
	names := rollout.ClaimsOf(d)
	if len(names) == 0 {
		return nil
	}
	writer, err := c.Connect.Writer(l.sync)
	if err != nil {
		return err
	}
	for _, name := range names {
		claim, err := writer.Get(ctx, manifests.ID{Kind: "PersistentVolumeClaim", Namespace: d.Namespace, Name: name})
		if err != nil && manifests.Temporary(err) {
			return err
		}
		if err != nil || claim == nil {
			continue
		}
		modes, _, _ := unstructured.NestedStringSlice(claim.Object, "spec", "accessModes")
		for _, mode := range modes {
			claims[d.Namespace+"/"+name] = claims[d.Namespace+"/"+name] || mode == claimPods
		}
	}
	return nil
}

// clashOfTheSet looks at the DaemonSets of the set two by two. The nodes are read only if two of them want the same.
func (c *Controller) clashOfTheSet(ctx context.Context, claimants []rollout.Claimant) (*appsv1.DaemonSet, *rollout.Cause, error) {
	var nodes []*corev1.Node
	for i, a := range claimants {
		for _, b := range claimants[i+1:] {
			if !rollout.SharePorts(a, b) {
				continue
			}
			if nodes == nil {
				var err error
				if nodes, err = c.Observer.Nodes(ctx); err != nil {
					return nil, nil, err
				}
			}
			if found, clashes := rollout.Rivals(a, b, nodes); clashes {
				return a.Next, found.RefuseRivals(a.Next, b.Next), nil
			}
		}
	}
	return nil, nil, nil
}
