package fact

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	helpers "k8s.io/component-helpers/resource"
)

// PodOf is a pod as a DaemonSet's template makes it, as far as its labels, room and ports go, with what the API server
// fills in when it makes one: on the node's own network every container port is a host port, and who names a limit
// alone asks for as much.
func PodOf(d *appsv1.DaemonSet) *corev1.Pod {
	p := &corev1.Pod{Spec: *d.Spec.Template.Spec.DeepCopy()}
	p.Namespace, p.Labels = d.Namespace, d.Spec.Template.Labels
	for _, containers := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range containers {
			containers[i].Resources.Requests = requestsBy(containers[i].Resources, nil)
			for k := range containers[i].Ports {
				if port := &containers[i].Ports[k]; port.HostPort == 0 && p.Spec.HostNetwork {
					port.HostPort = port.ContainerPort
				}
			}
		}
	}
	if r := p.Spec.Resources; r != nil {
		r.Requests = requestsBy(*r, helpers.PodRequests(p, helpers.PodResourcesOptions{SkipPodLevelResources: true,
			ExcludeOverhead: true}))
	}
	return p
}

// requestsBy are requests with those that only a limit is named for: as much, or what is known to be asked for.
func requestsBy(r corev1.ResourceRequirements, known corev1.ResourceList) corev1.ResourceList {
	requests := r.Requests
	for name, limit := range r.Limits {
		if _, asked := requests[name]; asked {
			continue
		}
		if requests == nil {
			requests = corev1.ResourceList{}
		}
		requests[name] = limit
		if sum, is := known[name]; is {
			requests[name] = sum
		}
	}
	return requests
}
