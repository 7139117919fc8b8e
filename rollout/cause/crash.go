package cause

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// crashLoop is a container that keeps ending, or that has ended and is not started again. That it runs just now proves
// nothing before it has settled.
func crashLoop(s *survey.Survey, at *survey.Site, c survey.ContainerCase) *survey.Finding {
	end := c.LastEnd()
	if end == nil {
		return nil
	}
	f := exitFinding(s, c.Kind(), c.Status.Name, exitWords(end.ExitCode))
	f.Message = howItEnds(c, end) + lastWords(end)
	if doubtfulKill(s, c, end) != "" {
		f.Message = strings.Replace(f.Message, endsByItself, " (it ends by itself, or is asked to end)", 1)
	}
	f.Log = logOf(c)
	f.Remedy = exitRemedy(s, c, f.Log)
	f.Since = firstEnd(s, rollout.CrashLoop, at, c)
	return s.RipenCounted(f, s.EndsUnsettled(c))
}

// exitFinding is a CrashLoop of a container; whichever way it is found, the same end is the same cause.
func exitFinding(s *survey.Survey, kind, name, exit string) *survey.Finding {
	return &survey.Finding{Code: rollout.CrashLoop, Container: name, Key: name + " " + exit, About: kind + ", " + exit}
}

func exitWords(code int32) string { return fmt.Sprintf("exit code %d", code) }

// howItEnds says with what a container has ended, and what becomes of it by its restartPolicy and its restart rules.
func howItEnds(c survey.ContainerCase, end *corev1.ContainerStateTerminated) string {
	spec, exit := fact.ContainerOf(c.Pod, c.Status.Name), exitWords(end.ExitCode)+exitMeaning(end)
	switch {
	case c.RestartsAll():
		return fmt.Sprintf("%s keeps ending with %s, and all containers of the pod are restarted with it, by its "+
			"restart rule (%s)",
			c.Kind(), exit, fact.RuleWords(*fact.RuleFor(spec, end.ExitCode)))
	case c.IsOver() && fact.IsOver(c.Pod):
		return fmt.Sprintf("%s has ended for good with %s, and its pod with it (phase %s): %s", c.Kind(), exit,
			c.Pod.Status.Phase, fact.PolicyWords(spec))
	case c.IsOver():
		return fmt.Sprintf("%s has ended for good with %s, though the pod goes on: %s", c.Kind(), exit,
			fact.PolicyWords(spec))
	}
	return fmt.Sprintf("%s keeps ending: %s", c.Kind(), exit)
}

// exitRemedy is what to do about a container that ends.
func exitRemedy(s *survey.Survey, c survey.ContainerCase, log string) string {
	remedy := fmt.Sprintf("Read why in its log, `kubectl -n %s %s`, then fix the commit or revert it.",
		s.Live.Namespace, log)
	end := c.LastEnd()
	switch {
	case c.RestartsAll():
		return remedy + togetherLog
	case end.ExitCode == 0 && !c.IsOver():
		remedy = fmt.Sprintf("A DaemonSet's container is started again whenever it ends: work that is meant to end "+
			"belongs into an init container, or before a command that goes on (`sleep infinity`). If it was not "+
			"meant to, read why in its log, `kubectl -n %s %s`.",
			s.Live.Namespace, log)
	case c.IsOver() && fact.IsOver(c.Pod):
		remedy += " The DaemonSet controller deletes the pod and makes another one, later each time: the log goes " +
			"with the pod."
		fallthrough
	case c.IsOver():
		remedy += fmt.Sprintf(" If it is meant to be started again, change restartPolicy or restartPolicyRules of %s "+
			"in Git.", c.Kind())
	}
	return remedy + doubtfulKill(s, c, end)
}

// doubtfulKill says what else may have ended a container, where nobody can tell any more: all Events are gone, or of a
// probe's there is its complaint and not the killing.
func doubtfulKill(s *survey.Survey, c survey.ContainerCase, end *corev1.ContainerStateTerminated) string {
	if !endsWhenKilled(end.ExitCode) {
		return ""
	}
	silent := !s.TraceOf(c.Pod.UID, anything).Found()
	for _, probe := range []killer{byLiveness, byStartup} {
		complained := complaints(s, c, string(probe)).Last
		if probeOf(s, c, string(probe)) == nil || tooSoonFor(s, c, probe) || !silent &&
			(complained.IsZero() || complained.Before(end.StartedAt.Time)) {
			continue
		}
		return fmt.Sprintf(" Its %s probe%s may have ended it just so: the Events that would tell are gone.", probe,
			probeAsks(s, c, string(probe)))
	}
	if hook := postStart(s, c); hook != "" && silent {
		return fmt.Sprintf(" Its postStart hook%s may have failed, which ends it just so: the Events that would tell "+
			"are gone.", hook)
	}
	return ""
}

