package rollout

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// targetNode is the node that a pod runs on, or that the DaemonSet controller made it for.
func targetNode(p *corev1.Pod) string {
	if p.Spec.NodeName != "" || p.Spec.Affinity == nil || p.Spec.Affinity.NodeAffinity == nil {
		return p.Spec.NodeName
	}
	required := p.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	if required == nil {
		return ""
	}
	for _, term := range required.NodeSelectorTerms {
		for _, f := range term.MatchFields {
			if f.Key == "metadata.name" && f.Operator == corev1.NodeSelectorOpIn && len(f.Values) == 1 {
				return f.Values[0]
			}
		}
	}
	return ""
}

// boundAt is when a pod came to its node: one may have waited for that.
func boundAt(p *corev1.Pod) time.Time {
	if c := podCondition(p, corev1.PodScheduled); c != nil && c.Status == corev1.ConditionTrue {
		return latest(p.CreationTimestamp.Time, c.LastTransitionTime.Time)
	}
	return p.CreationTimestamp.Time
}

// isOver reports whether a pod has ended for good; the controller replaces it.
func isOver(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded
}

// podCondition returns a condition of a pod, nil if it has none such.
func podCondition(p *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == kind {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}

func isReady(p *corev1.Pod) bool {
	c := podCondition(p, corev1.PodReady)
	return c != nil && c.Status == corev1.ConditionTrue
}

// readySince is since when a pod has been Ready without interruption. The Ready condition does not move when a container
// restarts within one turn of the kubelet, so every container's own times count as well. All of them are by the node's
// clock: where that is known to be behind, by no less than so much is added. A pod that is going is not asked.
func readySince(p *corev1.Pod) (since time.Time, ready bool) {
	c := podCondition(p, corev1.PodReady)
	if c == nil || c.Status != corev1.ConditionTrue {
		return time.Time{}, false
	}
	since = c.LastTransitionTime.Time
	for i := range p.Status.ContainerStatuses {
		status := &p.Status.ContainerStatuses[i]
		if status.State.Running == nil {
			return time.Time{}, false // the condition is older than what is known of the container
		}
		since = latest(since, lastMoved(status))
	}
	for i := range p.Status.InitContainerStatuses {
		status := &p.Status.InitContainerStatuses[i]
		if status.State.Running == nil && isSidecar(p, status.Name) {
			return time.Time{}, false
		}
		since = latest(since, lastMoved(status))
	}
	return since.Add(clockLag(p)), true
}

// clockLag is how far the clock of a pod's node is behind the API server's, at least: the kubelet cannot have taken the pod
// up (its startTime) before it was made and bound, which the API server dates.
func clockLag(p *corev1.Pod) time.Duration {
	if p.Status.StartTime == nil {
		return 0
	}
	return max(0, boundAt(p).Sub(p.Status.StartTime.Time))
}

// lastMoved is when a container last started or ended.
func lastMoved(c *corev1.ContainerStatus) time.Time {
	var t time.Time
	if r := c.State.Running; r != nil {
		t = r.StartedAt.Time
	}
	for _, end := range []*corev1.ContainerStateTerminated{c.State.Terminated, c.LastTerminationState.Terminated} {
		if end != nil {
			t = latest(t, latest(end.StartedAt.Time, end.FinishedAt.Time))
		}
	}
	return t
}

// containerOf is a pod's container or init container of a name, nil if it has none such.
func containerOf(p *corev1.Pod, name string) *corev1.Container {
	for _, list := range [][]corev1.Container{p.Spec.Containers, p.Spec.InitContainers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// isSidecar reports whether an init container is meant to go on running.
func isSidecar(p *corev1.Pod, name string) bool {
	for i := range p.Spec.InitContainers {
		c := &p.Spec.InitContainers[i]
		if c.Name == name {
			return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		}
	}
	return false
}

// settlesAfter is how long a pod must be Ready before it has settled: the longest of minReadySeconds, the settling time
// and, if containers of it have ended, its probation.
func (o Options) settlesAfter(minReady time.Duration, ends int) time.Duration {
	wait := max(minReady, o.Settle)
	if ends == 0 {
		return wait
	}
	probation := o.Probation
	for range ends - 1 {
		if probation *= 2; probation >= probationCap*o.Probation {
			probation = probationCap * o.Probation
			break
		}
	}
	return max(wait, probation)
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// isAvailable reports whether the controller would call a pod available: Ready for minReadySeconds.
func (s *survey) isAvailable(p *corev1.Pod) bool {
	c := podCondition(p, corev1.PodReady)
	if c == nil || c.Status != corev1.ConditionTrue {
		return false
	}
	return s.minReady == 0 || !s.now.Before(c.LastTransitionTime.Add(s.minReady)) // without it the controller asks no clock
}
