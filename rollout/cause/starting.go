package cause

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// starting is a pod that is on its way, as far as can be told. It is never a verdict.
func starting(s *survey.Survey, at *survey.Site, p *corev1.Pod) *survey.Finding {
	if !at.Ready.IsZero() {
		return nil // Ready already: it settles
	}
	f := &survey.Finding{
		Code: rollout.Starting, Since: s.Since(rollout.Starting, "", false, p.CreationTimestamp.Time),
		Remedy: "Nothing to do yet: it is being waited for.",
	}
	f.Key = whatStarts(p)
	f.Message = f.Key
	return f
}

// whatStarts says how far a pod has come.
func whatStarts(p *corev1.Pod) string {
	if p.Spec.NodeName == "" {
		return "the pod waits to be scheduled"
	}
	if gate := UnmetGate(p); gate != "" {
		return gate
	}
	if text := whatInitialises(p); text != "" {
		return text
	}
	return whatRuns(p)
}

// whatInitialises names the init container or sidecar that is waited for; "" if none is.
func whatInitialises(p *corev1.Pod) string {
	for i := range p.Status.InitContainerStatuses {
		status := &p.Status.InitContainerStatuses[i]
		switch {
		case status.State.Running != nil && fact.IsSidecar(p, status.Name) && status.Started != nil && !*status.Started:
			return fmt.Sprintf("sidecar %s runs, its startup probe has not passed yet", status.Name)
		case status.State.Running != nil && !fact.IsSidecar(p, status.Name):
			return fmt.Sprintf("init container %s is running", status.Name)
		case status.State.Waiting != nil && status.State.Waiting.Reason != "PodInitializing" &&
			status.State.Waiting.Reason != "":
			return fmt.Sprintf("%s %s is being made", map[bool]string{true: "sidecar",
				false: "init container"}[fact.IsSidecar(p, status.Name)], status.Name)
		}
	}
	return ""
}

// whatRuns is whatStarts for a pod whose init containers have done their work.
func whatRuns(p *corev1.Pod) string {
	for i := range p.Status.ContainerStatuses {
		status := &p.Status.ContainerStatuses[i]
		switch {
		case status.State.Waiting != nil:
			return fmt.Sprintf("container %s is being pulled and made", status.Name)
		case status.State.Running != nil && status.Started != nil && !*status.Started:
			return fmt.Sprintf("container %s runs, its startup probe has not passed yet", status.Name)
		case !status.Ready:
			return fmt.Sprintf("container %s runs but is not ready yet", status.Name)
		}
	}
	return "the pod is being started"
}

// UnmetGate says that a pod's containers are ready and that only one of its readiness gates is missing, as the kubelet
// tells it; "" if that is not so.
func UnmetGate(p *corev1.Pod) string {
	c := fact.PodCondition(p, corev1.PodReady)
	if c == nil || c.Status == corev1.ConditionTrue || c.Reason != "ReadinessGatesNotReady" {
		return ""
	}
	return "its containers are ready, but a readiness gate is not: " + words.Clip(c.Message, 300)
}
