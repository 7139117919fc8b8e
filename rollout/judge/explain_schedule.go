package judge

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/words"
)

// unscheduled is an updated pod that is not on its node yet and does not get there.
func unscheduled(s *survey, at *site, p *corev1.Pod) *finding {
	if p.Spec.NodeName != "" {
		return nil
	}
	c := fact.PodCondition(p, corev1.PodScheduled)
	var f *finding
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
	f.pod = p.Name
	return s.ripen(f)
}

// notScheduled is a pod that no scheduler has looked at, or that is held back from it.
func notScheduled(s *survey, at *site, p *corev1.Pod, c *corev1.PodCondition) *finding {
	f := &finding{code: rollout.NotScheduled, since: s.since(rollout.NotScheduled, at.name, false, p.CreationTimestamp.Time)}
	if c != nil {
		var gates []string
		for _, g := range p.Spec.SchedulingGates {
			gates = append(gates, g.Name)
		}
		f.key = "gated"
		f.message = "the pod is held back from scheduling by its scheduling gates: " + strings.Join(gates, ", ")
		f.remedy = "Whoever set the gates must remove them, or leave them out of the template."
		return f
	}
	if waits := unclaimed(s, at, p); waits != nil {
		return waits
	}
	scheduler := schedulerOf(p)
	f.message = fmt.Sprintf("scheduler %s has not looked at the pod", scheduler)
	f.remedy = fmt.Sprintf("See whether a scheduler of the name %s runs: `kubectl -n kube-system get pods,leases | grep scheduler`.", scheduler)
	if scheduler != corev1.DefaultSchedulerName {
		f.about = "scheduler " + scheduler
		f.remedy = fmt.Sprintf("The template in Git asks for it by schedulerName: take that out, %s places a DaemonSet's pods as well, or see "+
			"whether a scheduler of that name runs: `kubectl get pods -A | grep %s`.", corev1.DefaultSchedulerName, scheduler)
	}
	return f
}

// unschedulable is a pod that its node has no room for, or that it may not have.
func unschedulable(s *survey, at *site, p *corev1.Pod, c *corev1.PodCondition) *finding {
	reasons := schedulerReasons(c.Message)
	f := &finding{
		code: rollout.Unschedulable, key: strings.Join(reasons, ", "), since: s.since(rollout.Unschedulable, at.name, false, unscheduledSince(s, at, c)),
	}
	f.about = f.key
	if unmetClaim(s, f, p) || unmetClass(s, f) {
		return f
	}
	measure(s, f, at, p, reasons)
	keptOff, isKeptOff := keptOffFor(f.key)
	f.message = "the scheduler finds no room for the pod on its node: " + f.key
	if isKeptOff && len(f.shortfalls) == 0 {
		f.message = "the scheduler may not place the pod on its node: " + f.key
	} else if len(f.shortfalls) == 0 && !lacksRoom(f.key) {
		f.message = "the scheduler does not place the pod on its node: " + f.key
	}
	room := fmt.Sprintf("`kubectl describe node %s` shows what is requested of it.", at.name)
	switch {
	case strings.Contains(f.key, noFreePorts) && surges(s):
		f.message += "; with maxSurge the old pod holds the host port until the new one is ready, so neither can ever give way"
		f.remedy = "Use maxUnavailable in place of maxSurge for a DaemonSet with host ports."
		f.relief = nil
	case strings.Contains(f.key, noFreePorts):
		f.remedy = portRemedy(s, at, p) + room
	case len(f.shortfalls) > 0:
		f.remedy = "Ask for less in Git, or make room: move pods that are not a DaemonSet's off the node, raise the DaemonSet's " +
			"priorityClassName so that the scheduler preempts them, or leave such nodes out. " + room
	case isKeptOff:
		f.remedy = keptOff + fmt.Sprintf("Details: `kubectl -n %s describe pod %s`, `kubectl describe node %s`.", s.live.Namespace, p.Name, at.name)
	case strings.Contains(f.key, "volume"):
		f.remedy = fmt.Sprintf("The pod's volume cannot be used on that node: `kubectl -n %s describe pod %s`.", s.live.Namespace, p.Name)
	default:
		f.remedy = fmt.Sprintf("Details: `kubectl -n %s describe pod %s`. %s", s.live.Namespace, p.Name, room)
	}
	return f
}

// lacksRoom reports whether the scheduler says of a node that something of it is used up.
func lacksRoom(reasons string) bool {
	for _, says := range []string{"Insufficient ", tooManyPods, noFreePorts, "exceed max volume count"} {
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

// surges reports whether new pods come beside the old ones.
func surges(s *survey) bool {
	r := s.live.Spec.UpdateStrategy.RollingUpdate
	return r != nil && r.MaxSurge != nil && r.MaxSurge.String() != "0" && r.MaxSurge.String() != "0%"
}
