package kubelet

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// failHook plays a container whose postStart hook fails: the kubelet kills it, shows for a moment what the hook
// answered, and starts it again with the back-off of a crash loop. While the hook runs a kubelet shows nothing of the
// container.
func (s *story) failHook(ctx context.Context, c *corev1.ContainerStatus) {
	for ctx.Err() == nil {
		s.say(ctx, c.Name, corev1.EventTypeNormal, "Pulled", present(c.Image))
		s.say(ctx, c.Name, corev1.EventTypeNormal, "Created", "Container created")
		s.say(ctx, c.Name, corev1.EventTypeNormal, "Started", "Container started")
		run(c, s.clock())
		s.pause(ctx, 300*time.Millisecond)
		if s.tells(c) {
			s.say(ctx, c.Name, corev1.EventTypeWarning, "FailedPostStartHook", "PostStartHook failed")
			s.say(ctx, c.Name, corev1.EventTypeNormal, "Killing", "FailedPostStartHook")
		}
		end(c, corev1.ContainerStateTerminated{Reason: "Completed"}, s.clock())
		wait(c, "PostStartHookError", s.hookFailure(c.Name))
		s.show(ctx)
		s.pause(ctx, between(time.Second, 2*time.Second))
		if c.RestartCount == 0 {
			continue // the first restart comes at once
		}
		backoff := min(10*time.Second<<min(c.RestartCount-1, 5), 5*time.Minute)
		s.showCrashLoop(ctx, c, backoff)
		s.pause(ctx, between(backoff, backoff*3/2))
	}
}

// tells reports whether the kubelet's word about a killing gets through: always, unless the pod asks for one that only
// the first of them does, as when Events are swallowed.
func (s *story) tells(c *corev1.ContainerStatus) bool {
	return !s.trouble.untold || c.RestartCount == 0
}

// hookFailure is the kubelet's message.
func (s *story) hookFailure(container string) string {
	of := fmt.Sprintf("for Container %q in Pod \"%s_%s(%s)\" failed - error: ", container, s.pod.Name, s.pod.Namespace,
		s.pod.UID)
	hook := postStart(s.pod, container)
	if hook != nil && hook.HTTPGet != nil {
		address := fmt.Sprintf("%s:%d", s.ip, hook.HTTPGet.Port.IntValue())
		return fmt.Sprintf("HTTP lifecycle hook (%s) %sGet \"http://%s%s\": dial tcp %s: connect: connection refused",
			hook.HTTPGet.Path, of, address, hook.HTTPGet.Path, address)
	}
	command := []string{"/agent", "false"}
	if hook != nil && hook.Exec != nil {
		command = hook.Exec.Command
	}
	text := fmt.Sprint(command)
	return fmt.Sprintf("Exec lifecycle hook (%s) %scommand '%s' exited with 1: , message: %q", text, of,
		text[1:len(text)-1],
		"check failed: backend not reachable\n")
}

func postStart(pod *corev1.Pod, container string) *corev1.LifecycleHandler {
	for _, c := range pod.Spec.Containers {
		if c.Name == container && c.Lifecycle != nil {
			return c.Lifecycle.PostStart
		}
	}
	return nil
}

// hookRefused: a hook that asks port 9, or that runs false, fails.
func hookRefused(c *corev1.Container) bool {
	if c.Lifecycle == nil || c.Lifecycle.PostStart == nil {
		return false
	}
	hook := c.Lifecycle.PostStart
	return hook.HTTPGet != nil && hook.HTTPGet.Port.IntValue() == 9 || hook.Exec != nil &&
		slices.Contains(hook.Exec.Command, "false")
}
