package fact

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TargetNode is the node that a pod runs on, or that the DaemonSet controller made it for.
func TargetNode(p *corev1.Pod) string {
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

// BoundAt is when a pod came to its node: one may have waited for that.
func BoundAt(p *corev1.Pod) time.Time {
	if c := PodCondition(p, corev1.PodScheduled); c != nil && c.Status == corev1.ConditionTrue {
		return Latest(p.CreationTimestamp.Time, c.LastTransitionTime.Time)
	}
	return p.CreationTimestamp.Time
}

// IsOver reports whether a pod has ended for good; the controller replaces it.
func IsOver(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded
}

// PodCondition returns a condition of a pod, nil if it has none such.
func PodCondition(p *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == kind {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}

// IsReady reports whether a pod is Ready by its condition.
func IsReady(p *corev1.Pod) bool {
	c := PodCondition(p, corev1.PodReady)
	return c != nil && c.Status == corev1.ConditionTrue
}

// AvailableFrom is when the DaemonSet controller calls a pod available: it has been Ready for minReadySeconds. Without
// them it asks no clock. No pod never is.
func AvailableFrom(p *corev1.Pod, minReady time.Duration) time.Time {
	if p == nil {
		return EndOfTime
	}
	c := PodCondition(p, corev1.PodReady)
	switch {
	case c == nil || c.Status != corev1.ConditionTrue:
		return EndOfTime
	case minReady == 0:
		return time.Time{}
	}
	return c.LastTransitionTime.Add(minReady)
}

// ReadySince is since when a pod has been Ready without interruption. The Ready condition does not move when a
// container restarts within one turn of the kubelet, so every container's own times count as well. All of them are by
// the node's clock: where that is known to be behind, by no less than so much is added. A pod that is going is not
// asked.
func ReadySince(p *corev1.Pod) (since time.Time, ready bool) {
	c := PodCondition(p, corev1.PodReady)
	if c == nil || c.Status != corev1.ConditionTrue {
		return time.Time{}, false
	}
	since = c.LastTransitionTime.Time
	for i := range p.Status.ContainerStatuses {
		status := &p.Status.ContainerStatuses[i]
		if status.State.Running == nil {
			return time.Time{}, false // the condition is older than what is known of the container
		}
		since = Latest(since, LastMoved(status))
	}
	for i := range p.Status.InitContainerStatuses {
		status := &p.Status.InitContainerStatuses[i]
		if status.State.Running == nil && IsSidecar(p, status.Name) {
			return time.Time{}, false
		}
		since = Latest(since, LastMoved(status))
	}
	return since.Add(ClockLag(p)), true
}

// ClockLag is how far the clock of a pod's node is behind the API server's, at least: the kubelet cannot have taken the
// pod up (its startTime) before it was made and bound, which the API server dates.
func ClockLag(p *corev1.Pod) time.Duration {
	if p.Status.StartTime == nil {
		return 0
	}
	return max(0, BoundAt(p).Sub(p.Status.StartTime.Time))
}

// LastMoved is when a container last started or ended.
func LastMoved(c *corev1.ContainerStatus) time.Time {
	var t time.Time
	if r := c.State.Running; r != nil {
		t = r.StartedAt.Time
	}
	for _, end := range []*corev1.ContainerStateTerminated{c.State.Terminated, c.LastTerminationState.Terminated} {
		if end != nil {
			t = Latest(t, Latest(end.StartedAt.Time, end.FinishedAt.Time))
		}
	}
	return t
}

// ContainerOf is a pod's container or init container of a name, nil if it has none such.
func ContainerOf(p *corev1.Pod, name string) *corev1.Container {
	for _, list := range [][]corev1.Container{p.Spec.Containers, p.Spec.InitContainers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// IsSidecar reports whether an init container is meant to go on running.
func IsSidecar(p *corev1.Pod, name string) bool {
	for i := range p.Spec.InitContainers {
		c := &p.Spec.InitContainers[i]
		if c.Name == name {
			return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		}
	}
	return false
}

// Latest is the later of two times.
func Latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// DeletedAt is when somebody asked for a pod's deletion: its deletionTimestamp is when its grace ends. Zero if nobody
// did.
func DeletedAt(p *corev1.Pod) time.Time {
	if p.DeletionTimestamp == nil {
		return time.Time{}
	}
	var grace time.Duration
	if p.DeletionGracePeriodSeconds != nil {
		grace = time.Duration(*p.DeletionGracePeriodSeconds) * time.Second
	}
	return p.DeletionTimestamp.Add(-grace)
}

// ControllerOf is the owner that controls a pod, nil if nothing does.
func ControllerOf(p *corev1.Pod) *metav1.OwnerReference {
	for i := range p.OwnerReferences {
		if o := &p.OwnerReferences[i]; o.Controller != nil && *o.Controller {
			return o
		}
	}
	return nil
}
