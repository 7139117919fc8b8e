package room

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	helpers "k8s.io/component-helpers/resource"
)

// RequestsOf is what a pod takes of its node: what it asks for or, while it is being resized, what it has been given if
// that is more.
func RequestsOf(p *corev1.Pod) corev1.ResourceList {
	return helpers.PodRequests(p, helpers.PodResourcesOptions{UseStatusResources: true})
}

// requests are what a pod takes of its node, of which few resources are asked for. Most pods have containers alone,
// whose requests are added up on the spot: what RequestsOf allocates for each pod was most of what a plan costs.
type requests struct {
	plain []corev1.Container
	list  corev1.ResourceList
}

func requestsOf(p *corev1.Pod) requests {
	if isPlain(p) {
		return requests{plain: p.Spec.Containers}
	}
	return requests{list: RequestsOf(p)}
}

// isPlain reports whether a pod takes what its containers ask for, and nothing else.
func isPlain(p *corev1.Pod) bool {
	if len(p.Spec.InitContainers) > 0 || p.Spec.Overhead != nil || p.Spec.Resources != nil {
		return false
	}
	for i := range p.Status.ContainerStatuses {
		if s := &p.Status.ContainerStatuses[i]; s.Resources != nil || s.AllocatedResources != nil {
			return false
		}
	}
	return !helpers.IsPodResizeInfeasible(p)
}

// amount is how much of a resource it is.
func (r requests) amount(name corev1.ResourceName) int64 {
	if r.plain == nil {
		return Amount(name, r.list[name])
	}
	var sum resource.Quantity
	for i := range r.plain {
		if q, asked := r.plain[i].Resources.Requests[name]; asked {
			sum.Add(q)
		}
	}
	return Amount(name, sum)
}
