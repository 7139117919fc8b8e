package rollout

import (
	"fmt"
	"math"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	helpers "k8s.io/component-helpers/resource"
)

// What the scheduler says of a node that is full, or whose ports are taken.
const (
	tooManyPods = "Too many pods"
	noFreePorts = "free ports"
)

// measure says what a node is short of and what would make room. That is computed if all pods of the node are known,
// which they are to nobody but `explain`; else as much as the scheduler's own message and the node tell.
func (s *survey) measure(f *finding, at *site, p *corev1.Pod, reasons []string) {
	if s.measured >= maxShortfalls {
		return
	}
	f.shortfalls = s.shortfallsSaid(at, p, reasons)
	if len(f.shortfalls) == 0 && !s.look.Others.read() {
		return
	}
	s.measured++
	if why, unread := s.look.Others.missing(KindPods); unread {
		if areHeld(f.shortfalls) {
			return
		}
		f.relief = &Relief{Node: at.name}
		f.relief.note("which of its other pods could make room is not known (%s)", why)
		return
	}
	if !s.look.Others.read() || at.node == nil || !s.crowd().known[at.name] {
		return
	}
	standing := s.crowd().standingFor(p, at.name)
	lacks := lacksOf(p, at.node, standing)
	if len(lacks) == 0 {
		if len(f.shortfalls) > 0 {
			f.relief = &Relief{Node: at.name}
			f.relief.note("by what stands there now there is room: the scheduler tries again by itself")
		}
		return
	}
	f.shortfalls = nil
	for i := range lacks {
		f.shortfalls = append(f.shortfalls, lacks[i].shortfall(at.name))
	}
	f.relief = s.relieve(at, lacks, standing)
}

// shortfallsSaid are the resources that a node has too little of by the scheduler's own word: what the pod asks for and
// what the node has at all. What the other pods leave free of it is not known.
func (s *survey) shortfallsSaid(at *site, p *corev1.Pod, reasons []string) []Shortfall {
	asked := helpers.PodRequests(p, helpers.PodResourcesOptions{})
	var list []Shortfall
	for _, reason := range reasons {
		name, short := strings.CutPrefix(reason, "Insufficient ")
		want := asked[corev1.ResourceName(name)]
		switch {
		case reason == tooManyPods:
			name, want = string(corev1.ResourcePods), resource.MustParse("1")
		case strings.Contains(reason, noFreePorts):
			for _, h := range hostPortsOf(p) {
				list = append(list, Shortfall{Node: at.name, Resource: hostPortResource, Asked: h.String(), HeldBy: namesOfPods(s.holdersOf(p, at.name, h))})
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
func shortfallOf(at *site, name corev1.ResourceName, want resource.Quantity) Shortfall {
	f := Shortfall{Node: at.name, Resource: string(name), Asked: want.String()}
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

// String is one line for a person.
func (f Shortfall) String() string {
	text := fmt.Sprintf("%s: asks for %s %s", f.Node, f.Resource, f.Asked)
	switch {
	case f.Resource == hostPortResource && len(f.HeldBy) > 0:
		return text + ", held by " + listed(f.HeldBy)
	case f.Resource == hostPortResource:
		return text + ", which is taken"
	case f.Free != "":
		return fmt.Sprintf("%s, %s of %s is free, short by %s", text, rough(f.Free, math.Floor), rough(f.Allocatable, math.Floor), rough(f.ShortBy, math.Ceil))
	case f.ShortBy != "":
		return fmt.Sprintf("%s, the whole node has %s, short by at least %s", text, rough(f.Allocatable, math.Floor), rough(f.ShortBy, math.Ceil))
	case f.Allocatable != "":
		return fmt.Sprintf("%s, less than that is free of %s", text, rough(f.Allocatable, math.Floor))
	}
	return text + ", less than that is free"
}

// rough writes bytes that are no round number of anything so that they can be read: 31245612Ki is 29.7Gi.
func rough(text string, round func(float64) float64) string {
	q, err := resource.ParseQuantity(text)
	if err != nil || len(text) <= 6 {
		return text
	}
	for _, unit := range []struct {
		name string
		size float64
	}{{"Ti", 1 << 40}, {"Gi", 1 << 30}, {"Mi", 1 << 20}} {
		if n := float64(q.Value()) / unit.size; n >= 10 {
			return fmt.Sprintf("%g%s", round(n*10)/10, unit.name)
		}
	}
	return text
}
