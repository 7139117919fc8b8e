package ahead

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/room"
)

// lowest is the pod of a holder that is preempted first: nil if it has none on a node.
func lowest(h rollout.Holder) *corev1.Pod {
	var low *corev1.Pod
	for _, p := range h.Pods {
		if p.Spec.NodeName != "" && !fact.IsOver(p) && fact.Owns(h.DaemonSet, p) &&
			(low == nil || room.PriorityOf(p) < room.PriorityOf(low)) {
			low = p
		}
	}
	return low
}

// LookAheadPreemption says why a DaemonSet must not take over from another one with the priority that it has: the
// scheduler would preempt the old pods for the new ones on all nodes at once. It is nil if that cannot happen. It is
// pure.
func LookAheadPreemption(old rollout.Holder, next *appsv1.DaemonSet,
	classes []*schedulingv1.PriorityClass) *rollout.Cause {
	r, known := fact.RankOf(&next.Spec.Template.Spec, classes)
	low := lowest(old)
	if !known || !r.Preempts || low == nil || r.Value <= room.PriorityOf(low) {
		return nil
	}
	like := "none"
	if name := low.Spec.PriorityClassName; name != "" {
		like = name
	}
	by := ""
	if r.Class != "" {
		by = ", by PriorityClass " + r.Class
	}
	d := old.DaemonSet
	return &rollout.Cause{
		Code: rollout.Unschedulable, Final: true,
		About: fmt.Sprintf("it replaces DaemonSet %s/%s and has a higher priority, so that the scheduler would "+
			"preempt that one's pods on all nodes at once",
			d.Namespace, d.Name),
		Message: fmt.Sprintf("DaemonSet %s/%s replaces DaemonSet %s/%s and has a higher priority (%d%s) than its "+
			"pods (%d): the scheduler would preempt these on all nodes at once, and not maxUnavailable at a time",
			next.Namespace, next.Name, d.Namespace, d.Name, r.Value, by, room.PriorityOf(low)),
		Remedy: fmt.Sprintf("Give DaemonSet %s/%s the priorityClassName of the old one (%s) for the commit with %s, "+
			"or a class with preemptionPolicy: Never, and the other one in a commit after it.", next.Namespace,
			next.Name, like, manifests.ReplacesAnnotation),
	}
}

// NoWayBack warns of a handover that cannot be undone in the same way: the old DaemonSet would preempt the new one's
// pods.
func NoWayBack(old rollout.Holder, next *appsv1.DaemonSet, classes []*schedulingv1.PriorityClass) string {
	back, known := fact.RankOf(&old.DaemonSet.Spec.Template.Spec, classes)
	r, same := fact.RankOf(&next.Spec.Template.Spec, classes)
	if !known || !same || !back.Preempts || back.Value <= r.Value {
		return ""
	}
	return fmt.Sprintf("its priority (%d) is lower than that of DaemonSet %s/%s (%d), which it replaces: going back "+
		"would preempt its pods on all nodes at once, and is refused; give both the same priority for the handover "+
		"if that shall be possible",
		r.Value, old.DaemonSet.Namespace, old.DaemonSet.Name, back.Value)
}
