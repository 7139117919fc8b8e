package pacing

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout/pace"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// While a commit is paced a DaemonSet has OnDelete although Git asks for RollingUpdate, and an annotation that says so
// (docs/decisions/0078-pace-rolling-update.md).

// paces reports whether a pace holds a workload back. The last complete commit may ask for a maxSurge that is not to
// be paced: then it is gone back to by its own strategy.
func paces(p *api.Pace, w api.Workload) bool {
	return p != nil && (w.OnDelete || !w.Surges || p.AllowGap)
}

// Surges reports whether a DaemonSet asks for maxSurge.
func Surges(d *appsv1.DaemonSet) bool { return surgeOf(d.Spec.UpdateStrategy) != "" }

// HeldFrom is what a DaemonSet is written with whose pods are not to be replaced in the order of its controller:
// OnDelete, in the write of the template itself. Next is as the commit has it, with the API server's defaults, and live
// as it is. One that is not there yet, or whose template stays while nothing is held, needs none.
func HeldFrom(s *api.Sync, commit string, next, live *appsv1.DaemonSet) (manifests.Brake, bool) {
	if live == nil || next.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType ||
		!paces(s.Spec.Rollout.Pace, api.Workload{Surges: Surges(next)}) {
		return manifests.Brake{}, false
	}
	if _, held := manifests.BrakeIn(live.Annotations); !held &&
		live.Spec.UpdateStrategy.Type != appsv1.OnDeleteDaemonSetStrategyType &&
		equality.Semantic.DeepEqual(live.Spec.Template, next.Spec.Template) {
		return manifests.Brake{}, false
	}
	return manifests.Brake{Commit: commit, Paced: true}, true
}

// Held is why a DaemonSet of a flight is to have OnDelete now: its brake is pulled, or it is paced. The live object has
// these annotations, and OnDelete or not: who takes away one of both alone has no pod replaced by that. A complete
// commit is paced no more.
func Held(s *api.Sync, w api.Workload, annotations map[string]string, onDelete bool) (manifests.Brake, bool) {
	b, is := manifests.BrakeIn(annotations)
	if is && !b.Paced {
		return b, true
	}
	f := s.Status.InFlight
	if f == nil || f.State == api.Complete || w.OnDelete || !paces(s.Spec.Rollout.Pace, w) || !is && !onDelete {
		return manifests.Brake{}, false
	}
	if is {
		return b, true
	}
	b = manifests.Brake{Commit: f.Commit, Paced: true}
	if f.Stage != nil {
		b.Stage = f.Stage.Name
	}
	return b, true
}

// strategies notes which update strategies are to be written, and which annotations name another stage by now. A brake
// is not lifted from who is held: its controller would replace pods.
func strategies(r *gate.Rollout, o pace.Outcome, in pace.Input, f *api.Flight) {
	if f.State != api.Complete {
		r.Brakes = slices.DeleteFunc(r.Brakes, func(b gate.BrakeOrder) bool {
			w := workloadOf(in, b.Namespace, b.Name)
			return !b.Pull && w != nil && w.Held
		})
	}
	told := map[[2]string]bool{}
	for _, st := range o.Strategies {
		if f.Unwritten() && !st.OnDelete { // what a part of the set comes to is not the end
			continue
		}
		if f.State == api.Complete && (st.OnDelete || !isNoted(workloadOf(in, st.Namespace, st.Name))) {
			continue // it is paced no more: what somebody else has written is drift
		}
		told[[2]string{st.Namespace, st.Name}] = true
		r.Brakes = append(r.Brakes, gate.BrakeOrder{Namespace: st.Namespace, Name: st.Name, Generation: st.Generation,
			Pull: st.OnDelete, Paced: true, Stage: o.Name, Told: true})
	}
	if !o.Unknown && !o.Back && o.Name != "" && f.State != api.Complete {
		stageNotes(r, o, in, f, told)
	}
}

// stageNotes has the annotations name the stage that was reached, of DaemonSets of which nothing else was told.
func stageNotes(r *gate.Rollout, o pace.Outcome, in pace.Input, f *api.Flight, told map[[2]string]bool) {
	want := manifests.Brake{Commit: f.Commit, Paced: true, Stage: o.Name}
	for _, w := range in.Workloads {
		d := w.Look.DaemonSet
		if !w.Held || told[[2]string{w.Target.Namespace, w.Target.Name}] ||
			d.Spec.UpdateStrategy.Type != appsv1.OnDeleteDaemonSetStrategyType {
			continue
		}
		if b, _ := manifests.BrakeIn(d.Annotations); b.String() != want.String() {
			r.Brakes = append(r.Brakes, gate.BrakeOrder{Namespace: d.Namespace, Name: d.Name, Generation: d.Generation,
				Pull: true, Paced: true, Stage: o.Name})
		}
	}
}

// workloadOf is what was looked at of a DaemonSet, nil if it is not paced.
func workloadOf(in pace.Input, namespace, name string) *pace.Workload {
	for i := range in.Workloads {
		if w := &in.Workloads[i]; w.Target.Namespace == namespace && w.Target.Name == name {
			return w
		}
	}
	return nil
}

// isNoted reports whether a DaemonSet says itself that its update strategy was taken for a pace.
func isNoted(w *pace.Workload) bool {
	if w == nil || w.Look.DaemonSet == nil {
		return false
	}
	b, is := manifests.BrakeIn(w.Look.DaemonSet.Annotations)
	return is && b.Paced
}

// GiveBack has DaemonSets get back their update strategy that no pace holds any more: somebody has taken it out of the
// spec. One that is to be braked now is not.
func GiveBack(r *gate.Rollout, live []*appsv1.DaemonSet) {
	braked := map[[2]string]bool{}
	for _, o := range r.Brakes {
		braked[[2]string{o.Namespace, o.Name}] = o.Pull
	}
	for _, d := range live {
		if b, is := manifests.BrakeIn(d.Annotations); is && b.Paced && !braked[[2]string{d.Namespace, d.Name}] {
			r.Brakes = append(r.Brakes, gate.BrakeOrder{Namespace: d.Namespace, Name: d.Name, Generation: d.Generation,
				Paced: true, Told: true})
		}
	}
}
