package rollout

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// crashLoop is a container that keeps ending. That it runs just now proves nothing before it has settled.
func (s *survey) crashLoop(at *site, c containerCase) *finding {
	end := c.lastEnd()
	if end == nil {
		return nil
	}
	f := &finding{
		code: CrashLoop, key: fmt.Sprintf("%s %d", c.status.Name, end.ExitCode),
		about:   fmt.Sprintf("%s, exit code %d", c.kind(), end.ExitCode),
		message: fmt.Sprintf("%s keeps ending: exit code %d%s%s", c.kind(), end.ExitCode, exitMeaning(end), lastWords(end)),
		remedy: fmt.Sprintf("Read why in its log, `kubectl -n %s logs %s -c %s --previous`, then fix the commit or revert it.",
			s.live.Namespace, c.pod.Name, c.status.Name),
		since: s.firstEnd(CrashLoop, at, c),
	}
	return s.ripenCounted(f, s.endsUnsettled(c))
}

// outOfMemory is a container that the kernel killed for its memory. It leads over whatever else there is.
func (s *survey) outOfMemory(at *site, c containerCase) *finding {
	end := c.lastEnd()
	if end == nil || end.Reason != "OOMKilled" {
		return nil
	}
	limit := "the node's memory was used up"
	if spec := s.container(c.status.Name); spec != nil && spec.Resources.Limits.Memory().Sign() > 0 {
		limit = "its memory limit is " + spec.Resources.Limits.Memory().String()
	}
	f := &finding{
		code: CrashLoop, key: c.status.Name + " OOMKilled", about: c.kind() + ", OOMKilled", deep: true,
		message: fmt.Sprintf("%s is killed for its memory (OOMKilled): %s%s", c.kind(), limit, lastWords(end)),
		remedy: fmt.Sprintf("Raise resources.limits.memory of %s in Git, or have it use less. What it uses: "+
			"`kubectl -n %s top pod %s --containers`.", c.kind(), s.live.Namespace, c.pod.Name),
		since: s.firstEnd(CrashLoop, at, c),
	}
	return s.ripenCounted(f, s.endsUnsettled(c))
}

// firstEnd is when a container first ended, as far as is known: its status keeps only the last two ends.
func (s *survey) firstEnd(code Code, at *site, c containerCase) time.Time {
	var known []time.Time
	for _, end := range []*corev1.ContainerStateTerminated{c.status.LastTerminationState.Terminated, c.status.State.Terminated} {
		if end != nil {
			known = append(known, end.FinishedAt.Time)
		}
	}
	return s.since(code, at.name, true, known...)
}

// exitMeaning says what is commonly meant by an exit code. 137 alone proves nothing: whoever kills with SIGKILL leaves it.
func exitMeaning(end *corev1.ContainerStateTerminated) string {
	if end.Reason == "ContainerStatusUnknown" {
		return " (the kubelet lost sight of it, as it does when a node reboots)"
	}
	switch end.ExitCode {
	case 0:
		return " (it ends by itself, but an agent must go on running)"
	case 126:
		return " (its command cannot be executed)"
	case 127:
		return " (its command was not found)"
	case 132:
		return " (SIGILL: built for another processor?)"
	case 134:
		return " (SIGABRT)"
	case 137:
		return " (SIGKILL; it is not recorded who sent it)"
	case 139:
		return " (SIGSEGV)"
	case 143:
		return " (SIGTERM)"
	}
	if end.Reason != "" && end.Reason != "Error" {
		return " (" + clip(end.Reason, 80) + ")"
	}
	return ""
}

// lastWords are what a container left in its termination message: the last line, which is where the error is.
func lastWords(end *corev1.ContainerStateTerminated) string {
	lines := strings.Split(strings.TrimSpace(end.Message), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if last == "" {
		return ""
	}
	return ": " + clip(last, 300)
}

// clip cuts a text that somebody else wrote.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
