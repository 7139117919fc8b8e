package kubelet

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// failProbe plays a container whose probe never passes. Readiness: it runs for ever and is never Ready. Startup and
// liveness: it is killed after the probe's last failure, ends with exit code 0 and is started again, with the back-off
// of a crash loop from the third life on.
func (s *story) failProbe(ctx context.Context, c *corev1.ContainerStatus) {
	kind := map[string]string{neverReady: "Readiness", livenessFails: "Liveness",
		startupFails: "Startup"}[s.trouble.kind]
	probe := s.probe(c.Name)
	for ctx.Err() == nil {
		s.start(ctx, c, s.trouble.kind == livenessFails)
		if s.trouble.kind == neverReady {
			*c.Started = true
			s.show(ctx)
		}
		s.pause(ctx, time.Duration(probe.InitialDelaySeconds)*time.Second)
		for n := int32(1); ctx.Err() == nil; n++ {
			if s.tells(c) || s.trouble.kind == neverReady {
				s.say(ctx, c.Name, corev1.EventTypeWarning, "Unhealthy", s.failure(kind, probe))
			}
			if n == probe.FailureThreshold && s.trouble.kind != neverReady {
				break
			}
			s.pause(ctx, time.Duration(probe.PeriodSeconds)*time.Second)
		}
		if !s.killUnhealthy(ctx, c, kind) {
			return
		}
	}
}

// killUnhealthy reports whether the container is to run again.
func (s *story) killUnhealthy(ctx context.Context, c *corev1.ContainerStatus, kind string) bool {
	if ctx.Err() != nil {
		return false
	}
	if s.tells(c) {
		s.say(ctx, c.Name, corev1.EventTypeNormal, "Killing", map[string]string{
			"Startup":  "Container " + c.Name + " failed startup probe, will be restarted",
			"Liveness": "Container " + c.Name + " failed liveness probe, will be restarted",
		}[kind])
	}
	s.pause(ctx, 500*time.Millisecond)
	end(c, corev1.ContainerStateTerminated{Reason: "Completed"}, time.Now())
	if fateOf(&s.pod.Spec, c.Name, 0) != startsAgain {
		return s.afterEnd(ctx, c)
	}
	if c.RestartCount < 2 {
		return true // shown with the restart, which comes at once
	}
	backoff := min(10*time.Second<<min(c.RestartCount-2, 5), 5*time.Minute)
	s.showCrashLoop(ctx, c, backoff)
	s.pause(ctx, between(backoff, backoff*3/2))
	return true
}

// failure is the kubelet's message.
func (s *story) failure(kind string, probe corev1.Probe) string {
	switch {
	case probe.HTTPGet != nil && probe.HTTPGet.Port.IntValue() == 9:
		address := fmt.Sprintf("%s:%d", s.ip, 9)
		return fmt.Sprintf("%s probe failed: Get \"http://%s%s\": dial tcp %s: connect: connection refused",
			kind, address, probe.HTTPGet.Path, address)
	case probe.TCPSocket != nil:
		return fmt.Sprintf("%s probe failed: dial tcp %s:%s: connect: connection refused", kind, s.ip,
			probe.TCPSocket.Port.String())
	case probe.Exec != nil:
		return kind + " probe failed: "
	}
	return kind + " probe failed: HTTP probe failed with statuscode: 503"
}

// probe is the one that fails, with the API's defaults if the pod asks for a failing probe without having one.
func (s *story) probe(container string) corev1.Probe {
	for _, c := range s.pod.Spec.Containers {
		if c.Name != container {
			continue
		}
		p := map[string]*corev1.Probe{neverReady: c.ReadinessProbe, livenessFails: c.LivenessProbe,
			startupFails: c.StartupProbe}
		if found := p[s.trouble.kind]; found != nil {
			return *found
		}
	}
	return corev1.Probe{PeriodSeconds: 10, FailureThreshold: 3}
}
