package sync

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// judge says how the workloads of the flight are doing. It returns nil while there is nothing to judge, or while not
// everything has been seen yet.
func (c *Controller) judge(ctx context.Context, l *lane, now time.Time) (*Rollout, error) {
	f := l.sync.Status.InFlight
	if f == nil || unwritten(f) && f.Attempts == 0 || landed(f) {
		c.unwatch(l)
		return nil, nil
	}
	flight := fmt.Sprint(f.Commit, f.Digest, f.Generation, f.Attempts, len(f.Workloads), l.sync.Generation)
	if l.judged.flight == flight && now.Before(l.judged.at.Add(lookPause)) {
		c.sleep(l, l.judged.at.Add(lookPause))
		return l.judged.rollout, nil
	}
	r, err := c.look(ctx, l, f, now)
	if r != nil {
		l.judged = judged{flight, now, r}
	}
	return r, err
}

// lookPause is how long a look is good for: nothing is looked at more often, whatever wakes its Sync.
const lookPause = 100 * time.Millisecond

// judged is what the newest look at a flight came to.
type judged struct {
	flight  string
	at      time.Time
	rollout *Rollout
}

// look looks at the workloads of a flight and judges them.
func (c *Controller) look(ctx context.Context, l *lane, f *api.Flight, now time.Time) (*Rollout, error) {
	options, err := RolloutOptions(l.sync)
	if err != nil {
		return nil, err
	}
	targets, memories, err := recallAll(l, f)
	if err != nil {
		return nil, err
	}
	daemonSets := ofDaemonSets(targets)
	c.watch(l, f, daemonSets)
	r := &Rollout{Commit: f.Commit, Digest: f.Digest, State: api.Complete}
	var judgements []rollout.Judgement
	for i, w := range f.Workloads {
		var j rollout.Judgement
		var memory rollout.Memory
		if isDaemonSet(w) {
			look, synced := c.Observer.Look(targets[i])
			if !synced {
				return nil, c.Observer.Trouble(targets[i])
			}
			look.Now = now
			if j, memory, err = c.judgeDaemonSet(ctx, look, targets[i], memories[i], options); err != nil {
				return nil, err
			}
			r.addBrake(targets[i], look, j)
		} else {
			j, memory = c.judgeObject(ctx, l, w, targets[i], memories[i], options, now)
		}
		if w, err = judgedWorkload(w, j, memory, len(daemonSets)); err != nil {
			return nil, err
		}
		r.Workloads = append(r.Workloads, w)
		judgements = append(judgements, j)
		r.add(w, j)
	}
	r.Causes = r.Causes[:min(len(r.Causes), maxCauses)]
	if r.Message = rollout.Summarize(judgements); len(judgements) == 0 {
		r.Message = "nothing to roll out"
	}
	return r, nil
}

// judgeDaemonSet judges one look at a DaemonSet, and asks for what its judgement needs besides.
func (c *Controller) judgeDaemonSet(ctx context.Context, look rollout.Look, t rollout.Target, m rollout.Memory, o rollout.Options) (rollout.Judgement, rollout.Memory, error) {
	j, memory := rollout.Judge(look, t, m, o)
	if j.ReadLeases {
		var err error
		if look.Leases, err = c.Observer.Leases(ctx); err != nil {
			return j, memory, err
		}
		j, memory = rollout.Judge(look, t, m, o)
	}
	if len(j.ReadClocks) > 0 {
		look.Clocks = c.Observer.Clocks(ctx, j.ReadClocks)
		j, memory = rollout.Judge(look, t, m, o)
	}
	return j, memory, nil
}

// ofDaemonSets are the targets that the Observer looks at.
func ofDaemonSets(targets []rollout.Target) []rollout.Target {
	return keep(targets, func(t rollout.Target) bool { return t.Kind == "" })
}

