package cause

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
)

// restartedTogether is a pod whose containers are all restarted whenever one of them ends in some way. While they start
// again none of them tells how it ended: which one it was is remembered, or told by the rules.
func restartedTogether(s *survey.Survey, at *survey.Site, p *corev1.Pod, together int) *survey.Finding {
	if noteRestarter(s, at, p) || together == 0 {
		return nil
	}
	var f *survey.Finding
	names, rules := restarters(s, p)
	if e, known := s.Endings[at.Name]; known && e.Container != "" && e.Code >= 0 {
		end := &corev1.ContainerStateTerminated{ExitCode: e.Code, Reason: e.Reason}
		kind := kindIn(p, e.Container)
		f = exitFinding(s, kind, e.Container, endWords(end))
		f.Message = fmt.Sprintf("%s keeps ending with %s%s, and all containers of the pod are restarted with it", kind,
			exitWords(e.Code), exitMeaning(end))
	} else if len(names) == 1 {
		kind, exit := kindIn(p, names[0]), fact.CodeWords(rules[0].ExitCodes)
		f = exitFinding(s, kind, names[0], exit)
		f.Message = fmt.Sprintf("%s keeps ending, by its restart rule with %s, and all containers of the pod are "+
			"restarted with it", kind, exit)
	} else {
		f = &survey.Finding{Code: rollout.CrashLoop, Key: "together", About: "all containers are restarted"}
		f.Message = "all containers of the pod are restarted again and again, because of a restart rule of " +
			strings.Join(names, " or ")
	}
	f.Log = "logs -f " + p.Name + " --all-containers"
	if f.Container != "" {
		f.Log = fmt.Sprintf("logs -f %s -c %s", p.Name, f.Container)
	}
	f.Remedy = fmt.Sprintf("Read why in its log, `kubectl -n %s %s`, then fix the commit or revert it.",
		s.Live.Namespace, f.Log) + togetherLog
	f.Since = s.Since(rollout.CrashLoop, at.Name, true, s.TraceOf(p.UID, fact.IsRemoval).First, fact.LastTogether(p))
	return s.RipenCounted(f, s.TogetherUnsettled(p, together))
}

// noteRestarter remembers the container that has just ended and restarts all of them, if one is to be seen.
func noteRestarter(s *survey.Survey, at *survey.Site, p *corev1.Pod) bool {
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for i := range list {
			c := survey.ContainerCase{Pod: p, Status: &list[i]}
			if !c.RestartsAll() {
				continue
			}
			e, end := s.Endings[at.Name], list[i].State.Terminated
			e.Container, e.Code, e.Reason = list[i].Name, end.ExitCode, shortReason(end)
			s.RememberEnding(at.Name, e)
			return true
		}
	}
	return false
}

// restarters are the containers of a pod with a rule that restarts all of them, but for those that were killed for the
// sake of another; with the rules of the first.
func restarters(s *survey.Survey, p *corev1.Pod) (names []string, rules []corev1.ContainerRestartRule) {
	var killed []string
	of := map[string][]corev1.ContainerRestartRule{}
	for _, list := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range list {
			name := list[i].Name
			if of[name] = fact.RulesRestartingAll(&list[i]); len(of[name]) == 0 {
				continue
			}
			if s.TraceOf(p.UID, fact.OfContainer(name, fact.IsRemoval)).Found() {
				killed = append(killed, name)
			} else {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		names = killed // each of them for the other's
	}
	if len(names) > 0 {
		rules = of[names[0]]
	}
	return names, rules
}

// kindIn is what a container of a pod is called in a sentence.
func kindIn(p *corev1.Pod, name string) string {
	for i := range p.Spec.InitContainers {
		if p.Spec.InitContainers[i].Name == name && !fact.IsSidecar(p, name) {
			return "init container " + name
		}
	}
	return "container " + name
}
