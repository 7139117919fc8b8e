package sync

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// lookAhead says what writing a ready set would do to the DaemonSets that run now, and refuses or delays it if
// that is nothing that a rollout can be stopped at.
func (c *Controller) lookAhead(ctx context.Context, l *lane, r *readySet) *readySet {
	options, err := RolloutOptions(l.sync)
	if err != nil {
		return r.not(Invalid, err, c.Now())
	}
	r.sick = map[manifests.ID][]string{}
	for _, next := range r.set.DaemonSets() {
		look, err := c.Observer.Before(ctx, next.Namespace, next.Name)
		if err != nil {
			return r.not(Unavailable, err, c.Now())
		}
		ahead := rollout.LookAhead(look.DaemonSet, next, look.Nodes, look.Pods, c.Now(), options)
		switch {
		case ahead.Refused != nil:
			return r.not(Refused, fmt.Errorf("%s: %s. %s", ahead.Refused.Code, ahead.Refused.Message, ahead.Refused.Remedy), c.Now())
		case ahead.Hold != "":
			r.Outcome, r.Problem, r.RetryAt = Early, ahead.Hold, ahead.HoldUntil
			return r
		}
		id := manifests.ID{Group: appsv1.GroupName, Kind: "DaemonSet", Namespace: next.Namespace, Name: next.Name}
		r.sick[id] = failingBefore(l.sync.Status.InFlight, id, look)
	}
	return r
}

// failingBefore are the nodes that were sick before a commit is written. What an earlier commit broke and did not
// complete is not among them: its fix must reach it.
func failingBefore(last *api.Flight, id manifests.ID, look rollout.Look) []string {
	if last == nil || look.DaemonSet == nil {
		return nil
	}
	for _, w := range last.Workloads {
		if w.Kind != id.Kind || w.Namespace != id.Namespace || w.Name != id.Name {
			continue
		}
		if last.State != api.Complete {
			return w.FailingBefore
		}
		_, memory, err := Recall(w)
		if err != nil {
			return nil
		}
		return rollout.FailingBefore(look.DaemonSet, look.Pods, memory.Hash)
	}
	return nil
}
