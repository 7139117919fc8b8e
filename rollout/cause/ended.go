package cause

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// EndedByItself reports whether a pod of the current template is over because of how its containers ended: none of them
// is started again. A pod that its node turned away, or out, has a reason for it in its status.
func EndedByItself(s *survey.Survey, p *corev1.Pod) bool {
	if p == nil || !fact.IsOver(p) || !s.IsUpdated(p) || p.Status.Reason != "" {
		return false
	}
	if c := fact.PodCondition(p, corev1.DisruptionTarget); c != nil && c.Status == corev1.ConditionTrue {
		return false
	}
	return len(overIn(p)) > 0
}

// overIn are the containers of a pod that have ended for good, those first that did not mean to.
func overIn(p *corev1.Pod) []survey.ContainerCase {
	var failed, done []survey.ContainerCase
	add := func(list []corev1.ContainerStatus, init bool) {
		for i := range list {
			c := survey.ContainerCase{Pod: p, Status: &list[i], Init: init && !fact.IsSidecar(p, list[i].Name), Ends: 1}
			switch {
			case !c.IsOver():
			case c.Status.State.Terminated.ExitCode != 0:
				failed = append(failed, c)
			default:
				done = append(done, c)
			}
		}
	}
	add(p.Status.InitContainerStatuses, true)
	add(p.Status.ContainerStatuses, false)
	return append(failed, done...)
}

// ended is a node whose pod is over because its containers ended for good, or on which that happened and the controller
// is about to make another pod.
func ended(s *survey.Survey, at *survey.Site) *survey.Finding {
	switch {
	case at.Over:
		for _, c := range overIn(at.Failed)[:1] {
			f := explainContainer(s, at, c)
			f.Pod, f.Container = at.Failed.Name, c.Status.Name
			f.Since = s.Since(rollout.CrashLoop, at.Name, true, s.Rejections[at.Name].First, f.Since)
			return f
		}
	case at.Failed == nil && at.Missing():
		return endedBefore(s, at, nil)
	}
	return nil
}

// endedBefore is a node on which a pod of this template ended for good, and the one after it has not settled. The log
// went with the pod.
func endedBefore(s *survey.Survey, at *survey.Site, p *corev1.Pod) *survey.Finding {
	e := s.Endings[at.Name]
	if e.Count == 0 {
		return nil
	}
	spec, kind := s.Container(e.Container), kindIn(&corev1.Pod{Spec: s.Live.Spec.Template.Spec}, e.Container)
	var f *survey.Finding
	switch {
	case spec == nil:
		f = &survey.Finding{Code: rollout.CrashLoop, Key: "pods end", About: "its pods end",
			Message: "its pods end for good, one after another: a container with a restartPolicy of its own has " +
				"ended in them"}
	case e.Code < 0:
		f = exitFinding(s, kind, e.Container, "not restarted")
		f.Message = fmt.Sprintf("%s has ended for good, and its pod with it: %s; its exit code went with the pod", kind,
			fact.PolicyWords(spec))
	default:
		end := &corev1.ContainerStateTerminated{ExitCode: e.Code, Reason: e.Reason}
		f = exitFinding(s, kind, e.Container, endWords(end))
		f.Deep = e.Reason == oomKilled
		f.Message = fmt.Sprintf("%s has ended for good with %s%s, and its pod with it: %s", kind, exitWords(e.Code),
			exitMeaning(end), fact.PolicyWords(spec))
	}
	f.Remedy = "The log went with the pod. "
	if p != nil {
		f.Log = strings.TrimSuffix(fmt.Sprintf("logs -f %s -c %s", p.Name, e.Container), " -c ")
		f.Remedy += fmt.Sprintf("The pod that was made in its place is %s: follow its log until it ends as well, "+
			"`kubectl -n %s %s`, then fix the commit or revert it.", p.Name, s.Live.Namespace, f.Log)
	} else {
		f.Remedy += fmt.Sprintf("Wait for the next one, `kubectl -n %s get pods -w`, and follow its log; then fix "+
			"the commit or revert it.", s.Live.Namespace)
	}
	f.Since = s.Since(rollout.CrashLoop, at.Name, true, s.Rejections[at.Name].First)
	return s.RipenCounted(f, 2) // the kubelet will not start it again, and the controller's next pod is no better
}

const oomKilled = "OOMKilled"

// endWords are an end in short.
func endWords(end *corev1.ContainerStateTerminated) string {
	if end.Reason == oomKilled {
		return oomKilled
	}
	return exitWords(end.ExitCode)
}

// LookForEndings counts the pods of this template that are over by themselves, by node: those that earlier looks have
// seen, and the present ones.
func LookForEndings(s *survey.Survey) {
	s.Endings = map[string]rollout.Ending{}
	if s.Before.Hash == s.Revision.Hash {
		for node, e := range s.Before.Ended {
			s.Endings[node] = e
		}
	}
	lookForGonePods(s)
	s.Over(func(node string, p *corev1.Pod) {
		if !EndedByItself(s, p) {
			return
		}
		c := overIn(p)[0]
		e := s.Endings[node]
		if e.UID != string(p.UID) {
			e.Count++
		}
		end := c.Status.State.Terminated
		s.Endings[node] = rollout.Ending{Count: e.Count, UID: string(p.UID), Container: c.Status.Name,
			Code: end.ExitCode, Reason: shortReason(end)}
	})
}

// shortReason is a reason that says more than the exit code.
func shortReason(end *corev1.ContainerStateTerminated) string {
	if end.Reason == "Error" || end.Reason == "Completed" {
		return ""
	}
	return words.Clip(end.Reason, 80)
}

// RememberEnding keeps what is known of how a node's pods ended, until one has settled.
func RememberEnding(s *survey.Survey, at *survey.Site) {
	e, known := s.Endings[at.Name]
	if !known || at.Settled {
		return
	}
	if at.Over && at.Updated == nil {
		at.Ends = e.Count
	}
	s.RememberEnding(at.Name, e)
}
