package sync

import (
	"context"
	"time"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/object"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// healthPause is how long what was read of an object's health is good for, however often it is written.
const healthPause = time.Second

// lookAfter says which workloads of a completed commit are no longer well. An object is read only after the watch
// has seen it written; one that cannot be watched is not looked after, because nothing is polled.
func (fl *flight) lookAfter(ctx context.Context, now time.Time) *gate.Health {
	l, f := fl.loop, fl.status()
	if !f.IsComplete() {
		return nil
	}
	options := figuresOf(l.sync)
	health := &gate.Health{Unseen: map[string]bool{}}
	for _, w := range f.Workloads {
		if isJob(w) {
			continue
		}
		id := idOf(w)
		seen, watched := l.drift.sees(id)
		var last readObject
		if watched {
			last = fl.objects.reread(ctx, id, seen, now)
		}
		if !watched || last.problem != "" {
			health.Unseen[id.String()] = true
			continue
		}
		if last.live == nil {
			health.Missing = append(health.Missing, id.String())
			continue
		}
		if says := object.Ails(last.live, options.FailureBudget, spared(w)); says != "" {
			health.Ailing = append(health.Ailing, api.AilingObject{Object: id.String(),
				Message: tellingOf(l.sync).ailing(w, says)})
		}
	}
	return health
}

// reread is the object as it is, or as it was up to healthPause ago. One that could not be read is tried again.
func (o *objects) reread(ctx context.Context, id manifests.ID, seen manifests.Version, now time.Time) readObject {
	last, known := o.last[id]
	due := last.at.Add(healthPause)
	if last.problem != "" {
		due = last.rereadAt()
	}
	vanished := seen.Gone() && last.live != nil
	switch {
	case known && last.problem == "" && !seen.After(last.version):
	case known && now.Before(due) && !vanished:
		o.loop.sleep(due)
	default:
		last = o.read(ctx, id, last, seen, now)
	}
	return last
}

// spared are the nodes without an available pod that a DaemonSet completed with.
func spared(w api.Workload) int {
	n := 0
	for _, class := range w.Nodes {
		switch rollout.NodeState(class.State) {
		case rollout.IsAbsent, rollout.IsFailing, rollout.IsFailingBefore:
			n += class.Count
		}
	}
	return n
}
