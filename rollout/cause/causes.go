// Package cause finds out why a node has not settled. Each cause is a function that gets a survey and returns a finding
// or nil; the lists in this file say which are looked for, in order. It reads the survey. What the next look is to know
// it hands to the survey's Remember methods, and LookForEndings, LookForRefusals and LookForRejections note what Events
// say before the causes are asked. It is pure: what it reads is a field of the survey, and so is the time.
package cause

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
)

// podCauses are causes of an updated pod on its node whose containers tell none. The first that holds is the cause.
var podCauses = []func(*survey.Survey, *survey.Site, *corev1.Pod) *survey.Finding{
	unprepared, endedBefore, neverPasses, notReady, rejectedBefore, clockSkew, besideLeaving, starting,
}

// waitingCauses are causes of a container that waits to be started. The first that holds is the cause.
var waitingCauses = []func(*survey.Survey, *survey.Site, survey.ContainerCase) *survey.Finding{invalidImage, imagePull,
	hookFails, configError}

// ExplainSite finds the cause of one node's trouble.
func ExplainSite(s *survey.Survey, at *survey.Site) *survey.Finding {
	switch {
	case at.State == rollout.IsLost:
		return nodeLost(s, at)
	case !at.Down.IsZero():
		return nil // what stands on a node that is down says nothing
	case at.Updated != nil:
		return explainPod(s, at, at.Updated)
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
func explainPod(s *survey.Survey, at *survey.Site, p *corev1.Pod) *survey.Finding {
	if f := unscheduled(s, at, p); f != nil {
		return f
	}
	if f := explainContainers(s, at, p); f != nil {
		return f
	}
	for _, of := range podCauses {
		if f := of(s, at, p); f != nil {
			f.Pod = p.Name
			return f
		}
	}
	return nil
}

// caseOf is one container of a pod. Whatever restarts all containers of the pod has ended as often as they were
// restarted.
func caseOf(s *survey.Survey, p *corev1.Pod, status *corev1.ContainerStatus, init bool,
	together int) survey.ContainerCase {
	c := survey.ContainerCase{Pod: p, Status: status, Init: init, Ends: fact.OwnEnds(status, init, together)}
	if c.RestartsAll() {
		c.Ends = 1 + s.TogetherUnsettled(p, together)
	}
	return c
}

// explainContainers finds the deepest cause among the containers of a pod.
func explainContainers(s *survey.Survey, at *survey.Site, p *corev1.Pod) *survey.Finding {
	var found *survey.Finding
	var all []*survey.Finding
	consider := func(c survey.ContainerCase) {
		f := explainContainer(s, at, c)
		if f == nil {
			return
		}
		f.Container = c.Status.Name
		if all = append(all, f); found == nil || f.Leads(found) < 0 {
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
	if f := restartedTogether(s, at, p, together); f != nil && (found == nil || f.Leads(found) < 0) {
		found = f
	}
	if found != nil {
		found.Pod = p.Name
		found.AddImages(all)
	}
	return found
}

// explainContainer finds the cause of one container's trouble. What the kernel killed for its memory may wait for
// another reason by now: of the two the one that leads is the cause.
func explainContainer(s *survey.Survey, at *survey.Site, c survey.ContainerCase) *survey.Finding {
	killed := outOfMemory(s, at, c)
	for _, of := range waitingCauses {
		if f := of(s, at, c); f != nil && killed != nil {
			return survey.Lead(killed, f)
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

// mayHaveBegun is when a symptom that carries no time can have begun, where no earlier look can tell: in a dump the
// pod's own condition must do.
func mayHaveBegun(s *survey.Survey, p *corev1.Pod) time.Time {
	if c := fact.PodCondition(p, corev1.PodReady); s.Offline() && c != nil && c.Status != corev1.ConditionTrue {
		return c.LastTransitionTime.Time
	}
	return time.Time{}
}

// rolling reports whether the DaemonSet controller replaces old pods by itself.
func rolling(s *survey.Survey) bool {
	return !s.Target.OnDelete && s.Live.Spec.UpdateStrategy.Type != appsv1.OnDeleteDaemonSetStrategyType
}
