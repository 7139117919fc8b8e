package kubelet

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// fate is what a kubelet does with a container that has ended.
type fate int

const (
	startsAgain fate = iota // after a back-off, as every container of a DaemonSet that says nothing else
	staysEnded
	restartsAll // it and all other containers of its pod, at once
)

// The API of Kubernetes 1.34, with which this is built too, has no names for these yet.
const (
	restartAllContainers    corev1.ContainerRestartRuleAction = "RestartAllContainers"
	allContainersRestarting corev1.PodConditionType           = "AllContainersRestarting"
)

// fateOf reads a container's own restartPolicy and its restart rules; the first rule that is for the exit code counts.
func fateOf(spec *corev1.PodSpec, container string, exitCode int32) fate {
	all := allContainers(spec)
	i := slices.IndexFunc(all, func(c corev1.Container) bool { return c.Name == container })
	if i < 0 || all[i].RestartPolicy == nil {
		return startsAgain
	}
	for _, rule := range all[i].RestartPolicyRules {
		if !isFor(rule, exitCode) {
			continue
		}
		if rule.Action == restartAllContainers {
			return restartsAll
		}
		return startsAgain
	}
	switch policy := *all[i].RestartPolicy; {
	case policy == corev1.ContainerRestartPolicyNever, policy == corev1.ContainerRestartPolicyOnFailure &&
		exitCode == 0:
		return staysEnded
	}
	return startsAgain
}

func isFor(rule corev1.ContainerRestartRule, exitCode int32) bool {
	if rule.ExitCodes == nil {
		return false
	}
	in := rule.ExitCodes.Operator == corev1.ContainerRestartRuleOnExitCodesOpIn
	return slices.Contains(rule.ExitCodes.Values, exitCode) == in
}

// afterEnd shows a container that has ended and does what its restart policy says. It reports whether the container is
// to run again, once that is due.
func (s *story) afterEnd(ctx context.Context, c *corev1.ContainerStatus) bool {
	if ctx.Err() != nil || c.State.Terminated == nil {
		return ctx.Err() == nil
	}
	switch fateOf(&s.pod.Spec, c.Name, c.State.Terminated.ExitCode) {
	case staysEnded:
		s.stayEnded(ctx, c)
		return false
	case restartsAll:
		s.restartAll(ctx, c)
	default:
		s.show(ctx)
		s.waitForRestart(ctx, c)
	}
	return ctx.Err() == nil
}

// stayEnded plays a container that nothing starts again: its pod goes on while another one runs, and is over after
// that, or as soon as it is an init container without which nothing can start.
func (s *story) stayEnded(ctx context.Context, c *corev1.ContainerStatus) {
	initial := slices.ContainsFunc(s.pod.Spec.InitContainers, func(i corev1.Container) bool { return i.Name == c.Name })
	others := slices.ContainsFunc(s.status.ContainerStatuses,
		func(o corev1.ContainerStatus) bool { return o.State.Terminated == nil })
	if others && !initial {
		s.show(ctx)
		return
	}
	for i := range s.status.InitContainerStatuses { // the sidecars go when the others are gone
		end(&s.status.InitContainerStatuses[i], corev1.ContainerStateTerminated{Reason: "Completed"}, s.clock())
	}
	conclude(&s.status, s.clock())
	phase, reason := corev1.PodSucceeded, "PodCompleted"
	if initial || slices.ContainsFunc(s.status.ContainerStatuses, failed) {
		phase, reason = corev1.PodFailed, "PodFailed"
	}
	s.status.Phase = phase
	setCondition(&s.status, corev1.PodReady, false, reason, "", s.clock())
	setCondition(&s.status, corev1.ContainersReady, false, reason, "", s.clock())
	setCondition(&s.status, corev1.PodReadyToStartContainers, false, "PodSandboxNotReady", "pod sandbox is not ready",
		s.clock())
	s.show(ctx)
}

func failed(c corev1.ContainerStatus) bool {
	return c.State.Terminated != nil && c.State.Terminated.ExitCode != 0
}

// restartAll plays a restart rule that has all containers of the pod start anew, as recorded: without a back-off, and
// so that how each ended is replaced by an end that has no times. The one that triggered it is left to be started.
func (s *story) restartAll(ctx context.Context, trigger *corev1.ContainerStatus) {
	setCondition(&s.status, allContainersRestarting, true, "RestartAllContainersStarted",
		"container exited with restart policy rule", s.clock())
	s.show(ctx)
	s.pause(ctx, between(time.Second, 2*time.Second))
	for _, c := range s.containers() {
		if c.State.Running != nil {
			s.say(ctx, c.Name, corev1.EventTypeNormal, "Killing", "killing")
		}
		remove(c)
	}
	setCondition(&s.status, allContainersRestarting, false, "", "", s.clock())
	s.show(ctx)
	s.pause(ctx, between(time.Second, 2*time.Second))
	s.startAllBut(ctx, trigger)
}

// remove makes a container that has run one that the runtime knows nothing of any more.
func remove(c *corev1.ContainerStatus) {
	if c.State.Waiting != nil {
		return
	}
	const reason, message = "RestartingAllContainers", "The container is removed because RestartAllContainers in place"
	wait(c, reason, message)
	c.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137,
		Reason: reason, Message: message}}
	c.RestartCount++
	c.ContainerID = "" // so that its next start counts no second restart
}

// startAllBut starts what is to run before a container: the init containers before it, and beside it the others of the
// pod.
func (s *story) startAllBut(ctx context.Context, c *corev1.ContainerStatus) {
	for i := range s.pod.Spec.InitContainers {
		if s.pod.Spec.InitContainers[i].Name == c.Name {
			return
		}
		s.playInit(ctx, i)
	}
	for i := range s.status.ContainerStatuses {
		if other := &s.status.ContainerStatuses[i]; other.Name != c.Name {
			s.prepare(ctx, other)
			s.start(ctx, other, true)
		}
	}
}

// containers are the statuses of all of them.
func (s *story) containers() []*corev1.ContainerStatus {
	var all []*corev1.ContainerStatus
	for _, some := range [][]corev1.ContainerStatus{s.status.InitContainerStatuses, s.status.ContainerStatuses} {
		for i := range some {
			all = append(all, &some[i])
		}
	}
	return all
}