// togetherLog is what to know about the log of a container whose pod's containers are all removed when it ends.
const togetherLog = " The log ends with the container; when all containers of a pod are restarted, none of them has " +
	"a previous one."

// logOf are kubectl's arguments to read the log of a container's last end. There is a previous container only if it was
// started again, and not removed.
func logOf(c survey.ContainerCase) string {
	log := fmt.Sprintf("logs %s -c %s", c.Pod.Name, c.Status.Name)
	last := c.Status.LastTerminationState.Terminated
	switch {
	case c.RestartsAll():
		return strings.Replace(log, "logs", "logs -f", 1)
	case c.IsOver(), last != nil && last.Reason == fact.RestartingAll, last == nil && c.Status.State.Terminated != nil:
		return log
	}
	return log + " --previous"
}

// outOfMemory is a container that the kernel killed for its memory. It leads over whatever else there is.
func outOfMemory(s *survey.Survey, at *survey.Site, c survey.ContainerCase) *survey.Finding {
	end := c.LastEnd()
	if end == nil || end.Reason != oomKilled {
		return nil
	}
	limit, remedy := memoryShort(s, at, c)
	if c.IsOver() {
		limit += ", and " + fact.PolicyWords(fact.ContainerOf(c.Pod, c.Status.Name)) + ", so it stays down"
	}
	f := exitFinding(s, c.Kind(), c.Status.Name, "OOMKilled")
	f.Deep, f.Log, f.Since = true, logOf(c), firstEnd(s, rollout.CrashLoop, at, c)
	f.Message = fmt.Sprintf("%s is killed for its memory (OOMKilled): %s%s", c.Kind(), limit, lastWords(end))
	f.Remedy = remedy
	return s.RipenCounted(f, s.EndsUnsettled(c))
}

// memoryShort is which memory a container was short of, and what to do: its own limit's, or the node's.
func memoryShort(s *survey.Survey, at *survey.Site, c survey.ContainerCase) (limit, remedy string) {
	if spec := s.Container(c.Status.Name); spec != nil && spec.Resources.Limits.Memory().Sign() > 0 {
		return "its memory limit is " + spec.Resources.Limits.Memory().String(),
			fmt.Sprintf("Raise resources.limits.memory of %s in Git, or have it "+
				"use less. What it uses: `kubectl -n %s top pod %s --containers`.", c.Kind(), s.Live.Namespace,
				c.Pod.Name)
	}
	if spec := s.Live.Spec.Template.Spec.Resources; spec != nil && spec.Limits.Memory().Sign() > 0 {
		return "the pod's memory limit is " + spec.Limits.Memory().String(),
			fmt.Sprintf("Raise resources.limits.memory of the pod in Git, or have its "+
				"containers use less. What they use: `kubectl -n %s top pod %s --containers`.", s.Live.Namespace,
				c.Pod.Name)
	}
	return "the node's memory was used up",
		fmt.Sprintf("It has no resources.limits.memory: see what uses up the node's memory, `kubectl describe node "+
			"%s`, have %s use less, and set resources.requests.memory in Git to what it needs, so that the scheduler "+
			"keeps that free.", at.Name, c.Kind())
}

// firstEnd is when a container first ended, as far as is known: its status keeps only the last two ends.
func firstEnd(s *survey.Survey, code rollout.Code, at *survey.Site, c survey.ContainerCase) time.Time {
	known := []time.Time{s.TraceOf(c.Pod.UID, fact.IsRemoval).First}
	for _, end := range []*corev1.ContainerStateTerminated{c.Status.LastTerminationState.Terminated,
		c.Status.State.Terminated} {
		if end != nil {
			known = append(known, end.FinishedAt.Time)
		}
	}
	return s.Since(code, at.Name, true, known...)
}

// endsByItself is what exit code 0 means where nothing says that the container was asked to end.
const endsByItself = " (it ends by itself, but an agent must go on running)"

// exitMeaning says what is commonly meant by an exit code. 137 alone proves nothing: whoever kills with SIGKILL leaves
// it.
func exitMeaning(end *corev1.ContainerStateTerminated) string {
	if end.Reason == "ContainerStatusUnknown" {
		return " (the kubelet lost sight of it, as it does when a node reboots)"
	}
	switch end.ExitCode {
	case 0:
		return endsByItself
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
		return " (" + words.Clip(end.Reason, 80) + ")"
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
	return ": " + words.Clip(last, 300)
}
