package cause

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/room"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// unscheduled is an updated pod that is not on its node yet and does not get there.
func unscheduled(s *survey.Survey, at *survey.Site, p *corev1.Pod) *survey.Finding {
	if p.Spec.NodeName != "" {
		return nil
	}
	c := fact.PodCondition(p, corev1.PodScheduled)
	var f *survey.Finding
	switch {
	case c == nil || c.Reason == corev1.PodReasonSchedulingGated:
		f = notScheduled(s, at, p, c)
	case c.Status != corev1.ConditionFalse:
		return nil
	case p.Status.NominatedNodeName != "":
		return nil // others are being preempted for it
	default:
		f = unschedulable(s, at, p, c)
	}
	f.Pod = p.Name
	return s.Ripen(f)
}

// notScheduled is a pod that no scheduler has looked at, or that is held back from it.
func notScheduled(s *survey.Survey, at *survey.Site, p *corev1.Pod, c *corev1.PodCondition) *survey.Finding {
	f := &survey.Finding{Code: rollout.NotScheduled, Since: s.Since(rollout.NotScheduled, at.Name, false,
		p.CreationTimestamp.Time)}
	if c != nil {
		var gates []string
		for _, g := range p.Spec.SchedulingGates {
			gates = append(gates, g.Name)
		}
		f.Key = "gated"
		f.Message = "the pod is held back from scheduling by its scheduling gates: " + strings.Join(gates, ", ")
		f.Remedy = "Whoever set the gates must remove them, or leave them out of the template."
		return f
	}
	if waits := unclaimed(s, at, p); waits != nil {
		return waits
	}
	scheduler := schedulerOf(p)
	f.Message = fmt.Sprintf("scheduler %s has not looked at the pod", scheduler)
	f.Remedy = fmt.Sprintf("See whether a scheduler of the name %s runs: `kubectl -n kube-system get pods,leases | "+
		"grep scheduler`.", scheduler)
	if scheduler != corev1.DefaultSchedulerName {
		f.About = "scheduler " + scheduler
		f.Remedy = fmt.Sprintf("The template in Git asks for it by schedulerName: take that out, %s places a "+
			"DaemonSet's pods as well, or see whether a scheduler of that name runs: `kubectl get pods -A | grep %s`.",
			corev1.DefaultSchedulerName, scheduler)
	}
	return f
}

// unschedulable is a pod that its node has no room for, or that it may not have.
func unschedulable(s *survey.Survey, at *survey.Site, p *corev1.Pod, c *corev1.PodCondition) *survey.Finding {
	reasons := schedulerReasons(c.Message)
	f := &survey.Finding{
		Code: rollout.Unschedulable, Key: strings.Join(reasons, ", "), Since: s.Since(rollout.Unschedulable, at.Name,
			false, unscheduledSince(s, at, c)),
	}
	f.About = f.Key
	if unmetClaim(s, f, p) || unmetClass(s, f) {
		return f
	}
	measure(s, f, at, p, reasons)
	keptOff, isKeptOff := keptOffFor(f.Key)
	f.Message = "the scheduler finds no room for the pod on its node: " + f.Key
	if isKeptOff && len(f.Shortfalls) == 0 {
		f.Message = "the scheduler may not place the pod on its node: " + f.Key
	} else if len(f.Shortfalls) == 0 && !lacksRoom(f.Key) {
		f.Message = "the scheduler does not place the pod on its node: " + f.Key
	}
	described := fmt.Sprintf("`kubectl describe node %s` shows what is requested of it.", at.Name)
	switch {
	case strings.Contains(f.Key, room.NoFreePorts) && Surges(s):
		f.Message += "; with maxSurge the old pod holds the host port until the new one is ready, so neither can " +
			"ever give way"
		f.Remedy = "Use maxUnavailable in place of maxSurge for a DaemonSet with host ports."
		f.Relief = nil
	case strings.Contains(f.Key, room.NoFreePorts):
		f.Remedy = portRemedy(s, at, p) + described
	case len(f.Shortfalls) > 0:
		f.Remedy = "Ask for less in Git, or make room: move pods that are not a DaemonSet's off the node, raise the " +
			"DaemonSet's priorityClassName so that the scheduler preempts them, or leave such nodes out. " + described
	case isKeptOff:
		f.Remedy = keptOff + fmt.Sprintf("Details: `kubectl -n %s describe pod %s`, `kubectl describe node %s`.",
			s.Live.Namespace, p.Name, at.Name)
	case strings.Contains(f.Key, "volume"):
		f.Remedy = fmt.Sprintf("The pod's volume cannot be used on that node: `kubectl -n %s describe pod %s`.",
			s.Live.Namespace, p.Name)
	default:
		f.Remedy = fmt.Sprintf("Details: `kubectl -n %s describe pod %s`. %s", s.Live.Namespace, p.Name, described)
	}
	return f
}

// lacksRoom reports whether the scheduler says of a node that something of it is used up.
func lacksRoom(reasons string) bool {
	for _, says := range []string{"Insufficient ", room.TooManyPods, room.NoFreePorts, "exceed max volume count"} {
		if strings.Contains(reasons, says) {
			return true
		}
	}
	return false
}

// schedulerReasons are what the scheduler holds against the pod's own node, of "0/3 nodes are available: 1 Insufficient
// cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. preemption: …": that the other nodes are not its node is no
// reason.
func schedulerReasons(message string) []string {
	_, text, found := strings.Cut(message, "available: ")
	if !found {
		return []string{words.Clip(message, 200)}
	}
	text, _, _ = strings.Cut(text, " preemption: ")
	var own, all []string
	for _, part := range strings.Split(strings.TrimSuffix(strings.TrimSpace(text), "."), ", ") {
		count, reason, counted := strings.Cut(part, " ")
		if !counted || strings.Trim(count, "0123456789") != "" {
			reason = part
		}
		all = append(all, reason)
		if !strings.Contains(reason, "NodeAffinity") && !strings.Contains(reason, "node affinity/selector") {
			own = append(own, reason)
		}
	}
	if len(own) == 0 {
		own = all
	}
	slices.Sort(own)
	return slices.Compact(own)
}

// Surges reports whether new pods come beside the old ones.
func Surges(s *survey.Survey) bool {
	r := s.Live.Spec.UpdateStrategy.RollingUpdate
	return r != nil && r.MaxSurge != nil && r.MaxSurge.String() != "0" && r.MaxSurge.String() != "0%"
}

// unscheduledSince is since when a pod is known to be unscheduled; zero for one that waited for a predecessor at first:
// that time does not count.
func unscheduledSince(s *survey.Survey, at *survey.Site, c *corev1.PodCondition) time.Time {
	if s.GivenUp(at.Name) {
		return time.Time{}
	}
	return c.LastTransitionTime.Time
}
