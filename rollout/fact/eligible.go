package fact

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"

	"github.com/daemongate/daemongate/rollout/words"
)

// Eligibility is which nodes a template is meant for: the DaemonSet controller's own rule (kubernetes
// pkg/controller/daemon, nodeShouldRunDaemonPod), read once per look.
type Eligibility struct {
	nodeName    string
	affinity    nodeaffinity.RequiredNodeAffinity
	tolerations []corev1.Toleration
}

// EligibilityOf reads which nodes a template is meant for.
func EligibilityOf(t *corev1.PodTemplateSpec) Eligibility {
	return Eligibility{
		nodeName:    t.Spec.NodeName,
		affinity:    nodeaffinity.NewRequiredNodeAffinity(t.Spec.NodeSelector, t.Spec.Affinity),
		tolerations: append(controllersTolerations(t.Spec.HostNetwork), t.Spec.Tolerations...),
	}
}

// controllersTolerations are those that the controller adds to every pod (pkg/controller/daemon/util,
// AddOrUpdateDaemonPodTolerations).
func controllersTolerations(hostNetwork bool) []corev1.Toleration {
	tolerate := func(key string, effect corev1.TaintEffect) corev1.Toleration {
		return corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: effect}
	}
	list := []corev1.Toleration{
		tolerate(corev1.TaintNodeNotReady, corev1.TaintEffectNoExecute),
		tolerate(corev1.TaintNodeUnreachable, corev1.TaintEffectNoExecute),
		tolerate(corev1.TaintNodeDiskPressure, corev1.TaintEffectNoSchedule),
		tolerate(corev1.TaintNodeMemoryPressure, corev1.TaintEffectNoSchedule),
		tolerate(corev1.TaintNodePIDPressure, corev1.TaintEffectNoSchedule),
		tolerate(corev1.TaintNodeUnschedulable, corev1.TaintEffectNoSchedule),
	}
	if hostNetwork {
		list = append(list, tolerate(corev1.TaintNodeNetworkUnavailable, corev1.TaintEffectNoSchedule))
	}
	return list
}

// Refuses says why a node is not meant; "" if it is. Taints that say nothing but that a node is not ready are ignored:
// a node that comes back is meant again.
func (w Eligibility) Refuses(n *corev1.Node) (why string) {
	if w.nodeName != "" && w.nodeName != n.Name {
		return "the template names node " + w.nodeName
	}
	if match, err := w.affinity.Match(n); err != nil {
		return "its node affinity cannot be read: " + err.Error()
	} else if !match {
		return "nodeSelector or required node affinity does not match its labels"
	}
	for i := range n.Spec.Taints {
		taint := &n.Spec.Taints[i]
		if !saysNotReady(taint) && !w.tolerates(taint) {
			return fmt.Sprintf("taint %s is not tolerated", taint.ToString())
		}
	}
	return ""
}

// Shunned reports whether the controller counts a meant node out for not being ready.
func (w Eligibility) Shunned(n *corev1.Node) bool {
	for i := range n.Spec.Taints {
		if taint := &n.Spec.Taints[i]; saysNotReady(taint) && !w.tolerates(taint) {
			return true
		}
	}
	return false
}

// tolerates reports whether a taint keeps no pod of the template away.
func (w Eligibility) tolerates(taint *corev1.Taint) bool {
	return taint.Effect == corev1.TaintEffectPreferNoSchedule ||
		schedulingv1.TolerationsTolerateTaint(logr.Discard(), w.tolerations, taint, true)
}

func saysNotReady(t *corev1.Taint) bool {
	return t.Key == corev1.TaintNodeNotReady || t.Key == corev1.TaintNodeUnreachable
}

// NotReadySince says whether a node is not ready, or so tainted, and since when: now, if its clock is ahead. A taint
// without a time stands since the node's creation.
func NotReadySince(n *corev1.Node, now time.Time) (since time.Time, notReady bool) {
	earliest := func(t time.Time) {
		if t.After(now) {
			t = now
		}
		if !notReady || t.Before(since) {
			since = t
		}
		notReady = true
	}
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
			earliest(c.LastTransitionTime.Time)
		}
	}
	if notReady {
		return since, true // the condition is what the taints follow
	}
	for i := range n.Spec.Taints {
		t := &n.Spec.Taints[i]
		switch {
		case !saysNotReady(t):
		case t.TimeAdded == nil:
			earliest(n.CreationTimestamp.Time)
		default:
			earliest(t.TimeAdded.Time)
		}
	}
	return since, notReady
}

// NotReadyWhy is what a node, or the cluster, says of its not being ready; "" if it is.
func NotReadyWhy(n *corev1.Node) string {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
			if why := strings.TrimSuffix(strings.TrimSpace(c.Message), "."); why != "" {
				return words.Clip(why, 160)
			}
			return c.Reason
		}
	}
	for i := range n.Spec.Taints {
		if saysNotReady(&n.Spec.Taints[i]) {
			return "tainted " + n.Spec.Taints[i].Key
		}
	}
	return ""
}
