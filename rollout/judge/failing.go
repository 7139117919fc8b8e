package judge

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/cause"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
)

// failsAfter is how long after its start a pod that was never Ready has shown that its node is sick, without a cause.
const failsAfter = 5 * time.Minute

// FailingBefore are the nodes that are sick before a commit is applied: those whose pod of the template that last
// completed, by its hash (Memory.Hash), shows a cause that has ripened, or was not Ready for five minutes after it
// started. A pod that is merely starting, restarting or young says nothing of its node. The longest sick come first,
// which are let off first (see letOff). At most 100.
func FailingBefore(l rollout.Look, completed string, o rollout.Options) []rollout.FailingNode {
	if l.DaemonSet == nil || completed == "" {
		return nil
	}
	s := survey.New(nil, l, rollout.Target{}, rollout.Memory{}, o)
	s.Revision = fact.Revision{Hash: completed}
	visit(s)
	cause.LookForRefusals(s)
	cause.LookForRejections(s)
	var list []rollout.FailingNode
	for i := range s.Sites {
		if at := &s.Sites[i]; at.State == rollout.IsUpdated {
			if n, sick := sickness(s, at); sick {
				list = append(list, n)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b rollout.FailingNode) int { return a.Since.Compare(b.Since) })
	return list[:min(len(list), survey.MaxRemembered)]
}

// sickness is what a node's pod shows that has not settled, if it has lasted for long enough to be the node's.
func sickness(s *survey.Survey, at *survey.Site) (n rollout.FailingNode, sick bool) {
	if !at.Down.IsZero() {
		return n, false // what stands on a node that is down says nothing
	}
	f := cause.ExplainSite(s, at)
	n = rollout.FailingNode{Node: at.Name}
	if f != nil && f.Code != rollout.Starting {
		n.Cause, n.Evidence, n.Since = f.Code, f.Evidence(), f.Since
		if f.Final && !isUndated(at.Updated) {
			return n, true
		}
	}
	from, unready := unreadySince(at.Updated)
	if !unready || !s.Reached(from.Add(failsAfter)) {
		return n, false
	}
	if n.Since.IsZero() {
		n.Since = from
	}
	return n, true
}

// isUndated reports whether the last end of one of a pod's containers is not dated: the kubelet lost sight of it, as it
// does when its node reboots. How often it ended says nothing then.
func isUndated(p *corev1.Pod) bool {
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for i := range list {
			for _, end := range []*corev1.ContainerStateTerminated{list[i].State.Terminated,
				list[i].LastTerminationState.Terminated} {
				if end != nil && end.StartedAt.Unix() <= 0 {
					return true
				}
			}
		}
	}
	return false
}

// unreadySince is since when a pod has not been Ready although it could be: since it started, on top of the time that
// its startup probes give it.
func unreadySince(p *corev1.Pod) (since time.Time, unready bool) {
	c := fact.PodCondition(p, corev1.PodReady)
	if c != nil && c.Status == corev1.ConditionTrue {
		return time.Time{}, false
	}
	since = p.CreationTimestamp.Time
	if p.Status.StartTime != nil {
		since = fact.Latest(since, p.Status.StartTime.Time)
	}
	if c != nil {
		since = fact.Latest(since, c.LastTransitionTime.Time.Add(fact.ClockLag(p)))
	}
	var budget int64
	for _, list := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range list {
			budget += fact.StartupSeconds(&list[i])
		}
	}
	return since.Add(time.Duration(budget) * time.Second), true
}

// StillFailing are those of the nodes that were sick before an earlier commit, which did not complete, that are so
// before the next one: not those that its judgement found to be well, or broken by it, nor those that have a Ready pod
// now.
func StillFailing(list []rollout.FailingNode, m rollout.Memory, l rollout.Look) []rollout.FailingNode {
	ready, known := map[string]bool{}, map[string]bool{}
	for _, p := range l.Pods {
		if l.DaemonSet != nil && fact.Owns(l.DaemonSet, p) && fact.IsReady(p) {
			ready[fact.TargetNode(p)] = true
		}
	}
	for _, n := range l.Nodes {
		known[n.Name] = true
	}
	var still []rollout.FailingNode
	for _, n := range list {
		if known[n.Node] && !ready[n.Node] && !slices.Contains(m.Counted, n.Node) {
			still = append(still, n)
		}
	}
	return still
}

// HasNodes reports whether the DaemonSet of a look is meant for some node, or has a pod on one.
func HasNodes(l rollout.Look) bool {
	if l.DaemonSet == nil {
		return false
	}
	if slices.ContainsFunc(l.Pods, func(p *corev1.Pod) bool { return fact.Owns(l.DaemonSet, p) }) {
		return true
	}
	w := fact.EligibilityOf(&l.DaemonSet.Spec.Template)
	return slices.ContainsFunc(l.Nodes, func(n *corev1.Node) bool { return w.Refuses(n) == "" })
}
