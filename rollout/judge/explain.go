package judge

import (
	"cmp"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// explain finds out why what has not settled has not, node by node: at most one cause each, the deepest that explains it.
// A settled pod has no cause, and neither has a node that does not count, except that a late node's failing pod is
// evidence too, and that a node that was failing before counts once its pod fails by the commit's doing.
func explain(s *survey) []finding {
	lookForRefusals(s)
	lookForRejections(s)
	var findings []finding
	for i := range s.sites {
		explainNode(s, &s.sites[i])
	}
	keepKilled(s)
	for _, f := range brakedFor(s) {
		s.siteOf(f.node).finding = &f
	}
	for i := range s.sites {
		if f := s.sites[i].finding; f != nil {
			findings = append(findings, *f)
		}
	}
	for _, of := range daemonSetCauses {
		if f := of(s); f != nil {
			findings = append(findings, *f)
		}
	}
	return findings
}

// daemonSetCauses are causes of no single node.
var daemonSetCauses = []func(*survey) *finding{noEligibleNodes, budgetSpent, forbiddenUnseen}

// podCauses are causes of an updated pod on its node whose containers tell none. The first that holds is the cause.
var podCauses = []func(*survey, *site, *corev1.Pod) *finding{
	unprepared, endedBefore, neverPasses, notReady, rejectedBefore, clockSkew, besideLeaving, starting,
}

// waitingCauses are causes of a container that waits to be started. The first that holds is the cause.
var waitingCauses = []func(*survey, *site, containerCase) *finding{invalidImage, imagePull, hookFails, configError}

// explainNode finds out why a node that counts, or is late, has not settled.
func explainNode(s *survey, at *site) {
	if at.settled || !(at.counts() || at.state == rollout.IsLate || at.before != nil) {
		return
	}
	f := explainSite(s, at)
	if f == nil || at.before != nil && !holdAgainst(s, at, f) && at.state == rollout.IsFailingBefore {
		return
	}
	at.finding = f
	at.finding.node = at.name
	if at.finding.code != rollout.Starting && at.state != rollout.IsLost && at.state != rollout.IsLate {
		at.state = rollout.IsFailing
	}
}

// explainSite finds the cause of one node's trouble.
func explainSite(s *survey, at *site) *finding {
	switch {
	case at.state == rollout.IsLost:
		return nodeLost(s, at)
	case !at.down.IsZero():
		return nil // what stands on a node that is down says nothing
	case at.updated != nil:
		return explainPod(s, at, at.updated)
	}
	if f := ended(s, at); f != nil {
		return f
	}
	if f := rejected(s, at); f != nil {
		return f
	}
	if f := terminating(s, at); f != nil {
		return f
	}
	return forbidden(s, at)
}

// explainPod finds the cause of an updated pod's trouble, the deepest first: a pod that is not on its node yet cannot
// pull, one that cannot pull cannot crash.
func explainPod(s *survey, at *site, p *corev1.Pod) *finding {
	if f := unscheduled(s, at, p); f != nil {
		return f
	}
	if f := explainContainers(s, at, p); f != nil {
		return f
	}
	for _, of := range podCauses {
		if f := of(s, at, p); f != nil {
			f.pod = p.Name
			return f
		}
	}
	return nil
}

// containerCase is one container of an updated pod, as its causes are found.
type containerCase struct {
	pod    *corev1.Pod
	status *corev1.ContainerStatus
	init   bool
	ends   int
}

// caseOf is one container of a pod. Whatever restarts all containers of the pod has ended as often as they were restarted.
func caseOf(s *survey, p *corev1.Pod, status *corev1.ContainerStatus, init bool, together int) containerCase {
	c := containerCase{p, status, init, fact.OwnEnds(status, init, together)}
	if c.restartsAll() {
		c.ends = 1 + s.togetherUnsettled(p, together)
	}
	return c
}

// explainContainers finds the deepest cause among the containers of a pod.
func explainContainers(s *survey, at *site, p *corev1.Pod) *finding {
	var found *finding
	var all []*finding
	consider := func(c containerCase) {
		f := explainContainer(s, at, c)
		if f == nil {
			return
		}
		f.container = c.status.Name
		if all = append(all, f); found == nil || f.leads(found) < 0 {
			found = f
		}
	}
	together := fact.RestartsTogether(p)
	for i := range p.Status.InitContainerStatuses {
		status := &p.Status.InitContainerStatuses[i]
		init := !fact.IsSidecar(p, status.Name)
		if init && status.State.Terminated != nil && status.State.Terminated.ExitCode == 0 {
			continue // it has done its work, however often it had to try
		}
		consider(caseOf(s, p, status, init, together))
	}
	for i := range p.Status.ContainerStatuses {
		consider(caseOf(s, p, &p.Status.ContainerStatuses[i], false, together))
	}
	if f := restartedTogether(s, at, p, together); f != nil && (found == nil || f.leads(found) < 0) {
		found = f
	}
	if found != nil {
		found.pod = p.Name
		found.addImages(all)
	}
	return found
}

// explainContainer finds the cause of one container's trouble. What the kernel killed for its memory may wait for another
// reason by now: of the two the one that leads is the cause.
func explainContainer(s *survey, at *site, c containerCase) *finding {
	killed := outOfMemory(s, at, c)
	for _, of := range waitingCauses {
		if f := of(s, at, c); f != nil && killed != nil {
			return lead(killed, f)
		} else if f != nil {
			return f
		}
	}
	if killed != nil {
		return killed
	}
	if f := probeKills(s, at, c); f != nil {
		return f
	}
	if f := crashLoop(s, at, c); f != nil {
		return f
	}
	return unseenEnd(s, at, c)
}

// waiting is what a container waits for; "" if it does not.
func (c containerCase) waiting() (reason, message string) {
	if w := c.status.State.Waiting; w != nil {
		return w.Reason, w.Message
	}
	return "", ""
}

// lastEnd is how the container last ended, nil if it never did.
func (c containerCase) lastEnd() *corev1.ContainerStateTerminated {
	if c.ends == 0 {
		return nil
	}
	end := cmp.Or(c.status.State.Terminated, c.status.LastTerminationState.Terminated)
	if end != nil && end.Reason == fact.RestartingAll {
		return nil // how it ended itself is not told any more
	}
	return end
}

// kind is what a container is called in a sentence.
func (c containerCase) kind() string {
	if c.init {
		return "init container " + c.status.Name
	}
	return "container " + c.status.Name
}

// image is what the container was asked to run.
func (c containerCase) image() string {
	if spec := fact.ContainerOf(c.pod, c.status.Name); spec != nil {
		return spec.Image
	}
	return c.status.Image
}

// mayHaveBegun is when a symptom that carries no time can have begun, where no earlier look can tell: in a dump the pod's own
// condition must do.
func mayHaveBegun(s *survey, p *corev1.Pod) time.Time {
	if c := fact.PodCondition(p, corev1.PodReady); s.offline() && c != nil && c.Status != corev1.ConditionTrue {
		return c.LastTransitionTime.Time
	}
	return time.Time{}
}

// rolling reports whether the DaemonSet controller replaces old pods by itself.
func rolling(s *survey) bool {
	return !s.target.OnDelete && s.live.Spec.UpdateStrategy.Type != appsv1.OnDeleteDaemonSetStrategyType
}

// isOver reports whether a container has ended and nothing starts it again. An init container that exits 0 has done its
// work.
func (c containerCase) isOver() bool {
	end := c.status.State.Terminated
	if end == nil || end.Reason == fact.RestartingAll || c.init && end.ExitCode == 0 {
		return false
	}
	return !fact.Restarts(fact.ContainerOf(c.pod, c.status.Name), end.ExitCode)
}

// restartsAll reports whether a container has just ended in a way that restarts all containers of its pod.
func (c containerCase) restartsAll() bool {
	end, spec := c.status.State.Terminated, fact.ContainerOf(c.pod, c.status.Name)
	if end == nil || end.Reason == fact.RestartingAll || spec == nil {
		return false
	}
	rule := fact.RuleFor(spec, end.ExitCode)
	return rule != nil && rule.Action == corev1.ContainerRestartRuleActionRestartAllContainers
}
