package cause

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// probeSilence is how long a container may run without being ready before that is its readiness probe's doing, also
// without an Event that says so.
const probeSilence = time.Minute

// probeKills is a container that the kubelet keeps ending because a startup or liveness probe fails, or that it is
// about to end for that the first time.
func probeKills(s *survey.Survey, at *survey.Site, c survey.ContainerCase) *survey.Finding {
	if c.Ends == 0 && c.Status.State.Running == nil {
		return nil
	}
	by := killedBy(s, c)
	if by != byStartup && by != byLiveness {
		return nil
	}
	f := probeFinding(s, c, string(by))
	f.Message = fmt.Sprintf("%s is restarted because its %s probe%s fails%s", c.Kind(), by, probeAsks(s, c, string(by)),
		unhealthy(s, c, string(by)))
	f.Since = firstEnd(s, rollout.ProbeFailing, at, c)
	return s.RipenCounted(f, s.EndsUnsettled(c))
}

// notReady is a container that runs but that its readiness probe keeps from being Ready. It may still become so: only
// the deadline makes it final.
func notReady(s *survey.Survey, at *survey.Site, p *corev1.Pod) *survey.Finding {
	for _, status := range goingOn(p) {
		c := survey.ContainerCase{Pod: p, Status: status}
		spec := s.Container(status.Name)
		if spec == nil || spec.ReadinessProbe == nil || status.Ready || status.State.Running == nil ||
			(status.Started != nil && !*status.Started) {
			continue
		}
		said := unhealthy(s, c, "readiness")
		if asked := status.State.Running.StartedAt.Add(probeSilence); said == "" && !s.Reached(asked) {
			s.WakeAt(asked)
			continue // it was not asked yet
		}
		f := probeFinding(s, c, "readiness")
		f.Container = status.Name
		f.Message = fmt.Sprintf("%s runs but is not ready: its readiness probe%s fails%s", c.Kind(),
			probeAsks(s, c, "readiness"), said)
		f.Since = s.Since(rollout.ProbeFailing, at.Name, false, status.State.Running.StartedAt.Time)
		return f
	}
	return nil
}

// goingOn are the containers of a pod that are meant to go on running: its own, and its sidecars.
func goingOn(p *corev1.Pod) []*corev1.ContainerStatus {
	var list []*corev1.ContainerStatus
	for i := range p.Status.InitContainerStatuses {
		if status := &p.Status.InitContainerStatuses[i]; fact.IsSidecar(p, status.Name) {
			list = append(list, status)
		}
	}
	for i := range p.Status.ContainerStatuses {
		list = append(list, &p.Status.ContainerStatuses[i])
	}
	return list
}

func probeFinding(s *survey.Survey, c survey.ContainerCase, probe string) *survey.Finding {
	return &survey.Finding{
		Code: rollout.ProbeFailing, Key: c.Status.Name + " " + probe, About: fmt.Sprintf("%s probe of %s", probe,
			c.Kind()),
		Remedy: fmt.Sprintf("Compare the probe with what the agent serves, and give it time if it only needs more "+
			"(initialDelaySeconds, failureThreshold). What it logs: `kubectl -n %s logs %s -c %s`.",
			s.Live.Namespace, c.Pod.Name, c.Status.Name),
	}
}

// complaints are what the kubelet said of a failing probe.
func complaints(s *survey.Survey, c survey.ContainerCase, probe string) fact.Trace {
	return s.TraceOf(c.Pod.UID, fact.OfContainer(c.Status.Name, func(e *corev1.Event) bool {
		said := fact.SaidBy(e)
		return e.Reason == "Unhealthy" && len(said) > len(probe) && strings.EqualFold(said[:len(probe)], probe)
	}))
}

// unhealthy is what the kubelet last said of a failing probe, ": connection refused".
func unhealthy(s *survey.Survey, c survey.ContainerCase, probe string) string {
	said, why := complaints(s, c, probe), ""
	if said.Found() {
		_, why, _ = strings.Cut(said.Message, "failed: ")
		why = strings.TrimSpace(why)
	}
	if probe != "readiness" {
		why = answerOf(s, c, killer(probe), why)
	}
	switch {
	case why != "":
		return ": " + words.Clip(why, 300)
	case said.Found():
		return " without a word"
	}
	return ""
}

// probeOf is a container's probe of a kind, from the template; nil if it has none such.
func probeOf(s *survey.Survey, c survey.ContainerCase, kind string) *corev1.Probe {
	spec := s.Container(c.Status.Name)
	if spec == nil {
		return nil
	}
	return map[string]*corev1.Probe{"startup": spec.StartupProbe, "liveness": spec.LivenessProbe,
		"readiness": spec.ReadinessProbe}[kind]
}

// probeAsks is what a probe asks for, " (http GET / on port 9)", from the template.
func probeAsks(s *survey.Survey, c survey.ContainerCase, kind string) string {
	p := probeOf(s, c, kind)
	switch {
	case p == nil:
		return ""
	case p.HTTPGet != nil:
		return " (" + httpAsks(p.HTTPGet) + ")"
	case p.TCPSocket != nil:
		return " (TCP port " + p.TCPSocket.Port.String() + ")"
	case p.GRPC != nil:
		return " (gRPC on port " + strconv.Itoa(int(p.GRPC.Port)) + ")"
	case p.Exec != nil:
		return " (exec " + words.Clip(strings.Join(p.Exec.Command, " "), 80) + ")"
	}
	return ""
}

// httpAsks is what is asked for over HTTP.
func httpAsks(h *corev1.HTTPGetAction) string {
	scheme := strings.ToLower(string(h.Scheme))
	if scheme == "" {
		scheme = "http"
	}
	return fmt.Sprintf("%s GET %s on port %s", scheme, orSlash(h.Path), h.Port.String())
}

func orSlash(path string) string {
	if path == "" {
		return "/"
	}
	return path
}
