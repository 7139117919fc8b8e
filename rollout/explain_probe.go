package rollout

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// probeSilence is how long a container may run without being ready before that is its readiness probe's doing, also
// without an Event that says so.
const probeSilence = time.Minute

// probeKills is a container that the kubelet keeps ending because a startup or liveness probe fails. Only the Killing
// Event tells such an end from a crash.
func (s *survey) probeKills(at *site, c containerCase) *finding {
	if c.ends == 0 {
		return nil
	}
	for _, probe := range []string{"startup", "liveness"} {
		killed := s.traceOf(c.pod.UID, ofContainer(c.status.Name, func(e *corev1.Event) bool {
			return e.Reason == "Killing" && strings.Contains(e.Message, "failed "+probe+" probe")
		}))
		if !killed.found() || s.endedOtherwise(c, killed) {
			continue
		}
		f := s.probeFinding(c, probe)
		f.message = fmt.Sprintf("%s is restarted because its %s probe%s fails%s", c.kind(), probe, s.asks(c, probe), s.unhealthy(c, probe))
		f.since = s.firstEnd(ProbeFailing, at, c)
		return s.ripenCounted(f, s.endsUnsettled(c))
	}
	return nil
}

// endedOtherwise reports whether a container's last run ended without the probe that had ended an earlier one: the Killing
// Event is of before that run. Once the kubelet swallows Events nobody can tell.
func (s *survey) endedOtherwise(c containerCase, killed trace) bool {
	end := c.lastEnd()
	return !killed.goesOn && end != nil && end.StartedAt.Unix() > 0 && killed.last.Before(end.StartedAt.Time) && s.traceOf(c.pod.UID, anything).count < eventBurst
}

// readiness is a container that runs but that its readiness probe keeps from being Ready. It may still become so: only
// the deadline makes it final.
func (s *survey) readiness(at *site, p *corev1.Pod) *finding {
	for _, status := range goingOn(p) {
		c := containerCase{pod: p, status: status}
		spec := s.container(status.Name)
		if spec == nil || spec.ReadinessProbe == nil || status.Ready || status.State.Running == nil ||
			(status.Started != nil && !*status.Started) {
			continue
		}
		said := s.unhealthy(c, "readiness")
		if asked := status.State.Running.StartedAt.Add(probeSilence); said == "" && s.now.Before(asked) {
			s.wakeAt(asked)
			continue // it was not asked yet
		}
		f := s.probeFinding(c, "readiness")
		f.container = status.Name
		f.message = fmt.Sprintf("%s runs but is not ready: its readiness probe%s fails%s", c.kind(), s.asks(c, "readiness"), said)
		f.since = s.since(ProbeFailing, at.name, false, status.State.Running.StartedAt.Time)
		return f
	}
	return nil
}

// goingOn are the containers of a pod that are meant to go on running: its own, and its sidecars.
func goingOn(p *corev1.Pod) []*corev1.ContainerStatus {
	var list []*corev1.ContainerStatus
	for i := range p.Status.InitContainerStatuses {
		if status := &p.Status.InitContainerStatuses[i]; isSidecar(p, status.Name) {
			list = append(list, status)
		}
	}
	for i := range p.Status.ContainerStatuses {
		list = append(list, &p.Status.ContainerStatuses[i])
	}
	return list
}

func (s *survey) probeFinding(c containerCase, probe string) *finding {
	return &finding{
		code: ProbeFailing, key: c.status.Name + " " + probe, about: fmt.Sprintf("%s probe of %s", probe, c.kind()),
		remedy: fmt.Sprintf("Compare the probe with what the agent serves, and give it time if it only needs more "+
			"(initialDelaySeconds, failureThreshold). What it logs: `kubectl -n %s logs %s -c %s`.",
			s.live.Namespace, c.pod.Name, c.status.Name),
	}
}

// unhealthy is what the kubelet last said of a failing probe, ": connection refused".
func (s *survey) unhealthy(c containerCase, probe string) string {
	said := s.traceOf(c.pod.UID, ofContainer(c.status.Name, func(e *corev1.Event) bool {
		return e.Reason == "Unhealthy" && len(e.Message) > len(probe) && strings.EqualFold(e.Message[:len(probe)], probe)
	}))
	if !said.found() {
		return ""
	}
	_, why, _ := strings.Cut(said.message, "failed: ")
	if why = strings.TrimSpace(why); why == "" {
		return " without a word"
	}
	return ": " + clip(why, 300)
}

// asks is what a probe asks for, " (GET http on port 9)", from the template.
func (s *survey) asks(c containerCase, kind string) string {
	spec := s.container(c.status.Name)
	if spec == nil {
		return ""
	}
	p := map[string]*corev1.Probe{"startup": spec.StartupProbe, "liveness": spec.LivenessProbe, "readiness": spec.ReadinessProbe}[kind]
	switch {
	case p == nil:
		return ""
	case p.HTTPGet != nil:
		scheme := strings.ToLower(string(p.HTTPGet.Scheme))
		if scheme == "" {
			scheme = "http"
		}
		return fmt.Sprintf(" (%s GET %s on port %s)", scheme, orSlash(p.HTTPGet.Path), p.HTTPGet.Port.String())
	case p.TCPSocket != nil:
		return " (TCP port " + p.TCPSocket.Port.String() + ")"
	case p.GRPC != nil:
		return " (gRPC on port " + strconv.Itoa(int(p.GRPC.Port)) + ")"
	case p.Exec != nil:
		return " (exec " + clip(strings.Join(p.Exec.Command, " "), 80) + ")"
	}
	return ""
}

func orSlash(path string) string {
	if path == "" {
		return "/"
	}
	return path
}
