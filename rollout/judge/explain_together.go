package judge

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// restartedTogether is a pod whose containers are all restarted whenever one of them ends in some way. While they start
// again none of them tells how it ended: which one it was is remembered, or told by the rules.
func restartedTogether(s *survey, at *site, p *corev1.Pod, together int) *finding {
	if noteRestarter(s, at, p) || together == 0 {
		return nil
	}
	var f *finding
	names, rules := restarters(s, p)
	if e, known := s.endings[at.name]; known && e.Container != "" && e.Code >= 0 {
		end := &corev1.ContainerStateTerminated{ExitCode: e.Code, Reason: e.Reason}
		kind := kindIn(p, e.Container)
		f = exitFinding(s, kind, e.Container, endWords(end))
		f.message = fmt.Sprintf("%s keeps ending with %s%s, and all containers of the pod are restarted with it", kind, exitWords(e.Code), exitMeaning(end))
	} else if len(names) == 1 {
		kind, exit := kindIn(p, names[0]), fact.CodeWords(rules[0].ExitCodes)
		f = exitFinding(s, kind, names[0], exit)
		f.message = fmt.Sprintf("%s keeps ending, by its restart rule with %s, and all containers of the pod are restarted with it", kind, exit)
	} else {
		f = &finding{code: rollout.CrashLoop, key: "together", about: "all containers are restarted"}
		f.message = "all containers of the pod are restarted again and again, because of a restart rule of " + strings.Join(names, " or ")
	}
	f.log = "logs -f " + p.Name + " --all-containers"
	if f.container != "" {
		f.log = fmt.Sprintf("logs -f %s -c %s", p.Name, f.container)
	}
	f.remedy = fmt.Sprintf("Read why in its log, `kubectl -n %s %s`, then fix the commit or revert it.", s.live.Namespace, f.log) + togetherLog
	f.since = s.since(rollout.CrashLoop, at.name, true, s.traceOf(p.UID, fact.IsRemoval).First, fact.LastTogether(p))
	return s.ripenCounted(f, s.togetherUnsettled(p, together))
}

// noteRestarter remembers the container that has just ended and restarts all of them, if one is to be seen.
func noteRestarter(s *survey, at *site, p *corev1.Pod) bool {
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for i := range list {
			c := containerCase{pod: p, status: &list[i]}
			if !c.restartsAll() {
				continue
			}
			e, end := s.endings[at.name], list[i].State.Terminated
			e.Container, e.Code, e.Reason = list[i].Name, end.ExitCode, shortReason(end)
			s.rememberEnding(at.name, e)
			return true
		}
	}
	return false
}

// restarters are the containers of a pod with a rule that restarts all of them, but for those that were killed for the sake
// of another; with the rules of the first.
func restarters(s *survey, p *corev1.Pod) (names []string, rules []corev1.ContainerRestartRule) {
	var killed []string
	of := map[string][]corev1.ContainerRestartRule{}
	for _, list := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range list {
			name := list[i].Name
			if of[name] = fact.RulesRestartingAll(&list[i]); len(of[name]) == 0 {
				continue
			}
			if s.traceOf(p.UID, fact.OfContainer(name, fact.IsRemoval)).Found() {
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
