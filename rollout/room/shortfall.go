package room

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	helpers "k8s.io/component-helpers/resource"

	"github.com/daemongate/daemongate/rollout"
)

// What the scheduler says of a node that is full, or whose ports are taken.
const (
	TooManyPods = "Too many pods"
	NoFreePorts = "free ports"
)

// Measure says what a node of which all pods are known is short of for a pod, and what would make room.
func (c *Crowd) Measure(p *corev1.Pod, node *corev1.Node) (list []rollout.Shortfall, r *rollout.Relief) {
	there := c.standingFor(p, node.Name)
	lacks := lacksOf(p, node, there)
	if len(lacks) == 0 {
		return nil, nil
	}
	for i := range lacks {
		list = append(list, lacks[i].shortfall(node.Name))
	}
	return list, c.relieve(node.Name, lacks, there)
}

// ShortfallsSaid are the resources that a node has too little of by the scheduler's own word: what the pod asks for and
// what the node has at all. What the other pods leave free of it is not known.
func ShortfallsSaid(others []*corev1.Pod, p *corev1.Pod, at string, node *corev1.Node,
	reasons []string) []rollout.Shortfall {
	asked := helpers.PodRequests(p, helpers.PodResourcesOptions{})
	var list []rollout.Shortfall
	for _, reason := range reasons {
		name, short := strings.CutPrefix(reason, "Insufficient ")
		want := asked[corev1.ResourceName(name)]
		switch {
		case reason == TooManyPods:
			name, want = string(corev1.ResourcePods), resource.MustParse("1")
		case strings.Contains(reason, NoFreePorts):
			for _, h := range HostPortsOf(p) {
				list = append(list, rollout.Shortfall{Node: at, Resource: rollout.HostPort, Asked: h.String(),
					HeldBy: namesOfPods(HoldersOf(others, p, at, h))})
			}
			continue
		case !short:
			continue
		}
		list = append(list, shortfallOf(at, node, corev1.ResourceName(name), want))
	}
	return list
}

// shortfallOf is what can be said of one resource without the node's other pods.
func shortfallOf(at string, node *corev1.Node, name corev1.ResourceName, want resource.Quantity) rollout.Shortfall {
	f := rollout.Shortfall{Node: at, Resource: string(name), Asked: want.String()}
	if node == nil {
		return f
	}
	has, known := node.Status.Allocatable[name]
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
