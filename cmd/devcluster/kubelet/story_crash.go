package kubelet

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func crashed(exitCode int32) corev1.ContainerStateTerminated {
	return corev1.ContainerStateTerminated{ExitCode: exitCode, Reason: "Error"}
}

// crash plays one life of a container that dies by itself, and the wait before the next: it is Running and Ready while
// it lives, however short that is. The first restart comes at once. It reports whether the container is to run again.
func (s *story) crash(ctx context.Context, c *corev1.ContainerStatus, life time.Duration,
	how corev1.ContainerStateTerminated) bool {
	s.start(ctx, c, true)
	s.pause(ctx, life)
	if ctx.Err() != nil {
		return false
	}
	end(c, how, time.Now())
	return s.afterEnd(ctx, c)
}

// dieOnRequest plays the first life of a container that lives until somebody makes the ConfigMap "die", and the wait
// after it. It reports whether the container is to run again.
func (s *story) dieOnRequest(ctx context.Context, c *corev1.ContainerStatus) bool {
	s.start(ctx, c, true)
	for ctx.Err() == nil && !s.exists(ctx, s.pod.Namespace, object{kind: "configmap", name: "die"}) {
		s.pause(ctx, time.Second)
	}
	if ctx.Err() != nil {
		return false
	}
	end(c, crashed(1), time.Now())
	return s.afterEnd(ctx, c)
}

// waitForRestart plays the back-off as recorded: 10 s, doubled up to five minutes and up to half longer, in which the
// container stays terminated; CrashLoopBackOff shows at the look that a kubelet takes every minute and at the one that
// then restarts the container.
func (s *story) waitForRestart(ctx context.Context, c *corev1.ContainerStatus) {
	if c.RestartCount == 0 {
		s.pause(ctx, between(300*time.Millisecond, time.Second))
		return
	}
	backoff := min(10*time.Second<<min(c.RestartCount-1, 5), 5*time.Minute)
	rest := between(backoff, backoff*3/2)
	s.backOffRestart(ctx, c)
	if minute := between(60*time.Second, 66*time.Second); rest > minute {
		s.pause(ctx, minute)
		s.showCrashLoop(ctx, c, backoff)
		s.pause(ctx, rest-minute)
		return
	}
	s.pause(ctx, rest-time.Second)
	s.showCrashLoop(ctx, c, backoff)
	s.pause(ctx, time.Second)
}

func (s *story) showCrashLoop(ctx context.Context, c *corev1.ContainerStatus, backoff time.Duration) {
	s.backOffRestart(ctx, c)
	wait(c, "CrashLoopBackOff", fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)",
		backoff, c.Name, s.pod.Name, s.pod.Namespace, s.pod.UID))
	s.show(ctx)
}

func (s *story) backOffRestart(ctx context.Context, c *corev1.ContainerStatus) {
	s.say(ctx, c.Name, corev1.EventTypeWarning, "BackOff", fmt.Sprintf("Back-off restarting failed container %s in "+
		"pod %s_%s(%s)",
		c.Name, s.pod.Name, s.pod.Namespace, s.pod.UID))
}
