package rollout

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// restartingAll is the reason of a container that the kubelet removed because a restart rule restarts all containers of
// the pod. It stands in place of how the container ended: exit code 137 and no times.
const restartingAll = "RestartingAllContainers"

// endsOf is how often a pod has ended since it was created: its containers' own ends, all together, and each restart of
// all of them at once.
func endsOf(p *corev1.Pod) int {
	together := restartsTogether(p)
	n := together
	for i := range p.Status.InitContainerStatuses {
		status := &p.Status.InitContainerStatuses[i]
		n += ownEnds(status, !isSidecar(p, status.Name), together)
	}
	for i := range p.Status.ContainerStatuses {
		n += ownEnds(&p.Status.ContainerStatuses[i], false, together)
	}
	return n
}

// restartsTogether is how often all containers of a pod were restarted at once, because of a restart rule of one of them.
// Each of those that have been through it counts every such restart, so the one that has restarted least tells.
func restartsTogether(p *corev1.Pod) int {
	least := -1
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for i := range list {
			if last := list[i].LastTerminationState.Terminated; last != nil && last.Reason == restartingAll {
				if n := int(list[i].RestartCount); least < 0 || n < least {
					least = n
				}
			}
		}
	}
	return max(0, least)
}

// lastTogether is when all containers of a pod were last restarted at once: the kubelet's condition says so, and nothing
// else does. Zero if it does not.
func lastTogether(p *corev1.Pod) time.Time {
	if c := podCondition(p, corev1.AllContainersRestarting); c != nil {
		return c.LastTransitionTime.Time
	}
	return time.Time{}
}

// ownEnds is how often a container has ended by itself, apart from the restarts of all containers of its pod.
func ownEnds(c *corev1.ContainerStatus, init bool, together int) int {
	n := containerEnds(c, init) - together
	if c.State.Waiting != nil && c.State.Waiting.Reason == restartingAll {
		n-- // it is ahead of those that are still to be removed
	}
	return max(0, n)
}

// containerEnds is how often a container has ended. Each restart followed an end; an end that no restart has followed yet
// shows as state terminated, or as a last state while it waits. An init container is meant to end with 0.
func containerEnds(c *corev1.ContainerStatus, init bool) int {
	n, last := int(c.RestartCount), c.LastTerminationState.Terminated
	switch {
	case c.State.Terminated != nil:
		if !init || c.State.Terminated.ExitCode != 0 {
			n++
		}
	case last != nil && last.Reason == restartingAll: // counted when it was removed
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

// endsUnsettled is how often the container has ended since it last settled: one that ran for long enough before its last
// end had settled by then, however often it ended in its life. One that nothing restarts cannot settle any more: it need
// not end a second time.
func (s *survey) endsUnsettled(c containerCase) int {
	if c.isOver() {
		return max(2, c.ends)
	}
	end := c.lastEnd()
	if c.ends < 2 || end == nil || end.StartedAt.Unix() <= 0 {
		return c.ends
	}
	if end.FinishedAt.Sub(end.StartedAt.Time) >= s.options.settlesAfter(s.minReady, c.ends-1) {
		return 1
	}
	return c.ends
}

// endsOnProbation are the ends of a pod, and of those before it that are over, by which its probation is measured. What is
// restarted now and then, and was well for long enough in between, is on probation for one end.
func (s *survey) endsOnProbation(p *corev1.Pod, node string) int {
	together := restartsTogether(p)
	return endsOf(p) - together + s.togetherUnsettled(p, together) + s.endings[node].Count
}

// togetherUnsettled is how many of so many restarts of all containers came before the pod could settle. Nothing dates
// them but the last one, so it is told by how long the pod ran between two of them: on the average of its life, and of
// those that Events tell of.
func (s *survey) togetherUnsettled(p *corev1.Pod, restarts int) int {
	last := lastTogether(p)
	if restarts == 0 || last.IsZero() {
		return restarts
	}
	settles := s.options.settlesAfter(s.minReady, 1)
	ran := last.Sub(p.CreationTimestamp.Time) / time.Duration(restarts)
	for i := range p.Spec.Containers {
		killed := s.traceOf(p.UID, ofContainer(p.Spec.Containers[i].Name, isRemoval))
		if killed.count > 1 {
			ran = min(ran, killed.last.Sub(killed.first)/time.Duration(killed.count-1))
		}
	}
	if ran < settles {
		return restarts
	}
	return 1
}

// isRemoval selects the Events of a container that was killed so that all containers of its pod can be restarted.
func isRemoval(e *corev1.Event) bool { return e.Reason == "Killing" && e.Message == "killing" }
