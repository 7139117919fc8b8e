package sync

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/ahead"
)

// claimPods is the access mode of a claim that one pod of the whole cluster may use.
const claimPods = string(corev1.ReadWriteOncePod)

// goer is a DaemonSet that a set no longer asks for, as it is now. It goes only when the set has rolled out.
type goer struct {
	entry manifests.Entry
	look  rollout.Look
}

// going are the DaemonSets that a set no longer asks for.
func (a *lookAhead) going(ctx context.Context) ([]goer, error) {
	p := a.of
	var list []goer
	for _, e := range inventoryOf(p.sync).Without(a.r.set) {
		if e.ID != daemonSetID(e.Namespace, e.Name) {
			continue
		}
		look, err := p.Observer().Before(ctx, e.Namespace, e.Name)
		if err != nil {
			return nil, err
		}
		if look.DaemonSet != nil {
			list = append(list, goer{e, look})
		}
	}
	return list, nil
}

// apart refuses a set if two DaemonSets both want what only one of them can have: one of the set and one that goes
// after it and is not handed over to it, or two of the set.
func (a *lookAhead) apart(ctx context.Context) *readySet {
	p, r := a.of, a.r
	claims := map[string]bool{}
	for _, g := range a.goers {
		if err := a.singleClaims(ctx, g.look.DaemonSet, claims); err != nil {
			return r.unavailable(err, p.Now())
		}
		for _, claimant := range a.claimants {
			if takesOver(claimant.Next, g) {
				continue
			}
			holder := rollout.Holder{DaemonSet: g.look.DaemonSet, Pods: g.look.Pods}
			if found, clashes := ahead.Held(holder, claimant, g.look.Nodes, claims); clashes {
				return p.refusedAhead(r, claimant.Next, found.Refuse(claimant.Next, g.look.DaemonSet))
			}
		}
	}
	next, cause, err := a.clashOfTheSet(ctx)
	switch {
	case err != nil:
		return r.unavailable(err, p.Now())
	case cause != nil:
		return p.refusedAhead(r, next, cause)
	}
	return r
}

// singleClaims notes which claims of a DaemonSet only one pod may use. A claim that cannot be read is not noted:
// what it leads to shows when the pods are scheduled.
func (a *lookAhead) singleClaims(ctx context.Context, d *appsv1.DaemonSet, claims map[string]bool) error {
	p := a.of
	names := ahead.ClaimsOf(d)
	if len(names) == 0 {
		return nil
	}
	writer, err := p.Connect.Writer(p.sync)
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
func (a *lookAhead) clashOfTheSet(ctx context.Context) (*appsv1.DaemonSet, *rollout.Cause, error) {
	p := a.of
	var nodes []*corev1.Node
	for i, one := range a.claimants {
		for _, other := range a.claimants[i+1:] {
			if !ahead.SharePorts(one, other) {
				continue
			}
			if nodes == nil {
				var err error
				if nodes, err = p.Observer().Nodes(ctx); err != nil {
					return nil, nil, err
				}
			}
			if found, clashes := ahead.Rivals(one, other, nodes); clashes {
				return one.Next, found.RefuseRivals(one.Next, other.Next), nil
			}
		}
	}
	return nil, nil, nil
}
