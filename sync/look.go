package sync

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/judge"
	"github.com/daemongate/daemongate/rollout/pace"
	"github.com/daemongate/daemongate/rollout/report"
	"github.com/daemongate/daemongate/sync/alerts"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/pacing"
)

// nodeLeases are the nodes' Leases, as they were read before a flight was Complete.
type nodeLeases struct {
	list    []*coordinationv1.Lease
	problem string // why they could not be read
	at      time.Time
}

// stillGood are the Leases as long as something may be judged by them. All else would be memory for nothing: a large
// cluster has thousands, and many Syncs.
func (n nodeLeases) stillGood(landed bool, now time.Time) nodeLeases {
	if landed || now.Sub(n.at) >= judge.LeasesPause {
		return nodeLeases{}
	}
	return n
}

// look looks at the workloads of a flight and judges them. Only when all of them would be complete are the nodes'
// Leases read, and all judged once more: a node may have died that the control plane does not miss yet.
func (fl *flight) look(ctx context.Context, now time.Time, still pacing.Standstill) (*gate.Rollout, error) {
	l, f := fl.loop, fl.status()
	targets, memories, options, err := fl.recallAll(firstLook(fl, now))
	if err != nil {
		return nil, err
	}
	r, paced, err := fl.judgeAll(ctx, targets, memories, options, now, nodeLeases{})
	if err != nil {
		return r, err
	}
	paceFlight(fl, r, paced, options, still)
	if !paced.unsure || r.State != api.Complete || f.State == api.Complete {
		return r, nil
	}
	if now.Sub(fl.leases.at) >= judge.LeasesPause {
		fl.leases = nodeLeases{at: now}
		if fl.leases.list, err = l.Observer().Leases(ctx); err != nil {
			fl.leases.problem = api.TextOf(err)
		}
	}
	if r, paced, err = fl.judgeAll(ctx, targets, memories, options, now, fl.leases); err == nil {
		paceFlight(fl, r, paced, options, still)
	}
	return r, err
}

// firstLook is when this process looked at a flight first, which gives a paced one more time. One that is stuck
// has had it.
func firstLook(fl *flight, now time.Time) time.Time {
	if fl.looked.IsZero() {
		fl.looked = now
	}
	if fl.status().State == api.Stuck {
		return time.Time{}
	}
	return fl.looked
}

// lookedAt are the paced DaemonSets of one look, and what else the look says of itself.
type lookedAt struct {
	// unsure is set if a Complete was given without Leases, and unseen if a DaemonSet could not be seen.
	unsure, unseen bool
	workloads      []pace.Workload
	unpaced        []*appsv1.DaemonSet // the others
}

// paceFlight has a paced rollout go on: which stage it is in, and which old pods may go. While a DaemonSet cannot be
// seen, the stage stays as it was, and no pod goes.
func paceFlight(fl *flight, r *gate.Rollout, seen lookedAt, o rollout.Options, still pacing.Standstill) {
	l, f := fl.loop, fl.status()
	pacing.GiveBack(r, seen.unpaced)
	plan, err := pacing.PlanOf(l.sync)
	switch {
	case plan == nil:
		return
	case seen.unseen || len(seen.workloads) == 0:
		r.Stage = f.Stage
		return
	case err != nil:
		still.Paused = api.TextOf(err)
	}
	in := pace.Input{Now: seen.workloads[0].Look.Now, Plan: *plan, Options: o, Progress: pacing.Recall(l.sync, plan),
		First: firstLook(fl, seen.workloads[0].Look.Now), Rollback: f.RollbackOf != nil,
		MendsSince: pacing.MendsSince(f), Paused: still.Paused, Closed: still.Closed, Opens: still.Opens,
		Held: still.Held, Alerts: still.Alerts, Firing: still.Firing}
	l.evictions.seen(seen.workloads, in.Now)
	going, refused := l.evictions.now()
	for _, w := range seen.workloads {
		w.Going, w.Refused, w.Kept = going, refused, fl.braked[daemonSetID(w.Target.Namespace, w.Target.Name)].problem
		in.Workloads = append(in.Workloads, w)
	}
	pacing.Decide(r, in, l.sync)
}

// alertsNow says why alerts hold a flight back, empty if they do not, and whether it is known that some fire. They are
// asked about beside the turns, for all Syncs of a namespace together, and only while the rollout may go on by the
// answer.
func alertsNow(l *syncLoop) (why string, firing bool) {
	gate, now := pacing.AlertsGate(l.sync), l.Controller.Now()
	if gate == nil {
		return "", false
	}
	if !pacing.AsksAlerts(l.sync) {
		answer := l.alerts.Last(l.sync.Namespace, questionOf(gate))
		return answer.Closed(now), answer.Fires(now)
	}
	gate, namespace := gate.DeepCopy(), l.sync.Namespace
	ask := func(ctx context.Context) ([]string, error) {
		source, err := l.Connect.Alerts(ctx, namespace, gate)
		if err != nil {
			return nil, err
		}
		return source.Firing(ctx)
	}
	answer, due := l.alerts.Look(alerts.Question{Namespace: namespace, Of: questionOf(gate), By: l.key, Ask: ask,
		Wake: func() { l.queue.Add(l.key) }})
	if !due.IsZero() {
		l.queue.AddAfter(l.key, max(due.Sub(now), time.Millisecond))
	}
	return answer.Closed(now), answer.Fires(now)
}

