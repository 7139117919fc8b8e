package fact

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// RestartingAll is the reason of a container that the kubelet removed because a restart rule restarts all containers of
// the pod. It stands in place of how the container ended: exit code 137 and no times.
const RestartingAll = "RestartingAllContainers"

// EndsOf is how often a pod has ended since it was created: its containers' own ends, all together, and each restart of
// all of them at once.
func EndsOf(p *corev1.Pod) int {
	together := RestartsTogether(p)
	n := together
	for i := range p.Status.InitContainerStatuses {
		status := &p.Status.InitContainerStatuses[i]
		n += OwnEnds(status, !IsSidecar(p, status.Name), together)
	}
	for i := range p.Status.ContainerStatuses {
		n += OwnEnds(&p.Status.ContainerStatuses[i], false, together)
	}
	return n
}

// RestartsTogether is how often all containers of a pod were restarted at once, because of a restart rule of one of
// them. Each of those that have been through it counts every such restart, so the one that has restarted least tells.
func RestartsTogether(p *corev1.Pod) int {
	least := -1
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for i := range list {
			if last := list[i].LastTerminationState.Terminated; last != nil && last.Reason == RestartingAll {
				if n := int(list[i].RestartCount); least < 0 || n < least {
					least = n
				}
			}
		}
	}
	return max(0, least)
}

// LastTogether is when all containers of a pod were last restarted at once: the kubelet's condition says so, and
// nothing else does. Zero if it does not.
func LastTogether(p *corev1.Pod) time.Time {
	if c := PodCondition(p, corev1.AllContainersRestarting); c != nil {
		return c.LastTransitionTime.Time
	}
	return time.Time{}
}

// OwnEnds is how often a container has ended by itself, apart from the restarts of all containers of its pod.
func OwnEnds(c *corev1.ContainerStatus, init bool, together int) int {
	n := ContainerEnds(c, init) - together
	if c.State.Waiting != nil && c.State.Waiting.Reason == RestartingAll {
		n-- // it is ahead of those that are still to be removed
	}
	return max(0, n)
}

// ContainerEnds is how often a container has ended. Each restart followed an end; an end that no restart has followed
// yet shows as state terminated, or as a last state while it waits. An init container is meant to end with 0.
func ContainerEnds(c *corev1.ContainerStatus, init bool) int {
	n, last := int(c.RestartCount), c.LastTerminationState.Terminated
	switch {
	case c.State.Terminated != nil:
		if !init || c.State.Terminated.ExitCode != 0 {
			n++
		}
	case last != nil && last.Reason == RestartingAll: // counted when it was removed
	case c.State.Waiting != nil && last != nil:
		n++
	case last != nil:
		n = max(1, n) // the count was lost, the end was not
	}
	if init && n > 0 && last != nil && last.ExitCode == 0 {
		n-- // the pod's sandbox was made anew, and the init containers ran again
	}
	return n
}

// IsRemoval selects the Events of a container that was killed so that all containers of its pod can be restarted.
func IsRemoval(e *corev1.Event) bool { return e.Reason == "Killing" && e.Message == "killing" }
