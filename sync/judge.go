package sync

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/pacing"
)

// judge says how the workloads of the flight are doing. It returns nil while there is nothing to judge.
func (fl *flight) judge(ctx context.Context, now time.Time, still pacing.Standstill) (*gate.Rollout, error) {
	l, f := fl.loop, fl.status()
	landed := f.Landed() && f.Correcting == nil
	fl.leases = fl.leases.stillGood(landed, now)
	if f.Unwritten() && f.Attempts == 0 || landed {
		if !fl.mayRelapse(now) {
			fl.unwatch()
		}
		return nil, nil
	}
	of := judgedOf{f.Digest, f.Generation, l.sync.Generation, f.Attempts, asWritten(f.Workloads), still,
		f.Stage != nil && f.Stage.Approved}
	if fl.judged.of == of && now.Before(fl.judged.at.Add(lookPause)) {
		l.sleep(fl.judged.at.Add(lookPause))
		return fl.judged.rollout, nil
	}
	r, err := fl.look(ctx, now, still)
	if err != nil {
		return nil, err
	}
	fl.judged = judged{of, now, r}
	if r.Unseen != nil && fmt.Sprint(r.Unseen) != l.told.unseen { // when that changes, the Observer wakes the Sync
		l.trouble(l.sync, r.Unseen)
	}
	l.told.unseen = fmt.Sprint(r.Unseen)
	return r, nil
}

// asWritten tells workloads apart that were written anew.
func asWritten(workloads []api.Workload) string {
	var b strings.Builder
	for _, w := range workloads {
		fmt.Fprint(&b, w.UID, w.Generation, " ")
	}
	return b.String()
}

// lookPause is how long a look is good for: nothing is looked at more often, whatever wakes its Sync.
const lookPause = 100 * time.Millisecond

// judged is what the newest look at a flight came to.
type judged struct {
	of      judgedOf
	at      time.Time
	rollout *gate.Rollout
}

// judgedOf tells apart what is judged.
type judgedOf struct {
	digest             string
	generation, ofSpec int64
	attempts           int
	workloads          string
	still              pacing.Standstill
	approved           bool
}

// ofDaemonSets are the targets that the Observer looks at.
func ofDaemonSets(targets []rollout.Target) []rollout.Target {
	return slices.DeleteFunc(slices.Clone(targets), func(t rollout.Target) bool { return t.Kind != "" })
}

// watchedTargets tells apart what the Observer watches.
type watchedTargets struct {
	digest     string
	generation int64
	targets    int
}

// watch has the Sync woken by what happens to its flight.
func (fl *flight) watch(targets []rollout.Target) {
	l, f := fl.loop, fl.status()
	now := watchedTargets{f.Digest, f.Generation, len(targets)} // more of them once all has been written
	if fl.watched == now || len(targets) == 0 {
		return
	}
	fl.watched = now
	key := l.key
	l.Observer().Watch(key, targets, func() { l.queue.Add(key) })
}

// unwatch ends that.
func (fl *flight) unwatch() {
	l := fl.loop
	if fl.watched != (watchedTargets{}) {
		fl.watched = watchedTargets{}
		clear(fl.caches)
		l.Observer().Unwatch(l.key)
	}
}

// Recall is a workload as rollout judges it: what the commit asked for, and what is remembered of earlier looks.
func Recall(w api.Workload) (rollout.Target, rollout.Memory, error) {
	target := rollout.Target{
		Namespace: w.Namespace, Name: w.Name, UID: w.UID, Generation: w.Generation, AppliedAt: w.AppliedAt.Time,
		OnDelete: w.OnDelete, HadNodes: w.HadNodes, FailingBefore: recallFailing(w.WasFailing),
	}
	for _, p := range w.Predecessors {
		target.Predecessors = append(target.Predecessors, rollout.Predecessor(p))
	}
	if !w.IsDaemonSet() {
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

// addJudgement puts the judgement of one workload to those of the others: one that is stuck makes the commit stuck, and
// all must be complete for it to be complete. What makes it stuck is named first.
func addJudgement(r *gate.Rollout, w api.Workload, j rollout.Judgement, t telling) {
	causes := causesOf(w, j, t)
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

// causesOf are the causes of one workload's judgement.
func causesOf(w api.Workload, j rollout.Judgement, t telling) []api.Cause {
	var causes []api.Cause
	for _, cause := range t.shown(j).Causes {
		causes = append(causes, api.Cause{Code: string(cause.Code), Object: idOf(w).String(),
			NodeCount: len(cause.Nodes), Nodes: cause.Nodes[:min(len(cause.Nodes), t.names(maxNames))],
			Message: cause.Message, Remedy: cause.Remedy, Since: metav1.NewTime(cause.Since)})
	}
	return causes
}

// addBrake notes what is to be done about the brake of a DaemonSet.
func addBrake(r *gate.Rollout, t rollout.Target, look rollout.Look, j rollout.Judgement) {
	if j.Brake != rollout.BrakeLeave {
		r.Brakes = append(r.Brakes, gate.BrakeOrder{Namespace: t.Namespace, Name: t.Name,
			Generation: look.DaemonSet.Generation,
			Pull:       j.Brake == rollout.BrakePull, Nodes: j.Ended})
	}
}

// addHandovers notes what the predecessors of a DaemonSet give up next.
func addHandovers(r *gate.Rollout, t rollout.Target, j rollout.Judgement) {
	for _, h := range j.Handovers {
		r.Handovers = append(r.Handovers, gate.HandoverOrder{ToNamespace: t.Namespace, ToName: t.Name,
			Predecessor: api.Predecessor(h.Predecessor), Generation: h.Generation, Nodes: h.Nodes})
	}
}

// recallAll recalls the workloads of a flight, together with what the commit asks of them if its set is known, and has
// its DaemonSets watched. The options are those of the Sync, and first is firstLook.
func (fl *flight) recallAll(first time.Time) (targets []rollout.Target, memories []rollout.Memory, o rollout.Options,
	err error,
) {
	o = figuresOf(fl.loop.sync)
	f := fl.status()
	targets, memories = make([]rollout.Target, len(f.Workloads)), make([]rollout.Memory, len(f.Workloads))
	for i, w := range f.Workloads {
		if targets[i], memories[i], err = Recall(w); err != nil {
			return nil, nil, o, err
		}
		if w.IsDaemonSet() && fl.rendered() {
			targets[i].Applied = find(fl.set.set, daemonSetID(w.Namespace, w.Name))
		}
		if w.IsDaemonSet() {
			targets[i].Paced = pacing.PacedBy(fl.loop.sync, w, first, o.ProgressDeadline)
			targets[i].OnDelete = w.OnDelete || targets[i].Paced != nil
		}
	}
	fl.watch(ofDaemonSets(targets))
	return targets, memories, o, nil
}
