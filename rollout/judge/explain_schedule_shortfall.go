package judge

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	helpers "k8s.io/component-helpers/resource"

	"github.com/daemongate/daemongate/rollout"
)

// What the scheduler says of a node that is full, or whose ports are taken.
const (
	tooManyPods = "Too many pods"
	noFreePorts = "free ports"
)

// measure says what a node is short of and what would make room. That is computed if all pods of the node are known,
// which they are to nobody but `explain`; else as much as the scheduler's own message and the node tell.
func measure(s *survey, f *finding, at *site, p *corev1.Pod, reasons []string) {
	if s.measured >= rollout.MaxShortfalls {
		return
	}
	f.shortfalls = shortfallsSaid(s, at, p, reasons)
	if len(f.shortfalls) == 0 && !s.look.Others.Known() {
		return
	}
	s.measured++
	if why, unread := s.look.Others.Lacks(rollout.KindPods); unread {
		if areHeld(f.shortfalls) {
			return
		}
		f.relief = &rollout.Relief{Node: at.name}
		noteOn(f.relief, "which of its other pods could make room is not known (%s)", why)
		return
	}
	if !s.look.Others.Known() || at.node == nil || !crowdOf(s).known[at.name] {
		return
	}
	standing := crowdOf(s).standingFor(p, at.name)
	lacks := lacksOf(p, at.node, standing)
	if len(lacks) == 0 {
		if len(f.shortfalls) > 0 {
			f.relief = &rollout.Relief{Node: at.name}
			noteOn(f.relief, "by what stands there now there is room: the scheduler tries again by itself")
		}
		return
	}
	f.shortfalls = nil
	for i := range lacks {
		f.shortfalls = append(f.shortfalls, lacks[i].shortfall(at.name))
	}
	f.relief = relieve(s, at, lacks, standing)
}

// shortfallsSaid are the resources that a node has too little of by the scheduler's own word: what the pod asks for and
// what the node has at all. What the other pods leave free of it is not known.
func shortfallsSaid(s *survey, at *site, p *corev1.Pod, reasons []string) []rollout.Shortfall {
	asked := helpers.PodRequests(p, helpers.PodResourcesOptions{})
	var list []rollout.Shortfall
	for _, reason := range reasons {
		name, short := strings.CutPrefix(reason, "Insufficient ")
		want := asked[corev1.ResourceName(name)]
		switch {
		case reason == tooManyPods:
			name, want = string(corev1.ResourcePods), resource.MustParse("1")
		case strings.Contains(reason, noFreePorts):
			for _, h := range hostPortsOf(p) {
				list = append(list, rollout.Shortfall{Node: at.name, Resource: rollout.HostPort, Asked: h.String(), HeldBy: namesOfPods(holdersOf(s, p, at.name, h))})
			}
			continue
		case !short:
			continue
		}
		list = append(list, shortfallOf(at, corev1.ResourceName(name), want))
	}
	return list
}

// shortfallOf is what can be said of one resource without the node's other pods.
func shortfallOf(at *site, name corev1.ResourceName, want resource.Quantity) rollout.Shortfall {
	f := rollout.Shortfall{Node: at.name, Resource: string(name), Asked: want.String()}
	if at.node == nil {
		return f
	}
	has, known := at.node.Status.Allocatable[name]
	if !known {
		return f
	}
	f.Allocatable = has.String()
	if lacks := want.DeepCopy(); want.Cmp(has) > 0 {
		lacks.Sub(has)
		f.ShortBy = lacks.String()
	}
	return f
}
