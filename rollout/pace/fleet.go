package pace

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// fleet is all DaemonSets of a look, and the nodes that any of them is meant for.
type fleet struct {
	in      *Input
	sets    []*set  // by name
	places  []place // by name
	problem string  // why nothing can be told
	idle    bool    // the commit changes no pod of any of them
}

// place is a node, to all DaemonSets together.
type place struct {
	name    string
	node    *corev1.Node
	labels  map[string]string
	stage   int
	late    bool // it joined after the commit was applied
	present bool // some DaemonSet must reach it
	exposed bool // each DaemonSet that the commit changes has the commit there, or nothing any more
}

// set is one DaemonSet.
type set struct {
	*Workload
	hash     string // of the commit's pods
	minReady time.Duration
	sites    []site // by place
	meant    int    // how many nodes it is meant for
	idle     bool   // the commit changes no pod of it
}

// site is what a DaemonSet has on a node.
type site struct {
	meant     bool
	down      bool      // the node is not ready
	since     time.Time // when it became that
	state     rollout.NodeState
	cause     rollout.Code
	updated   *corev1.Pod // of the commit
	old       *corev1.Pod // the one that goes first, of those that nobody has asked to go
	going     bool        // a pod was asked to go
	available int         // how many pods are available that nobody has asked to go
	freed     bool        // its old pod is not among those
	broken    bool        // its old pod is of a broken commit
	from      time.Time   // when a pod that is Ready becomes available
}

// gather reads the looks.
func gather(in *Input) *fleet {
	f := &fleet{in: in}
	for i := range in.Workloads {
		s := &set{Workload: &in.Workloads[i]}
		f.sets = append(f.sets, s)
	}
	slices.SortFunc(f.sets, func(a, b *set) int {
		return cmp.Or(cmp.Compare(a.Target.Namespace, b.Target.Namespace), cmp.Compare(a.Target.Name, b.Target.Name))
	})
	for _, s := range f.sets { // all of them: whether one is to be held depends on no other
		if why := s.countBy(); f.problem == "" {
			f.problem = why
		}
	}
	index := f.findPlaces()
	f.idle = true
	for _, s := range f.sets {
		s.sites = make([]site, len(f.places))
		s.classify(f, index)
		s.standPods(in.Now, index)
		if in.Progress.Index == 0 { // later nobody asks
			s.findBroken(in)
		}
		s.idle = !s.changes()
		f.idle = f.idle && s.idle
	}
	if f.problem == "" {
		f.problem = f.looseness()
	}
	f.sumUp()
	return f
}

// findPlaces makes a place of every node of the looks that a DaemonSet is meant for. The judge has them sorted.
func (f *fleet) findPlaces() map[string]int {
	for _, s := range f.sets {
		f.places = slices.Grow(f.places, max(0, s.Judgement.Nodes.Len()-len(f.places)))
		for n := range s.Judgement.Nodes.All() {
			if n.State != rollout.IsNotEligible {
				f.places = append(f.places, place{name: n.Name})
			}
		}
	}
	index := f.sortPlaces()
	for _, s := range f.sets {
		for _, n := range s.Look.Nodes {
			if i, meant := index[n.Name]; meant {
				f.places[i].node, f.places[i].labels = n, n.Labels
			}
		}
	}
	isUnknown := func(at place) bool { return at.node == nil }
	if slices.ContainsFunc(f.places, isUnknown) {
		f.places = slices.DeleteFunc(f.places, isUnknown)
		index = f.sortPlaces()
	}
	return index
}

// sortPlaces has each place once, by name, and says where.
func (f *fleet) sortPlaces() map[string]int {
	byName := func(a, b place) int { return cmp.Compare(a.name, b.name) }
	if !slices.IsSortedFunc(f.places, byName) {
		slices.SortFunc(f.places, byName)
	}
	f.places = slices.CompactFunc(f.places, func(a, b place) bool { return a.name == b.name })
	index := make(map[string]int, len(f.places))
	for i := range f.places {
		index[f.places[i].name] = i
	}
	return index
}

// classify takes over what the judge says of the nodes.
func (s *set) classify(f *fleet, index map[string]int) {
	for n := range s.Judgement.Nodes.All() {
		k, known := index[n.Name]
		if !known || n.State == rollout.IsNotEligible {
			continue
		}
		at := &s.sites[k]
		at.since, at.down = fact.NotReadySince(f.places[k].node, f.in.Now)
		at.meant, at.state, at.cause = true, n.State, n.Cause
		s.meant++
	}
}

// standPods puts the pods that the DaemonSet owns on their nodes. Which one of several stands for them does not depend
// on their order.
func (s *set) standPods(now time.Time, index map[string]int) {
	if s.Look.DaemonSet == nil {
		return
	}
	for _, p := range s.Look.Pods {
		k, known := index[fact.TargetNode(p)]
		if !known || fact.IsOver(p) || !fact.Owns(s.Look.DaemonSet, p) {
			continue
		}
		s.stand(&s.sites[k], p, now)
	}
}

// stand puts one pod on its node.
func (s *set) stand(at *site, p *corev1.Pod, now time.Time) {
	if p.DeletionTimestamp != nil || s.Going[p.UID] {
		at.going = true
		return
	}
	available := false
	if from := fact.AvailableFrom(p, s.minReady); !from.After(now) {
		available = true
		at.available++
	} else if from.Before(fact.EndOfTime) && (at.from.IsZero() || from.Before(at.from)) {
		at.from = from
	}
	switch {
	case p.Labels[fact.HashLabel] == s.hash:
		if at.updated == nil || p.Name < at.updated.Name {
			at.updated = p
		}
	case at.old == nil || goesBefore(p, available, at):
		at.old, at.freed = p, !available
	}
}

// goesBefore reports whether a pod goes before the old one of the site: one that is not available costs nothing.
func goesBefore(p *corev1.Pod, available bool, at *site) bool {
	if available == at.freed { // one of them is available
		return !available
	}
	return p.Name < at.old.Name
}

// changes reports whether the commit changes the DaemonSet's pods: there are old ones, or most of them were made since
// it was applied. One that somebody deletes is made anew without that.
func (s *set) changes() bool {
	before, since := 0, 0
	for i := range s.sites {
		at := &s.sites[i]
		switch {
		case !at.meant || at.state == rollout.IsLate:
		case at.old != nil:
			return true
		case at.updated != nil && !at.updated.CreationTimestamp.After(s.Target.AppliedAt):
			before++
		default:
			since++
		}
	}
	return since > before
}

// sumUp says what each place is to all DaemonSets together.
func (f *fleet) sumUp() {
	for i := range f.places {
		at := &f.places[i]
		changed, held := false, false
		for _, s := range f.sets {
			on := &s.sites[i]
			if !on.meant {
				continue
			}
			at.late = at.late || on.state == rollout.IsLate
			at.present = at.present || isWaitedFor(on.state)
			if !s.idle {
				changed = true
				held = held || on.old != nil || on.updated == nil && !on.going
			}
		}
		at.exposed = changed && !held
	}
}

// isAnyOld reports whether some old pod is left to be held back, also on a node that is down: it may come back.
func (f *fleet) isAnyOld() bool {
	for _, s := range f.sets {
		for i := range s.sites {
			if at := &s.sites[i]; at.meant && at.old != nil {
				return true
			}
		}
	}
	return false
}
