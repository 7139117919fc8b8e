package sync

import (
	"context"
	"fmt"

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
	r.sick, r.brakes = map[manifests.ID][]string{}, map[manifests.ID]manifests.Brake{}
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
		id := daemonSetID(next.Namespace, next.Name)
		r.sick[id] = failingBefore(l.sync.Status.InFlight, id, look)
		if look.DaemonSet == nil || look.DaemonSet.Annotations[manifests.BrakeAnnotation] == "" {
			continue
		}
		before, err := c.setBefore(ctx, l, r)
		if err != nil {
			return r.not(Unavailable, fmt.Errorf("brake of %s: %w", id, err), c.Now())
		}
		if b, stays := stillBraked(before, find(r.set, id), look.DaemonSet); stays {
			r.brakes[id] = b
		}
	}
	return r
}

// setBefore is the set that a ready one replaces. One that is written again after a crash replaces itself.
func (c *Controller) setBefore(ctx context.Context, l *lane, r *readySet) (manifests.Set, error) {
	switch f := l.sync.Status.InFlight; {
	case f == nil:
		return manifests.Set{}, nil
	case f.Commit == r.Commit && unwritten(f):
		return r.set, nil
	}
	return c.flightSet(ctx, l)
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
