package preflight

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/daemongate/daemongate/rollout"
)

// Observer watches nodes, and DaemonSets by their names.
type Observer interface {
	Watch(key string, targets []rollout.Target, wake func())
	Unwatch(key string)
	Look(target rollout.Target) (rollout.Look, bool)
}

// Weighing weighs the pods of a DaemonSet on its nodes.
type Weighing func(look rollout.Look, next *appsv1.DaemonSet) Finding

// Vigil is kept while a commit waits for room: it sees whether its pods fit by now.
type Vigil struct {
	observer Observer
	key      string
	sets     []*appsv1.DaemonSet
	weigh    Weighing
	found    Finding // as it was found last
}

// Keep begins a vigil for the DaemonSets of a commit, of which this was found. Wake is called when there may be news.
func Keep(o Observer, key string, sets []*appsv1.DaemonSet, weigh Weighing, found Finding, wake func()) *Vigil {
	v := &Vigil{observer: o, key: key, sets: sets, weigh: weigh, found: found}
	var targets []rollout.Target
	for _, d := range sets {
		targets = append(targets, rollout.Target{Namespace: d.Namespace, Name: d.Name})
	}
	o.Watch(key, targets, wake)
	return v
}

// News reports whether something else is found than last time. What cannot be seen is no news.
func (v *Vigil) News() bool {
	var now Finding
	for _, d := range v.sets {
		look, synced := v.observer.Look(rollout.Target{Namespace: d.Namespace, Name: d.Name})
		if !synced {
			return false
		}
		now = now.And(v.weigh(look, d))
	}
	if !now.differs(v.found) {
		return false
	}
	v.found = now
	return true
}

// Found is what was found last.
func (v *Vigil) Found() Finding { return v.found }

// End ends it.
func (v *Vigil) End() { v.observer.Unwatch(v.key) }
