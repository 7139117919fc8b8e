package pace

import (
	"cmp"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/fact"
)

// Part is one of the stages that a plan comes to, with its nodes by name.
type Part struct {
	Name    string
	Soak    time.Duration
	Approve bool
	// Overlap is set if the next one begins while its last nodes settle.
	Overlap bool
	Nodes   []string
	// Early are those of its nodes that have the commit although the stage has not been reached.
	Early []string
}

// Parts are the stages of a rollout by one look at each of its DaemonSets.
func Parts(in Input) []Part {
	f := gather(&in)
	parts := partsOf(expand(in.Plan, f.places), f.places)
	if f.problem != "" || in.Progress.Index == 0 {
		return parts
	}
	for i := range f.places {
		at := &f.places[i]
		if at.stage > in.Progress.Index && f.isAnyUpdated(i) {
			parts[at.stage-1].Early = append(parts[at.stage-1].Early, at.name)
		}
	}
	return parts
}

// isAnyUpdated reports whether a DaemonSet that the commit changes has the commit on a place.
func (f *fleet) isAnyUpdated(i int) bool {
	return slices.ContainsFunc(f.sets, func(s *set) bool { return !s.idle && s.sites[i].updated != nil })
}

// Preview is the stages that a plan would come to with some nodes, before anything of a commit is there.
func Preview(p Plan, nodes []*corev1.Node, now time.Time) []Part {
	places := make([]place, 0, len(nodes))
	for _, n := range nodes {
		_, down := fact.NotReadySince(n, now)
		places = append(places, place{name: n.Name, node: n, labels: n.Labels, present: !down})
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.name, b.name) })
	return partsOf(expand(p, places), places)
}

// Hollow names the stages that are to soak, or to wait for a person, and that no node falls into which one of some
// DaemonSets is meant for: they are passed at once, and what comes after them is tried nowhere before. A label may be
// misspelt, or have gone with its nodes. Zones and batches come and go, and the last stage lets nothing on.
func Hollow(p Plan, sets []*appsv1.DaemonSet, nodes []*corev1.Node, now time.Time) (names []string) {
	var meant []fact.Eligibility
	for _, d := range sets {
		meant = append(meant, fact.EligibilityOf(&d.Spec.Template))
	}
	parts := Preview(p, slices.DeleteFunc(slices.Clone(nodes), func(n *corev1.Node) bool {
		return !slices.ContainsFunc(meant, func(e fact.Eligibility) bool { return e.Refuses(n) == "" })
	}), now)
	for _, s := range p.Stages {
		at := slices.IndexFunc(parts, func(part Part) bool { return part.Name == s.Name && len(part.Nodes) == 0 })
		if s.Each == "" && s.First == 0 && (s.Soak > 0 || s.Approve) && at >= 0 && at < len(parts)-1 {
			names = append(names, s.Name)
		}
	}
	return names
}

func partsOf(stages []stage, places []place) []Part {
	parts := make([]Part, len(stages))
	for i := range stages {
		parts[i].Name, parts[i].Soak, parts[i].Approve = stages[i].name, stages[i].soak, stages[i].approve
		parts[i].Overlap = stages[i].overlap && i < len(stages)-1
	}
	for i := range places {
		if at := places[i].stage; at > 0 {
			parts[at-1].Nodes = append(parts[at-1].Nodes, places[i].name)
		}
	}
	return parts
}
