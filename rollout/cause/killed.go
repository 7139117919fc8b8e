package cause

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// killedBy finds out what had the kubelet end a container; "" if it ended by itself as far as is known. Events are
// folded, swallowed and forgotten, so what was evidenced once of this pod stays until something else is: until the
// container ends in a way that its killer cannot have brought about, or the pod settles.
func killedBy(s *survey.Survey, c survey.ContainerCase) killer {
	key := killedKey(c.Pod, c.Status.Name)
	before := s.Before.Killed[key]
	known := killingOf(s, c, before)
	if known.By != "" {
		s.RememberKill(key, known)
	}
	if known.By == string(byItself) {
		return ""
	}
	return killer(known.By)
}

// killingOf is what is known by now of what ended a container.
func killingOf(s *survey.Survey, c survey.ContainerCase, before rollout.Killed) rollout.Killed {
	end := c.LastEnd()
	itself := func() rollout.Killed { return rollout.Killed{By: string(byItself), At: end.FinishedAt.Time} }
	if end != nil && end.Reason == oomKilled {
		return itself()
	}
	by, at := lastKill(s, c)
	if by != "" && (end == nil || !at.Before(end.StartedAt.Time)) {
		return rollout.Killed{By: string(by), At: at, Code: codeOf(end)} // of the last run, or of the present one
	}
	switch {
	case before.By == string(byItself) && !at.After(before.At):
		return before
	case before.By != "" && !at.After(before.At):
		by, at = killer(before.By), before.At
	case by == "":
		by, at = likelyKill(s, c)
	}
	switch {
	case by == "":
		return rollout.Killed{}
	case endedOtherwise(s, c, by, before):
		return itself()
	}
	return rollout.Killed{By: string(by), At: at, Code: codeOf(end)}
}

// KeepKilled remembers what is known of a site's pod that was not looked into this time, for example because its node
// is down.
func KeepKilled(s *survey.Survey, at *survey.Site) {
	if p := at.Updated; len(s.Before.Killed) > 0 && p != nil && !at.Settled {
		for _, status := range goingOn(p) {
			key := killedKey(p, status.Name)
			_, known := s.Remembered().Killed[key]
			if before, had := s.Before.Killed[key]; had && !known {
				s.RememberKill(key, before)
			}
		}
	}
}

func killedKey(p *corev1.Pod, container string) string { return string(p.UID) + "/" + container }

func codeOf(end *corev1.ContainerStateTerminated) int32 {
	if end == nil {
		return 0
	}
	return end.ExitCode
}

// lastKill is the last time that the kubelet said what it killed a container for.
func lastKill(s *survey.Survey, c survey.ContainerCase) (by killer, at time.Time) {
	consider := func(k killer, which func(*corev1.Event) bool) {
		t := s.TraceOf(c.Pod.UID, fact.OfContainer(c.Status.Name, which))
		if t.GoesOn {
			t.Last = s.Now() // how late by now is not known
		}
		if t.Found() && t.Last.After(at) {
			by, at = k, t.Last
		}
	}
	for _, probe := range []killer{byStartup, byLiveness} {
		consider(probe, func(e *corev1.Event) bool {
			return e.Reason == "Killing" && strings.Contains(e.Message, "failed "+string(probe)+" probe")
		})
	}
	consider(byPostStart, isFailedPostStart)
	if failsPostStart(c.Status) {
		return byPostStart, s.Now()
	}
	return by, at
}

// likelyKill is the probe that a container was most likely killed for, where the kubelet's word about the killing
// itself is missing: the probe had failed often enough for every end, just before the last one, which looks like a
// killing.
func likelyKill(s *survey.Survey, c survey.ContainerCase) (killer, time.Time) {
	end := c.LastEnd()
	if end == nil || !endsWhenKilled(end.ExitCode) {
		return "", time.Time{}
	}
	by, at := killer(""), time.Time{}
	for _, probe := range []killer{byStartup, byLiveness} {
		asked := probeOf(s, c, string(probe))
		said := complaints(s, c, string(probe))
		if asked == nil || !said.Found() || tooSoonFor(s, c, probe) {
			continue
		}
		enough := max(1, int(asked.FailureThreshold))
		if hears(s, c.Pod) {
			enough *= c.Ends
		}
		if said.Count >= enough && !said.Last.Before(end.FinishedAt.Add(-graceOf(c.Pod, asked)-2*time.Second)) &&
			said.Last.After(at) {
			by, at = probe, said.Last
		}
	}
	return by, at
}

