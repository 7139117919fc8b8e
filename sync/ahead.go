package sync

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/ahead"
	"github.com/daemongate/daemongate/rollout/judge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/pacing"
	"github.com/daemongate/daemongate/sync/panics"
	"github.com/daemongate/daemongate/sync/preflight"
)

// lookAhead is a ready set, with the DaemonSets that it asks for and those that go after it.
type lookAhead struct {
	of        *preparation
	r         *readySet
	options   rollout.Options
	claimants []ahead.Claimant
	goers     []goer
}

// lookAhead says what writing a ready set would do to the DaemonSets that run now, and refuses or delays it if
// that is nothing that a rollout can be stopped at.
func (p *preparation) lookAhead(ctx context.Context, r *readySet, preview []*unstructured.Unstructured) *readySet {
	options := figuresOf(p.sync)
	r.before, r.brakes = map[manifests.ID]daemonSetBefore{}, map[manifests.ID]manifests.Brake{}
	var claimants []ahead.Claimant
	var nodes []*corev1.Node
	sets := daemonSets(r.set, preview)
	for _, next := range sets {
		look, err := p.Observer().Before(ctx, next.Namespace, next.Name)
		if err != nil {
			return r.unavailable(err, p.Now())
		}
		change := ahead.LookAhead(look.DaemonSet, next, look.Nodes, look.Pods, p.Now(), options)
		switch {
		case change.Refused != nil:
			return p.refusedAhead(r, next, change.Refused)
		case change.Hold != "":
			r.Outcome, r.Problem, r.RetryAt = gate.Early, api.ForAll(api.Public(change.Hold)), change.HoldUntil
			return r
		}
		nodes = look.Nodes
		claimants = append(claimants, ahead.Claimant{Next: next, Current: look.DaemonSet, Pods: look.Pods})
		if p.sync.Spec.Gate.Preflight != api.PreflightOff {
			r.weigh(look, next, options, tellingOf(p.sync))
		}
		id := daemonSetID(next.Namespace, next.Name)
		for _, w := range change.Warnings {
			r.warnings = append(r.warnings, fmt.Sprintf("%s: %s", id, w))
		}
		p.Observer().AddEvents(ctx, &look)
		r.before[id] = beforeOf(p.sync.Status.InFlight, id, look, options, tellingOf(p.sync))
		if b, paced := pacing.HeldFrom(p.sync, r.Commit, next, look.DaemonSet); paced {
			r.brakes[id] = b
			continue
		}
		if look.DaemonSet == nil || look.DaemonSet.Annotations[manifests.BrakeAnnotation] == "" {
			continue
		}
		before, err := p.setBefore(ctx, r)
		if err != nil {
			return r.unavailable(fmt.Errorf("brake of %s: %w", id, err), p.Now())
		}
		if b, stays := stillBraked(before, find(r.set, id), look.DaemonSet); stays {
			r.brakes[id] = b
		}
	}
	r.warnings = append(r.warnings, pacing.Hollow(p.sync, sets, nodes, p.Now())...)
	a := lookAhead{of: p, r: r, options: options, claimants: claimants}
	var err error
	if a.goers, err = a.going(ctx); err != nil {
		return r.unavailable(err, p.Now())
	}
	if r = a.apart(ctx); r.Outcome != gate.Ready {
		return r
	}
	return a.succeed(ctx)
}

// weigh weighs the pods of a DaemonSet on its nodes. What cannot be weighed holds nothing.
func weigh(look rollout.Look, next *appsv1.DaemonSet, o rollout.Options, t telling) (preflight.Finding, *panics.Panic) {
	var found preflight.Finding
	caught := panics.Catch("weighing the pods of a DaemonSet", func() {
		found = preflight.Weigh(look, next, o, !t.countsOnly)
	})
	return found, caught
}

// weigh notes whether the pods of a DaemonSet would fit its nodes.
func (r *readySet) weigh(look rollout.Look, next *appsv1.DaemonSet, o rollout.Options, t telling) {
	found, caught := weigh(look, next, o, t)
	if caught != nil {
		r.warnings = append(r.warnings, fmt.Sprintf("%s: %v", daemonSetID(next.Namespace, next.Name), caught))
		return
	}
	r.fits = r.fits.And(found)
	r.Misfit, r.Serious = r.fits.Message, r.fits.Serious
	r.weighed = append(r.weighed, next)
	if found.Message.Private != "" {
		r.warnings = append(r.warnings, found.Message.Private)
	}
}

