package rollout

import (
	"cmp"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// explain finds out why what has not settled has not, node by node: at most one cause each, the deepest that explains it.
// A settled pod has no cause, and neither has a node that does not count, except that a late node's failing pod is
// evidence too.
func (s *survey) explain() []finding {
	s.lookForRefusals()
	s.lookForRejections()
	var findings []finding
	for i := range s.sites {
		at := &s.sites[i]
		if at.settled || !(at.counts() || at.state == IsLate) {
			continue
		}
		at.finding = s.explainSite(at)
		if at.finding == nil {
			continue
		}
		at.finding.node = at.name
		if at.finding.code != Starting && at.state != IsLost && at.state != IsLate {
			at.state = IsFailing
		}
	}
	for _, f := range s.brakedFor() {
		s.siteOf(f.node).finding = &f
	}
	for i := range s.sites {
		if f := s.sites[i].finding; f != nil {
			findings = append(findings, *f)
		}
	}
	for _, of := range []func(*survey) *finding{(*survey).noEligibleNodes, (*survey).budgetSpent} {
		if f := of(s); f != nil {
			findings = append(findings, *f)
		}
	}
	return findings
}

// explainSite finds the cause of one node's trouble.
func (s *survey) explainSite(at *site) *finding {
	switch {
	case at.state == IsLost:
		return s.nodeLost(at)
	case !at.down.IsZero():
		return nil // what stands on a node that is down says nothing
	case at.updated != nil:
		return s.explainPod(at, at.updated)
	}
	if f := s.rejected(at); f != nil {
		return f
	}
	if f := s.terminating(at); f != nil {
		return f
	}
	return s.forbidden(at)
}

// explainPod finds the cause of an updated pod's trouble, the deepest first: a pod that is not on its node yet cannot
// pull, one that cannot pull cannot crash.
func (s *survey) explainPod(at *site, p *corev1.Pod) *finding {
	if f := s.unscheduled(at, p); f != nil {
		return f
	}
	if f := s.explainContainers(at, p); f != nil {
		return f
	}
	for _, of := range []func(*site, *corev1.Pod) *finding{
		s.unprepared, s.readiness, s.rejectedBefore, s.clockSkew, s.besideLeaving, s.starting,
	} {
		if f := of(at, p); f != nil {
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

// explainContainers finds the deepest cause among the containers of a pod.
func (s *survey) explainContainers(at *site, p *corev1.Pod) *finding {
	var found *finding
	consider := func(c containerCase) {
		f := s.explainContainer(at, c)
		if f != nil {
			f.container = c.status.Name
		}
		if f != nil && (found == nil || f.leads(found) < 0) {
			found = f
		}
	}
	for i := range p.Status.InitContainerStatuses {
		status := &p.Status.InitContainerStatuses[i]
		init := !isSidecar(p, status.Name)
		if init && status.State.Terminated != nil && status.State.Terminated.ExitCode == 0 {
			continue // it has done its work, however often it had to try
		}
		consider(containerCase{p, status, init, containerEnds(status, init)})
	}
	for i := range p.Status.ContainerStatuses {
		status := &p.Status.ContainerStatuses[i]
		consider(containerCase{p, status, false, containerEnds(status, false)})
	}
	if found != nil {
		found.pod = p.Name
	}
	return found
}

// explainContainer finds the cause of one container's trouble. What the kernel killed for its memory may wait for another
// reason by now: of the two the one that leads is the cause.
func (s *survey) explainContainer(at *site, c containerCase) *finding {
	killed := s.outOfMemory(at, c)
	for _, of := range []func(*site, containerCase) *finding{s.invalidImage, s.imagePull, s.configError} {
		if f := of(at, c); f != nil && killed != nil {
			return lead(killed, f)
		} else if f != nil {
			return f
		}
	}
	if killed != nil {
		return killed
	}
	if f := s.probeKills(at, c); f != nil {
		return f
	}
	return s.crashLoop(at, c)
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
	return cmp.Or(c.status.State.Terminated, c.status.LastTerminationState.Terminated)
}

// endsUnsettled is how often the container has ended since it last settled: one that ran for long enough before its last
// end had settled by then, however often it ended in its life.
func (s *survey) endsUnsettled(c containerCase) int {
	end := c.lastEnd()
	if c.ends < 2 || end == nil || end.StartedAt.Unix() <= 0 {
		return c.ends
	}
	if end.FinishedAt.Sub(end.StartedAt.Time) >= s.options.settlesAfter(s.minReady, c.ends-1) {
		return 1
	}
	return c.ends
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
	for _, list := range [][]corev1.Container{c.pod.Spec.Containers, c.pod.Spec.InitContainers} {
		for i := range list {
			if list[i].Name == c.status.Name {
				return list[i].Image
			}
		}
	}
	return c.status.Image
}

// hint is when a symptom that carries no time can have begun, where no earlier look can tell: in a dump the pod's own
// condition must do.
func (s *survey) hint(p *corev1.Pod) time.Time {
	if c := podCondition(p, corev1.PodReady); s.offline() && c != nil && c.Status != corev1.ConditionTrue {
		return c.LastTransitionTime.Time
	}
	return time.Time{}
}

// rolling reports whether the DaemonSet controller replaces old pods by itself.
func (s *survey) rolling() bool {
	return !s.target.OnDelete && s.live.Spec.UpdateStrategy.Type != appsv1.OnDeleteDaemonSetStrategyType
}
