package trim

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// Pod keeps of a pod whose it is, where it runs or shall run, what it asks for, its probes, and how its containers
// are.
func Pod(p *corev1.Pod) *corev1.Pod {
	kept := &corev1.Pod{ObjectMeta: Meta(p.ObjectMeta)}
	kept.Spec = corev1.PodSpec{
		NodeName: intern(p.Spec.NodeName), HostNetwork: p.Spec.HostNetwork, RestartPolicy: p.Spec.RestartPolicy,
		TerminationGracePeriodSeconds: p.Spec.TerminationGracePeriodSeconds, SchedulingGates: p.Spec.SchedulingGates,
		SchedulerName: intern(p.Spec.SchedulerName), Priority: p.Spec.Priority,
		PriorityClassName: intern(p.Spec.PriorityClassName), Overhead: p.Spec.Overhead,
		Resources: p.Spec.Resources, Containers: trimContainers(p.Spec.Containers),
		InitContainers: trimContainers(p.Spec.InitContainers),
	}
	if p.Spec.NodeName == "" {
		kept.Spec.Affinity = p.Spec.Affinity // names the node that the pod is meant for
		kept.Spec.ResourceClaims = p.Spec.ResourceClaims
	}
	kept.Status = corev1.PodStatus{
		Phase: p.Status.Phase, Reason: p.Status.Reason, Message: cut(p.Status.Message), StartTime: p.Status.StartTime,
		NominatedNodeName: p.Status.NominatedNodeName, Conditions: trimConditions(p.Status.Conditions),
		ContainerStatuses:     trimStatuses(p.Status.ContainerStatuses),
		InitContainerStatuses: trimStatuses(p.Status.InitContainerStatuses),
	}
	if p.Spec.NodeName == "" {
		kept.Status.ResourceClaimStatuses = p.Status.ResourceClaimStatuses
	}
	return kept
}

func trimContainers(containers []corev1.Container) []corev1.Container {
	kept := make([]corev1.Container, 0, len(containers))
	for _, c := range containers {
		kept = append(kept, corev1.Container{
			Name: c.Name, Image: c.Image, ImagePullPolicy: c.ImagePullPolicy, Resources: c.Resources, Ports: c.Ports,
			RestartPolicy: c.RestartPolicy, LivenessProbe: c.LivenessProbe, ReadinessProbe: c.ReadinessProbe,
			StartupProbe: c.StartupProbe, RestartPolicyRules: c.RestartPolicyRules,
			Lifecycle: trimLifecycle(c.Lifecycle),
		})
	}
	return kept
}

// trimLifecycle keeps what an old pod does before it ends. Headers may be a secret.
func trimLifecycle(l *corev1.Lifecycle) *corev1.Lifecycle {
	if l == nil || l.PreStop == nil {
		return nil
	}
	hook := l.PreStop.DeepCopy()
	if hook.HTTPGet != nil {
		hook.HTTPGet.HTTPHeaders = nil
	}
	return &corev1.Lifecycle{PreStop: hook}
}

// trimConditions keeps the conditions that say whether a pod was scheduled, is Ready, is being turned out, and when all
// its containers were restarted.
func trimConditions(conditions []corev1.PodCondition) []corev1.PodCondition {
	kept := make([]corev1.PodCondition, 0, 2)
	for _, c := range conditions {
		switch c.Type {
		case corev1.PodScheduled, corev1.PodReady, corev1.DisruptionTarget, corev1.AllContainersRestarting:
			kept = append(kept, corev1.PodCondition{Type: c.Type, Status: c.Status,
				LastTransitionTime: c.LastTransitionTime,
				Reason:             intern(c.Reason), Message: cut(c.Message)})
		}
	}
	return kept
}

func trimStatuses(statuses []corev1.ContainerStatus) []corev1.ContainerStatus {
	kept := make([]corev1.ContainerStatus, 0, len(statuses))
	for _, s := range statuses {
		kept = append(kept, corev1.ContainerStatus{
			Name: intern(s.Name), Image: intern(s.Image), State: trimState(s.State),
			LastTerminationState: trimState(s.LastTerminationState),
			Ready:                s.Ready, RestartCount: s.RestartCount, Started: s.Started,
		})
	}
	return kept
}

func trimState(s corev1.ContainerState) corev1.ContainerState {
	kept := corev1.ContainerState{Running: s.Running}
	if w := s.Waiting; w != nil {
		kept.Waiting = &corev1.ContainerStateWaiting{Reason: intern(w.Reason), Message: cut(w.Message)}
	}
	if t := s.Terminated; t != nil {
		kept.Terminated = &corev1.ContainerStateTerminated{ExitCode: t.ExitCode, Signal: t.Signal, Reason: t.Reason,
			Message: cut(t.Message), StartedAt: t.StartedAt, FinishedAt: t.FinishedAt}
	}
	return kept
}

// OtherPod keeps of a pod also what is read of pods that are not the DaemonSet's: whether it is the kubelet's own,
// which pods it does not want near it, what it holds while it is being resized, and which claims its volumes are.
func OtherPod(p *corev1.Pod) *corev1.Pod {
	kept := Pod(p)
	if mirror, is := p.Annotations[corev1.MirrorPodAnnotationKey]; is {
		kept.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: mirror}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodResizePending {
			kept.Status.Conditions = append(kept.Status.Conditions, corev1.PodCondition{Type: c.Type, Status: c.Status,
				Reason: c.Reason, LastTransitionTime: c.LastTransitionTime})
		}
	}
	keepAntiAffinity(p, kept)
	keepClaims(p, kept)
	keepResized(p.Spec.InitContainers, p.Status.InitContainerStatuses, kept.Status.InitContainerStatuses)
	keepResized(p.Spec.Containers, p.Status.ContainerStatuses, kept.Status.ContainerStatuses)
	return kept
}

// keepClaims keeps which volumes are PersistentVolumes, and whose.
func keepClaims(p, kept *corev1.Pod) {
	for _, v := range p.Spec.Volumes {
		switch {
		case v.PersistentVolumeClaim != nil:
			kept.Spec.Volumes = append(kept.Spec.Volumes, corev1.Volume{Name: v.Name, VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: v.PersistentVolumeClaim}})
		case v.Ephemeral != nil:
			kept.Spec.Volumes = append(kept.Spec.Volumes, corev1.Volume{Name: v.Name, VolumeSource: corev1.VolumeSource{
				Ephemeral: &corev1.EphemeralVolumeSource{}}})
		}
	}
}

// keepAntiAffinity keeps which pods a bound pod keeps away.
func keepAntiAffinity(p, kept *corev1.Pod) {
	if a := p.Spec.Affinity; kept.Spec.Affinity == nil && a != nil && a.PodAntiAffinity != nil {
		if required := a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution; len(required) > 0 {
			kept.Spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
				RequiredDuringSchedulingIgnoredDuringExecution: required}}
		}
	}
}

// keepResized keeps what containers were given where that is not what they ask for.
func keepResized(asked []corev1.Container, from, kept []corev1.ContainerStatus) {
	for i := range from {
		var want corev1.ResourceList
		if j := slices.IndexFunc(asked, func(c corev1.Container) bool { return c.Name == from[i].Name }); j >= 0 {
			want = asked[j].Resources.Requests
		}
		if r := from[i].Resources; r != nil && !equality.Semantic.DeepEqual(r.Requests, want) {
			kept[i].Resources = &corev1.ResourceRequirements{Requests: r.Requests}
		}
		if a := from[i].AllocatedResources; a != nil && !equality.Semantic.DeepEqual(a, want) {
			kept[i].AllocatedResources = a
		}
	}
}