// keepVigil has a commit that waits for room looked at again when nodes change what is found of it. Nothing is watched
// for it else.
func (l *preparing) keepVigil(s *api.Sync, o Observer, wake func()) {
	r, held := l.ready, s.Status.Preflight
	switch {
	case s.Spec.Gate.Preflight != api.PreflightHold || held == nil || len(held.Held) == 0:
		l.endVigil()
	case r == nil || r.Outcome != gate.Ready || !slices.Contains(held.Held, r.Commit):
	case l.vigilFor != r:
		found := r.fits
		if l.vigilFor != nil && l.vigilFor.Commit == r.Commit {
			found = l.vigil.Found() // by the same eyes as what is found next
		}
		options, telling := figuresOf(s), tellingOf(s)
		again := func(look rollout.Look, d *appsv1.DaemonSet) preflight.Finding {
			found, _ := weigh(look, d, options, telling) // of a panic the next preparation tells
			return found
		}
		l.vigilFor = r
		l.vigil = preflight.Keep(o, s.Namespace+"/"+s.Name+" waits for room", r.weighed, again, found, wake)
	case l.vigil.News():
		l.ready = nil // it is looked at anew, with all that is looked at before a first write
	}
}

func (l *preparing) endVigil() {
	if l.vigil != nil {
		l.vigil.End()
		l.vigil, l.vigilFor = nil, nil
	}
}

// refusedAhead says what would come of writing the set to one of its DaemonSets.
func (p *preparation) refusedAhead(r *readySet, d *appsv1.DaemonSet, why *rollout.Cause) *readySet {
	message := api.ForAll(api.Public(fmt.Sprintf("%s: DaemonSet %s/%s, %s", why.Code, d.Namespace, d.Name, why.About)))
	if !p.sync.Spec.Report.CountsOnly() {
		message.Private = fmt.Sprintf("%s: %s. %s", why.Code, why.Message, why.Remedy)
	}
	return r.not(gate.Refused, message, p.Now())
}

// daemonSets are those of a set, as the API server would make them: with its defaults, so that they can be compared
// with what runs. One that it could not be asked about is as the commit has it.
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
func (p *preparation) setBefore(ctx context.Context, r *readySet) (manifests.Set, error) {
	switch f := p.sync.Status.InFlight; {
	case f == nil:
		return manifests.Set{}, nil
	case f.Commit == r.Commit && f.Unwritten():
		return r.set, nil
	}
	return p.flightSet(ctx)
}

// daemonSetBefore is what a DaemonSet is like before a commit is written, as far as that bears on what is held
// against it.
type daemonSetBefore struct {
	failing  []api.FailingNode // nodes that are sick
	hadNodes bool
}

// beforeOf is what a DaemonSet is like before a commit is written on top of the last one. What an earlier commit did
// that did not complete is held against the next one: the nodes that it broke are not sick of themselves, its fix
// must reach them, and those that it took away are missed.
func beforeOf(last *api.Flight, id manifests.ID, look rollout.Look, o rollout.Options, t telling) daemonSetBefore {
	b := daemonSetBefore{hadNodes: judge.HasNodes(look)}
	if last == nil || look.DaemonSet == nil {
		return b
	}
	for _, w := range last.Workloads {
		if idOf(w) != id {
			continue
		}
		target, memory, err := Recall(w)
		target, memory = byName(target, memory, look)
		switch {
		case err != nil:
		case last.State == api.Complete:
			b.failing = t.keptFailing(judge.FailingBefore(look, memory.Hash, o), look.Nodes)
		default:
			b.failing = t.keptFailing(judge.StillFailing(target.FailingBefore, memory, look), look.Nodes)
			b.hadNodes = b.hadNodes || w.HadNodes
		}
	}
	return b
}

// keepFailing is how sick nodes are kept in the status, and recallFailing how they are read from it. Versions before
// had a list of names, which proved nothing of them: it is not read.
func keepFailing(list []rollout.FailingNode) []api.FailingNode {
	var kept []api.FailingNode
	for _, n := range list {
		kept = append(kept, api.FailingNode{Node: n.Node, Cause: string(n.Cause), Evidence: n.Evidence,
			Since: metav1.NewTime(n.Since)})
	}
	return kept
}

func recallFailing(kept []api.FailingNode) []rollout.FailingNode {
	var list []rollout.FailingNode
	for _, n := range kept {
		list = append(list, rollout.FailingNode{Node: n.Node, Cause: rollout.Code(n.Cause), Evidence: n.Evidence,
			Since: n.Since.Time})
	}
	return list
}