// watch has the Sync woken by what happens to its flight.
func (c *Controller) watch(l *lane, f *api.Flight, targets []rollout.Target) {
	flight := fmt.Sprint(f.Commit, f.Digest, f.Generation, len(targets)) // more of them once all has been written
	if l.watched == flight || len(targets) == 0 {
		return
	}
	l.watched = flight
	key := l.key
	c.Observer.Watch(key, targets, func() { c.queue.Add(key) })
}

func (c *Controller) unwatch(l *lane) {
	if l.watched != "" {
		l.watched = ""
		c.Observer.Unwatch(l.key)
	}
}

// Recall is a workload as rollout judges it: what the commit asked for, and what is remembered of earlier looks.
func Recall(w api.Workload) (rollout.Target, rollout.Memory, error) {
	target := rollout.Target{
		Namespace: w.Namespace, Name: w.Name, UID: w.UID, Generation: w.Generation, AppliedAt: w.AppliedAt.Time,
		OnDelete: w.OnDelete, HadNodes: w.HadNodes, FailingBefore: w.FailingBefore,
	}
	if !isDaemonSet(w) {
		target.Kind = w.Kind
	}
	var memory rollout.Memory
	if len(w.Memory.Raw) == 0 {
		return target, memory, nil
	}
	if err := json.Unmarshal(w.Memory.Raw, &memory); err != nil {
		return target, memory, fmt.Errorf("memory of %s %s/%s: %w", w.Kind, w.Namespace, w.Name, err)
	}
	return target, memory, nil
}

// add puts the judgement of one workload to those of the others: one that is stuck makes the commit stuck, and
// all must be complete for it to be complete. What makes it stuck is named first.
func (r *Rollout) add(w api.Workload, j rollout.Judgement) {
	var causes []api.Cause
	for _, cause := range j.Causes {
		causes = append(causes, api.Cause{Code: string(cause.Code), Object: idOf(w).String(),
			NodeCount: len(cause.Nodes), Nodes: cause.Nodes[:min(len(cause.Nodes), maxNames)],
			Message: cause.Message, Remedy: cause.Remedy, Since: metav1.NewTime(cause.Since)})
	}
	if j.Verdict == rollout.Stuck && r.State != api.Stuck {
		r.Causes = append(causes, r.Causes...)
	} else {
		r.Causes = append(r.Causes, causes...)
	}
	switch {
	case j.Verdict == rollout.Stuck:
		r.State = api.Stuck
	case j.Verdict != rollout.Complete && r.State == api.Complete:
		r.State = api.RollingOut
	}
	r.Nodes.Desired += j.Desired
	r.Nodes.Updated += j.Updated
	r.Nodes.Settled += j.Settled
	r.OldPods = r.OldPods || j.OldPods > 0
	if !j.Wake.IsZero() && (r.Wake.IsZero() || j.Wake.Before(r.Wake)) {
		r.Wake = j.Wake
	}
}

// addBrake notes what is to be done about the brake of a DaemonSet.
func (r *Rollout) addBrake(t rollout.Target, look rollout.Look, j rollout.Judgement) {
	if j.Brake != rollout.BrakeLeave {
		r.Brakes = append(r.Brakes, BrakeOrder{Namespace: t.Namespace, Name: t.Name, Generation: look.DaemonSet.Generation,
			Pull: j.Brake == rollout.BrakePull, Nodes: j.Ended})
	}
}

// recallAll recalls the workloads of a flight, together with what the commit asks of them if its set is known.
func recallAll(l *lane, f *api.Flight) ([]rollout.Target, []rollout.Memory, error) {
	targets, memories := make([]rollout.Target, len(f.Workloads)), make([]rollout.Memory, len(f.Workloads))
	for i, w := range f.Workloads {
		var err error
		if targets[i], memories[i], err = Recall(w); err != nil {
			return nil, nil, err
		}
		if isDaemonSet(w) && l.flying != nil && l.flying.Digest == f.Digest {
			targets[i].Applied = find(l.flying.set, daemonSetID(w.Namespace, w.Name))
		}
	}
	return targets, memories, nil
}
