package room

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	helpers "k8s.io/component-helpers/resource"

	"github.com/daemongate/daemongate/rollout"
)

// lack is one thing that a node has too little of for a pod, counted as the scheduler counts: cpu in thousandths, the
// number of pods, what is held of a host port, anything else in whole units (kubernetes
// pkg/scheduler/framework/plugins, noderesources and nodeports).
type lack struct {
	resource    corev1.ResourceName // "" for a host port
	port        HostPort
	asked       int64
	allocatable int64
	used        int64
	need        int64    // how much of it must go for the pod to fit; more than 0
	holders     []string // of a host port, as namespace/name
}

// asksOf is all that a pod asks of a node, sorted by name, with nothing used; host ports last, of each of which there
// is one.
func asksOf(p *corev1.Pod, node *corev1.Node) []lack {
	var asks []lack
	for name, q := range helpers.PodRequests(p, helpers.PodResourcesOptions{}) {
		if asked := Amount(name, q); asked > 0 && IsScheduled(name) {
			asks = append(asks, lack{resource: name, asked: asked, allocatable: Amount(name,
				node.Status.Allocatable[name])})
		}
	}
	if pods, known := node.Status.Allocatable[corev1.ResourcePods]; known {
		asks = append(asks, lack{resource: corev1.ResourcePods, asked: 1, allocatable: pods.Value()})
	}
	slices.SortFunc(asks, func(a, b lack) int { return strings.Compare(string(a.resource), string(b.resource)) })
	for _, h := range HostPortsOf(p) {
		asks = append(asks, lack{port: h, asked: 1, allocatable: 1})
	}
	return asks
}

// lacksOf is what a node has too little of for a pod beside those that stand there, sorted by name; host ports last.
func lacksOf(p *corev1.Pod, node *corev1.Node, there []*corev1.Pod) []lack {
	asks := asksOf(p, node)
	for _, other := range there {
		takes := requestsOf(other)
		for i := range asks {
			l := &asks[i]
			held := l.holds(other, takes)
			if l.used += held; held > 0 && l.resource == "" {
				l.holders = append(l.holders, FullName(other))
			}
		}
	}
	var lacks []lack
	for _, l := range asks {
		if l.need = l.asked - (l.allocatable - l.used); l.need > 0 {
			lacks = append(lacks, l)
		}
	}
	return lacks
}

// IsScheduled reports whether the scheduler weighs a resource.
func IsScheduled(name corev1.ResourceName) bool {
	switch name {
	case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage:
		return true
	}
	text := string(name)
	return strings.Contains(text, "/") || strings.HasPrefix(text, corev1.ResourceHugePagesPrefix) ||
		strings.HasPrefix(text, corev1.ResourceAttachableVolumesPrefix)
}

// Amount is a quantity in the scheduler's own unit for the resource, rounded up.
func Amount(name corev1.ResourceName, q resource.Quantity) int64 {
	if name == corev1.ResourceCPU {
		return q.MilliValue()
	}
	return q.Value()
}

// quantity is an amount as Kubernetes writes it.
func quantity(name corev1.ResourceName, n int64) string {
	switch {
	case name == corev1.ResourceCPU:
		return resource.NewMilliQuantity(n, resource.DecimalSI).String()
	case isBytes(name):
		return resource.NewQuantity(n, resource.BinarySI).String()
	}
	return resource.NewQuantity(n, resource.DecimalSI).String()
}

func isBytes(name corev1.ResourceName) bool {
	return name == corev1.ResourceMemory || name == corev1.ResourceEphemeralStorage ||
		strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix)
}

// holds is how much a pod holds of what is lacking.
func (l *lack) holds(p *corev1.Pod, takes requests) int64 {
	switch l.resource {
	case "":
		return l.port.HeldBy(p)
	case corev1.ResourcePods:
		return 1
	}
	return takes.amount(l.resource)
}

// shortfall is a lack as it is told.
func (l *lack) shortfall(node string) rollout.Shortfall {
	if l.resource == "" {
		return rollout.Shortfall{Node: node, Resource: rollout.HostPort, Asked: l.port.String(), HeldBy: l.holders}
	}
	return rollout.Shortfall{
		Node: node, Resource: string(l.resource), Asked: quantity(l.resource, l.asked),
		Allocatable: quantity(l.resource, l.allocatable), Free: quantity(l.resource, max(0, l.allocatable-l.used)),
		ShortBy: quantity(l.resource, l.need),
	}
}
