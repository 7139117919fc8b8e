package judge

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/words"
)

// endedByItself reports whether a pod of the current template is over because of how its containers ended: none of them is
// started again. A pod that its node turned away, or out, has a reason for it in its status.
func endedByItself(s *survey, p *corev1.Pod) bool {
	if p == nil || !fact.IsOver(p) || !s.isUpdated(p) || p.Status.Reason != "" {
		return false
	}
	if c := fact.PodCondition(p, corev1.DisruptionTarget); c != nil && c.Status == corev1.ConditionTrue {
		return false
	}
	return len(overIn(p)) > 0
}

// overIn are the containers of a pod that have ended for good, those first that did not mean to.
func overIn(p *corev1.Pod) []containerCase {
	var failed, done []containerCase
	add := func(list []corev1.ContainerStatus, init bool) {
		for i := range list {
			c := containerCase{pod: p, status: &list[i], init: init && !fact.IsSidecar(p, list[i].Name), ends: 1}
			switch {
			case !c.isOver():
			case c.status.State.Terminated.ExitCode != 0:
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

// ended is a node whose pod is over because its containers ended for good, or on which that happened and the controller is
// about to make another pod.
func ended(s *survey, at *site) *finding {
	switch {
	case at.over:
		for _, c := range overIn(at.failed)[:1] {
			f := explainContainer(s, at, c)
			f.pod, f.container = at.failed.Name, c.status.Name
			f.since = s.since(rollout.CrashLoop, at.name, true, s.rejections[at.name].First, f.since)
			return f
		}
	case at.failed == nil && at.missing():
		return endedBefore(s, at, nil)
	}
	return nil
}

// endedBefore is a node on which a pod of this template ended for good, and the one after it has not settled. The log went
// with the pod.
func endedBefore(s *survey, at *site, p *corev1.Pod) *finding {
	e := s.endings[at.name]
	if e.Count == 0 {
		return nil
	}
	spec, kind := s.container(e.Container), kindIn(&corev1.Pod{Spec: s.live.Spec.Template.Spec}, e.Container)
	var f *finding
	switch {
	case spec == nil:
		f = &finding{code: rollout.CrashLoop, key: "pods end", about: "its pods end",
			message: "its pods end for good, one after another: a container with a restartPolicy of its own has ended in them"}
	case e.Code < 0:
		f = exitFinding(s, kind, e.Container, "not restarted")
		f.message = fmt.Sprintf("%s has ended for good, and its pod with it: %s; its exit code went with the pod", kind, fact.PolicyWords(spec))
	default:
		end := &corev1.ContainerStateTerminated{ExitCode: e.Code, Reason: e.Reason}
		f = exitFinding(s, kind, e.Container, endWords(end))
		f.deep = e.Reason == oomKilled
		f.message = fmt.Sprintf("%s has ended for good with %s%s, and its pod with it: %s", kind, exitWords(e.Code), exitMeaning(end), fact.PolicyWords(spec))
	}
	f.remedy = "The log went with the pod. "
	if p != nil {
		f.log = strings.TrimSuffix(fmt.Sprintf("logs -f %s -c %s", p.Name, e.Container), " -c ")
		f.remedy += fmt.Sprintf("The pod that was made in its place is %s: follow its log until it ends as well, `kubectl -n %s %s`, "+
			"then fix the commit or revert it.", p.Name, s.live.Namespace, f.log)
	} else {
		f.remedy += fmt.Sprintf("Wait for the next one, `kubectl -n %s get pods -w`, and follow its log; then fix the commit or revert it.", s.live.Namespace)
	}
	f.since = s.since(rollout.CrashLoop, at.name, true, s.rejections[at.name].First)
	return s.ripenCounted(f, 2) // the kubelet will not start it again, and the controller's next pod is no better
}

const oomKilled = "OOMKilled"

// endWords are an end in short.
func endWords(end *corev1.ContainerStateTerminated) string {
	if end.Reason == oomKilled {
		return oomKilled
	}
	return exitWords(end.ExitCode)
}

// lookForEndings counts the pods of this template that are over by themselves, by node: those that earlier looks have seen,
// and the present ones.
func lookForEndings(s *survey) {
	s.endings = map[string]rollout.Ending{}
	if s.before.Hash == s.revision.Hash {
		for node, e := range s.before.Ended {
			s.endings[node] = e
		}
	}
	lookForGonePods(s)
	for _, p := range s.look.Pods {
		if !fact.IsOver(p) || p.DeletionTimestamp != nil || !fact.Owns(s.live, p) || !endedByItself(s, p) {
			continue
		}
		node, c := fact.TargetNode(p), overIn(p)[0]
		e := s.endings[node]
		if e.UID != string(p.UID) {
			e.Count++
		}
		end := c.status.State.Terminated
		s.endings[node] = rollout.Ending{Count: e.Count, UID: string(p.UID), Container: c.status.Name, Code: end.ExitCode, Reason: shortReason(end)}
	}
}

// shortReason is a reason that says more than the exit code.
func shortReason(end *corev1.ContainerStateTerminated) string {
	if end.Reason == "Error" || end.Reason == "Completed" {
		return ""
	}
	return words.Clip(end.Reason, 80)
}

// rememberEnding keeps what is known of how a node's pods ended, until one has settled.
func rememberEnding(s *survey, at *site) {
	e, known := s.endings[at.name]
	if !known || at.settled {
		return
	}
	if at.over && at.updated == nil {
		at.ends = e.Count
	}
	s.rememberEnding(at.name, e)
}