// endedOtherwise reports whether a container's last run ended without what it was killed for before: sooner than the
// probe can have killed it, or with an exit code of its own and without a complaint of the kubelet.
func endedOtherwise(s *survey.Survey, c survey.ContainerCase, by killer, before rollout.Killed) bool {
	end := c.LastEnd()
	switch {
	case end == nil:
		return false
	case tooSoonFor(s, c, by):
		return true
	case endsWhenKilled(end.ExitCode) || (before.By == string(by) && before.Code == end.ExitCode) || !hears(s, c.Pod):
		return false
	}
	said := complaints(s, c, string(by))
	return !said.Found() || said.Last.Before(end.StartedAt.Time)
}

// tooSoonFor reports whether a container's last run was too short for a probe to have ended it. The kubelet's times are
// whole seconds.
func tooSoonFor(s *survey.Survey, c survey.ContainerCase, by killer) bool {
	end, asked := c.LastEnd(), probeOf(s, c, string(by))
	if end == nil || asked == nil || end.StartedAt.Unix() <= 0 {
		return false
	}
	soonest := time.Duration(asked.InitialDelaySeconds+(max(1,
		asked.FailureThreshold)-1)*asked.PeriodSeconds) * time.Second
	return end.FinishedAt.Sub(end.StartedAt.Time)+2*time.Second < soonest
}

// endsWhenKilled reports whether a container that the kubelet kills may end with an exit code: it is asked to end,
// which well-behaved ones do with 0, by a signal, and killed for good after the grace period.
func endsWhenKilled(code int32) bool {
	return slices.Contains([]int32{0, 130, 131, 137, 143}, code)
}

// hears reports whether a missing Event of a pod means anything: not without Events, nor once the kubelet swallows
// them.
func hears(s *survey.Survey, p *corev1.Pod) bool {
	return !s.Look.Lacks(rollout.KindEvents) && s.TraceOf(p.UID, anything).Count < eventBurst
}

// graceOf is how long a container may take to end once a probe has it killed.
func graceOf(p *corev1.Pod, asked *corev1.Probe) time.Duration {
	grace := int64(corev1.DefaultTerminationGracePeriodSeconds)
	if p.Spec.TerminationGracePeriodSeconds != nil {
		grace = *p.Spec.TerminationGracePeriodSeconds
	}
	if asked.TerminationGracePeriodSeconds != nil {
		grace = *asked.TerminationGracePeriodSeconds
	}
	return time.Duration(grace) * time.Second
}

// answerOf is what a hook or a probe last answered. The kubelet shows it for a moment only, so it is remembered.
func answerOf(s *survey.Survey, c survey.ContainerCase, by killer, now string) string {
	key := c.Status.Name + " " + string(by)
	answer := now
	if answer == "" {
		answer = s.AnsweredBefore(key)
	}
	if answer != "" {
		s.RememberAnswer(key, words.Clip(answer, 300))
	}
	return answer
}

// unseenEnd is a container that was started again without a trace of how it ended: the kubelet has lost sight of its
// earlier containers. Only where it is held back for that does it count as a second end.
func unseenEnd(s *survey.Survey, at *survey.Site, c survey.ContainerCase) *survey.Finding {
	if c.Ends == 0 || c.Status.State.Terminated != nil || c.Status.LastTerminationState.Terminated != nil {
		return nil
	}
	f := &survey.Finding{
		Code: rollout.CrashLoop, Key: c.Status.Name + " unseen", About: c.Kind() + ", restarted",
		Message: fmt.Sprintf("%s was started again %s, and how it ended is not known any more", c.Kind(),
			words.Plural(c.Ends, "time")),
		Remedy: fmt.Sprintf("Read its log, `kubectl -n %s logs %s -c %s`, and what the kubelet says: `kubectl -n %s "+
			"describe pod %s`.",
			s.Live.Namespace, c.Pod.Name, c.Status.Name, s.Live.Namespace, c.Pod.Name),
		Since: firstEnd(s, rollout.CrashLoop, at, c),
	}
	times := 1
	if reason, _ := c.Waiting(); reason == "CrashLoopBackOff" {
		times = c.Ends
	}
	return s.RipenCounted(f, times)
}

// killer is what had the kubelet end a container: one of its probes, or its postStart hook.
type killer string

const (
	byStartup   killer = "startup"
	byLiveness  killer = "liveness"
	byPostStart killer = "postStart"
	// byItself is a container that was killed once and that has ended by itself since.
	byItself killer = "itself"
)