// questionOf tells apart what is asked about alerts.
func questionOf(gate *api.AlertsGate) string {
	var secret string
	if gate.SecretRef != nil {
		secret = gate.SecretRef.Name
	}
	return fmt.Sprintf("%q %q %q %q", gate.URL, gate.API, gate.Matchers, secret)
}

// judgeAll judges every workload of a flight by one look at it. A DaemonSet that cannot be seen holds up no judgement
// of the others.
func (fl *flight) judgeAll(ctx context.Context, targets []rollout.Target, memories []rollout.Memory, o rollout.Options,
	now time.Time, leases nodeLeases,
) (r *gate.Rollout, seen lookedAt, err error) {
	l, f := fl.loop, fl.status()
	r = &gate.Rollout{Commit: f.Commit, Digest: f.Digest, State: api.Complete}
	daemonSets, t := len(ofDaemonSets(targets)), tellingOf(l.sync)
	var judgements []rollout.Judgement
	for i, w := range f.Workloads {
		var j rollout.Judgement
		var memory rollout.Memory
		if w.IsDaemonSet() {
			look, synced := l.Observer().Look(targets[i])
			if !synced {
				addUnseen(r, w, l.Observer().Trouble(targets[i]))
				seen.unseen = true
				continue
			}
			look.Now, look.Leases, look.LeasesProblem = now, leases.list, leases.problem
			target, before := byName(targets[i], memories[i], look)
			j, memory = judgeDaemonSet(ctx, l.Observer(), fl.caches.of(target), look, target, before, o)
			memory = t.kept(memory, look.Nodes)
			w.WasFailing = t.keptFailing(target.FailingBefore, look.Nodes)
			addBrake(r, target, look, j)
			addHandovers(r, target, j)
			switch {
			case target.Paced != nil:
				seen.workloads = append(seen.workloads, pace.Workload{Target: target, Look: look, Judgement: j,
					Held: !w.OnDelete, Reached: target.Paced.Reached})
			case look.DaemonSet != nil:
				seen.unpaced = append(seen.unpaced, look.DaemonSet)
			}
		} else {
			if !memories[i].Done && l.barred(l.sync) != nil { // it is read with the rights that it is written with
				addUnseen(r, w, nil)
				continue
			}
			j, memory = fl.judgeObject(ctx, w, targets[i], memories[i].NotAfter(now), o, now)
		}
		if w, err = judgedWorkload(w, j, memory, daemonSets, t); err != nil {
			return nil, seen, err
		}
		r.Workloads = append(r.Workloads, w)
		judgements = append(judgements, j)
		addJudgement(r, w, j, t)
		seen.unsure = seen.unsure || j.ReadLeases
	}
	r.Causes = r.Causes[:min(len(r.Causes), maxCauses)]
	if r.Message = summaryFor(judgements); len(judgements) == 0 {
		r.Message = api.ForAll("nothing to roll out")
	}
	return r, seen, nil
}

// byName has a target and what is remembered of it name nodes by their names, as the judge does.
func byName(t rollout.Target, m rollout.Memory, look rollout.Look) (rollout.Target, rollout.Memory) {
	t.FailingBefore = rollout.FailingByName(t.FailingBefore, look.Nodes)
	return t, m.WithNames(look.Nodes).NotAfter(look.Now)
}

// addUnseen leaves a workload as it was judged last.
func addUnseen(r *gate.Rollout, w api.Workload, why error) {
	r.Workloads = append(r.Workloads, w)
	r.Unseen = errors.Join(r.Unseen, why)
	r.Partial = true
	if r.State == api.Complete {
		r.State = api.RollingOut
	}
}

// judgeDaemonSet judges one look at a DaemonSet, and reads what its judgement needs besides.
func judgeDaemonSet(ctx context.Context, observer Observer, cache *judge.Cache, look rollout.Look, t rollout.Target,
	m rollout.Memory, o rollout.Options,
) (rollout.Judgement, rollout.Memory) {
	j, memory := judge.RolloutAgain(cache, look, t, m, o)
	if len(j.ReadClocks) > 0 {
		look.Clocks = observer.Clocks(ctx, j.ReadClocks)
		j, memory = judge.RolloutAgain(cache, look, t, m, o)
	}
	return j, memory
}

// caches are what looks at DaemonSets leave for the next ones.
type caches map[manifests.ID]*judge.Cache

// of is what is left of a target.
func (c caches) of(t rollout.Target) *judge.Cache {
	id := daemonSetID(t.Namespace, t.Name)
	if c[id] == nil {
		c[id] = &judge.Cache{}
	}
	return c[id]
}

// summaryFor is what is said of rollouts as a whole. The judge makes it for Git hosts, so everybody may be told.
func summaryFor(judgements []rollout.Judgement) api.Message {
	return api.ForAll(api.Public(report.Summarize(judgements)))
}
