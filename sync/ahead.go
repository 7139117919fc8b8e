package sync

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// lookAhead says what writing a ready set would do to the DaemonSets that run now, and refuses or delays it if
// that is nothing that a rollout can be stopped at.
func (c *Controller) lookAhead(ctx context.Context, l *lane, r *readySet, preview []*unstructured.Unstructured) *readySet {
	options, err := RolloutOptions(l.sync)
	if err != nil {
		return r.not(gate.Invalid, toldWhole(err), c.Now())
	}
	r.before, r.brakes = map[manifests.ID]daemonSetBefore{}, map[manifests.ID]manifests.Brake{}
	var claimants []rollout.Claimant
	for _, next := range daemonSets(r.set, preview) {
		look, err := c.Observer.Before(ctx, next.Namespace, next.Name)
		if err != nil {
			return r.unavailable(err, c.Now())
		}
		ahead := rollout.LookAhead(look.DaemonSet, next, look.Nodes, look.Pods, c.Now(), options)
		switch {
		case ahead.Refused != nil:
			return r.refusedAhead(next, ahead.Refused, c.Now())
		case ahead.Hold != "":
			r.Outcome, r.Problem, r.RetryAt = gate.Early, api.ForAll(api.Public(ahead.Hold)), ahead.HoldUntil
			return r
		}
		claimants = append(claimants, rollout.Claimant{Next: next, Current: look.DaemonSet, Pods: look.Pods})
		id := daemonSetID(next.Namespace, next.Name)
		for _, w := range ahead.Warnings {
			r.warnings = append(r.warnings, fmt.Sprintf("%s: %s", id, w))
		}
		c.Observer.AddEvents(ctx, &look)
		r.before[id] = beforeOf(l.sync.Status.InFlight, id, look, options)
		if look.DaemonSet == nil || look.DaemonSet.Annotations[manifests.BrakeAnnotation] == "" {
			continue
		}
		before, err := c.setBefore(ctx, l, r)
		if err != nil {
			return r.unavailable(fmt.Errorf("brake of %s: %w", id, err), c.Now())
		}
		if b, stays := stillBraked(before, find(r.set, id), look.DaemonSet); stays {
			r.brakes[id] = b
		}
	}
	goers, err := c.goers(ctx, l, r)
	if err != nil {
		return r.unavailable(err, c.Now())
	}
	if r = c.apart(ctx, l, r, claimants, goers); r.Outcome != gate.Ready {
		return r
	}
	return c.succeed(ctx, l, r, claimants, goers, options)
}

// refusedAhead says what would come of writing the set to one of its DaemonSets.
func (r *readySet) refusedAhead(d *appsv1.DaemonSet, why *rollout.Cause, now time.Time) *readySet {
	return r.not(gate.Refused, api.Message{
		Private: fmt.Sprintf("%s: %s. %s", why.Code, why.Message, why.Remedy),
		Public:  api.Public(fmt.Sprintf("%s: DaemonSet %s/%s, %s", why.Code, d.Namespace, d.Name, why.About)),
	}, now)
}

// daemonSets are those of a set, as the API server would make them: with its defaults, so that they can be compared with
// what runs. One that it could not be asked about is as the commit has it.
func daemonSets(set manifests.Set, preview []*unstructured.Unstructured) []*appsv1.DaemonSet {
	made := map[manifests.ID]*appsv1.DaemonSet{}
	for _, o := range preview {
		d := &appsv1.DaemonSet{}
		if id := manifests.IDOf(o); id == daemonSetID(id.Namespace, id.Name) &&
			runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, d) == nil {
			made[id] = d
		}
	}
	list := set.DaemonSets()
	for i, d := range list {
		if answer := made[daemonSetID(d.Namespace, d.Name)]; answer != nil {
			list[i] = answer
		}
	}
	return list
}

// setBefore is the set that a ready one replaces. One that is written again after a crash replaces itself.
func (c *Controller) setBefore(ctx context.Context, l *lane, r *readySet) (manifests.Set, error) {
	switch f := l.sync.Status.InFlight; {
	case f == nil:
		return manifests.Set{}, nil
	case f.Commit == r.Commit && f.Unwritten():
		return r.set, nil
	}
	return c.flightSet(ctx, l)
}
