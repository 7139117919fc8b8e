package cause

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// postStartError is the reason of a container whose postStart hook failed, in whichever of its states.
const postStartError = "PostStartHookError"

// hookFails is a container that the kubelet ends because its postStart hook fails. The kubelet shows what the hook
// answered until it next tries; then only Events tell, without the answer.
func hookFails(s *survey.Survey, at *survey.Site, c survey.ContainerCase) *survey.Finding {
	if killedBy(s, c) != byPostStart {
		return nil
	}
	answer := answerOf(s, c, byPostStart, hookAnswer(s, c))
	f := &survey.Finding{
		Code: rollout.HookFailing, Key: c.Status.Name + " postStart", About: "postStart hook of " + c.Kind(),
		Message: fmt.Sprintf("%s is restarted because its postStart hook%s fails", c.Kind(), postStart(s, c)),
		Remedy: fmt.Sprintf("Run the hook's work by hand in a running container, and correct the hook in Git; a hook "+
			"runs beside the container's command, not after it, so it must wait for what it needs. What the kubelet "+
			"says: `kubectl -n %s describe pod %s`.",
			s.Live.Namespace, c.Pod.Name),
		Since: firstEnd(s, rollout.HookFailing, at, c),
	}
	if answer != "" {
		f.Message += ": " + words.Clip(answer, 300)
	} else {
		f.Message += "; its answer is not shown any more"
		f.Remedy += fmt.Sprintf(" What it answers is shown for a moment after each attempt: `kubectl -n %s get pod "+
			"%s -w -o jsonpath='{.status.containerStatuses[*].state.waiting.message}{\"\\n\"}'`.", s.Live.Namespace,
			c.Pod.Name)
	}
	return s.RipenCounted(f, s.EndsUnsettled(c))
}

// isFailedPostStart selects what the kubelet says of a postStart hook that failed.
func isFailedPostStart(e *corev1.Event) bool {
	return e.Reason == "FailedPostStartHook" ||
		(e.Reason == "Killing" && strings.Contains(e.Message, "FailedPostStartHook"))
}

// failsPostStart reports whether a container's status itself says that its postStart hook failed.
func failsPostStart(status *corev1.ContainerStatus) bool {
	if w := status.State.Waiting; w != nil && strings.HasPrefix(w.Reason, postStartError) {
		return true
	}
	for _, end := range []*corev1.ContainerStateTerminated{status.State.Terminated,
		status.LastTerminationState.Terminated} {
		if end != nil && strings.HasPrefix(end.Reason, postStartError) {
			return true
		}
	}
	return false
}

// hookAnswer is what the postStart hook answered, as far as the kubelet says it now; older kubelets say it in the
// Event.
func hookAnswer(s *survey.Survey, c survey.ContainerCase) string {
	var said []string
	if w := c.Status.State.Waiting; w != nil && strings.HasPrefix(w.Reason, postStartError) {
		said = append(said, w.Message)
	}
	for _, end := range []*corev1.ContainerStateTerminated{c.Status.State.Terminated,
		c.Status.LastTerminationState.Terminated} {
		if end != nil && strings.HasPrefix(end.Reason, postStartError) {
			said = append(said, end.Message)
		}
	}
	said = append(said, s.TraceOf(c.Pod.UID, fact.OfContainer(c.Status.Name,
		fact.WithReason("FailedPostStartHook"))).Message)
	for _, message := range said {
		if answer := answerIn(message); answer != "" {
			return answer
		}
	}
	return ""
}

// answerIn is what a hook answered in the kubelet's `Exec lifecycle hook ([…]) for Container "agent" in Pod "…" failed
// - error: command '…' exited with 1: , message: "no such table\n"`: "exited with 1: no such table".
func answerIn(message string) string {
	_, answer, found := strings.Cut(message, "failed - error: ")
	if !found {
		if message == "PostStartHook failed" || message == "PreStopHook failed" {
			return ""
		}
		return strings.TrimSpace(message)
	}
	why, output, _ := strings.Cut(answer, ", message: ")
	if _, exited, found := strings.Cut(why, "' exited with "); found && strings.HasPrefix(why, "command '") {
		why = "exited with " + exited
	}
	why = strings.TrimRight(strings.TrimSpace(why), ": ")
	if text, err := strconv.Unquote(strings.TrimSpace(output)); err == nil {
		output = text
	}
	lines := strings.Split(strings.TrimSpace(output), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" && !strings.HasSuffix(why, last) {
		why += ": " + last
	}
	return why
}

// postStart is what a container's postStart hook does, from the template: " (exec /agent warm)".
func postStart(s *survey.Survey, c survey.ContainerCase) string {
	spec := s.Container(c.Status.Name)
	if spec == nil || spec.Lifecycle == nil {
		return ""
	}
	return handler(spec.Lifecycle.PostStart)
}

// handler says what a hook does.
func handler(h *corev1.LifecycleHandler) string {
	switch {
	case h == nil:
		return ""
	case h.Exec != nil:
		return " (exec " + words.Clip(strings.Join(h.Exec.Command, " "), 80) + ")"
	case h.HTTPGet != nil:
		return " (" + httpAsks(h.HTTPGet) + ")"
	case h.TCPSocket != nil:
		return " (TCP port " + h.TCPSocket.Port.String() + ")"
	case h.Sleep != nil:
		return fmt.Sprintf(" (sleep %d s)", h.Sleep.Seconds)
	}
	return ""
}

// preStops are the containers of a pod that still run and whose preStop hook comes before their end, with what the hook
// does and whether it failed: "container agent has a preStop hook (exec /drain)".
func preStops(s *survey.Survey, p *corev1.Pod) string {
	var found []string
	for _, status := range goingOn(p) {
		c := survey.ContainerCase{Pod: p, Status: status}
		spec := fact.ContainerOf(p, status.Name)
		if status.State.Running == nil || spec == nil || spec.Lifecycle == nil || spec.Lifecycle.PreStop == nil {
			continue
		}
		text := c.Kind() + " has a preStop hook" + handler(spec.Lifecycle.PreStop)
		if failed := s.TraceOf(p.UID, fact.OfContainer(status.Name,
			fact.WithReason("FailedPreStopHook"))); failed.Found() {
			text += " that fails"
			if answer := answerIn(failed.Message); answer != "" {
				text += " (" + words.Clip(answer, 200) + ")"
			}
		}
		found = append(found, text)
	}
	return strings.Join(found, ", ")
}
