package survey

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/fact"
)

// ContainerCase is one container of an updated pod, as its causes are found.
type ContainerCase struct {
	Pod    *corev1.Pod
	Status *corev1.ContainerStatus
	Init   bool
	Ends   int
}

// Waiting is what a container waits for; "" if it does not.
func (c ContainerCase) Waiting() (reason, message string) {
	if w := c.Status.State.Waiting; w != nil {
		return w.Reason, w.Message
	}
	return "", ""
}

// LastEnd is how the container last ended, nil if it never did.
func (c ContainerCase) LastEnd() *corev1.ContainerStateTerminated {
	if c.Ends == 0 {
		return nil
	}
	end := cmp.Or(c.Status.State.Terminated, c.Status.LastTerminationState.Terminated)
	if end != nil && end.Reason == fact.RestartingAll {
		return nil // how it ended itself is not told any more
	}
	return end
}

// Kind is what a container is called in a sentence.
func (c ContainerCase) Kind() string {
	if c.Init {
		return "init container " + c.Status.Name
	}
	return "container " + c.Status.Name
}

// Image is what the container was asked to run.
func (c ContainerCase) Image() string {
	if spec := fact.ContainerOf(c.Pod, c.Status.Name); spec != nil {
		return spec.Image
	}
	return c.Status.Image
}

// IsOver reports whether a container has ended and nothing starts it again. An init container that exits 0 has done its
// work.
func (c ContainerCase) IsOver() bool {
	end := c.Status.State.Terminated
	if end == nil || end.Reason == fact.RestartingAll || c.Init && end.ExitCode == 0 {
		return false
	}
	return !fact.Restarts(fact.ContainerOf(c.Pod, c.Status.Name), end.ExitCode)
}

// RestartsAll reports whether a container has just ended in a way that restarts all containers of its pod.
func (c ContainerCase) RestartsAll() bool {
	end, spec := c.Status.State.Terminated, fact.ContainerOf(c.Pod, c.Status.Name)
	if end == nil || end.Reason == fact.RestartingAll || spec == nil {
		return false
	}
	rule := fact.RuleFor(spec, end.ExitCode)
	return rule != nil && rule.Action == corev1.ContainerRestartRuleActionRestartAllContainers
}
