// Package ahead says what a commit would do to a DaemonSet before anything of it is written: whether it is refused,
// held or warned of, and whether two DaemonSets can stand beside each other.
package ahead

import (
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// AllowRemoval on a DaemonSet says that a commit may take it off as many of its nodes as it does.
const AllowRemoval = "daemongate.io/allow-removal"

// NoMinReady is the warning of a DaemonSet that does not wait between two nodes.
const NoMinReady = "minReadySeconds is 0: the next node follows as soon as a pod is Ready, however short it lives; " +
	"30 makes a broken agent stop by itself"

// Ahead is what a commit would do to a DaemonSet, seen before its first write.
type Ahead struct {
	// Refused is why nothing of the commit may be applied; nil if it may.
	Refused *rollout.Cause `json:"refused,omitempty"`
	// Hold says why the commit must wait until HoldUntil; "" if it need not.
	Hold      string    `json:"hold,omitempty"`
	HoldUntil time.Time `json:"holdUntil,omitzero"`
	// Warnings are worth telling whoever wrote the commit.
	Warnings []string `json:"warnings,omitempty"`
}

// LookAhead says what replacing a DaemonSet by another version of it would do (docs/design.md §5, "Before the first
// write"). The current one is nil if there is none yet; the next one is best taken from a dry run's answer, in which
// defaults are filled in. It is pure.
func LookAhead(current, next *appsv1.DaemonSet, nodes []*corev1.Node, pods []*corev1.Pod, now time.Time,
	o rollout.Options) Ahead {
	o = o.WithDefaults()
	var a Ahead
	if next.Spec.MinReadySeconds == 0 && next.Spec.UpdateStrategy.Type != appsv1.OnDeleteDaemonSetStrategyType {
		a.Warnings = append(a.Warnings, NoMinReady)
	}
	if current == nil {
		return a
	}
	a.Refused = removal(current, next, nodes, o)
	a.Hold, a.HoldUntil = youngPods(current, next, nodes, pods, now)
	return a
}

// removal refuses a commit that takes the DaemonSet off all its nodes, or off more than may be: a typo in a
// nodeSelector removes every pod at once, whatever maxUnavailable.
func removal(current, next *appsv1.DaemonSet, nodes []*corev1.Node, o rollout.Options) *rollout.Cause {
	was, will := fact.EligibilityOf(&current.Spec.Template), fact.EligibilityOf(&next.Spec.Template)
	var had, removed []string
	for _, n := range nodes {
		if was.Refuses(n) != "" {
			continue
		}
		had = append(had, n.Name)
		if will.Refuses(n) != "" {
			removed = append(removed, n.Name)
		}
	}
	if allowed, set := next.Annotations[AllowRemoval]; set && allowed != "false" || len(removed) == 0 {
		return nil
	}
	if len(removed) < len(had) && len(removed) <= rollout.Portion(o.MaxRemoved, len(had)) {
		return nil
	}
	slices.Sort(removed)
	return &rollout.Cause{
		Code: rollout.NoEligibleNodes, Nodes: removed, Final: true,
		About: fmt.Sprintf("%d of %d nodes", len(removed), len(had)),
		Message: fmt.Sprintf("the commit would take DaemonSet %s/%s off %d of its %d nodes at once, without regard "+
			"to maxUnavailable: nodeSelector, node affinity or tolerations do not fit them any more", next.Namespace,
			next.Name, len(removed), len(had)),
		Remedy: fmt.Sprintf("Correct nodeSelector, affinity or tolerations in Git (`kubectl get nodes "+
			"--show-labels`); if it is meant, annotate the DaemonSet with %s: \"true\" in the same commit.",
			AllowRemoval),
	}
}

// youngPods holds a commit that changes the template and raises minReadySeconds above the age of more old pods than may
// be unavailable: the controller judges the old pods by the new figure, and would replace them all at once.
func youngPods(current, next *appsv1.DaemonSet, nodes []*corev1.Node, pods []*corev1.Pod,
	now time.Time) (why string, until time.Time) {
	if next.Spec.MinReadySeconds <= current.Spec.MinReadySeconds ||
		next.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType ||
		equality.Semantic.DeepEqual(current.Spec.Template, next.Spec.Template) {
		return "", time.Time{}
	}
	minReady := time.Duration(next.Spec.MinReadySeconds) * time.Second
	var ripe []time.Time // when each young pod is old enough
	for _, p := range pods {
		c := fact.PodCondition(p, corev1.PodReady)
		if c == nil || c.Status != corev1.ConditionTrue || p.DeletionTimestamp != nil || !fact.Owns(current, p) {
			continue
		}
		if t := c.LastTransitionTime.Add(minReady); t.After(now) {
			ripe = append(ripe, t)
		}
	}
	may := AtATime(next, nodes)
	if len(ripe) <= may {
		return "", time.Time{}
	}
	slices.SortFunc(ripe, func(a, b time.Time) int { return a.Compare(b) })
	until = ripe[len(ripe)-may-1]
	return fmt.Sprintf("it raises minReadySeconds to %d, above the age of %d old pods, which the controller would "+
		"replace all at once; it waits until they are old enough", next.Spec.MinReadySeconds, len(ripe)), until
}

// AtATime is how many nodes a rolling update may work on at a time.
func AtATime(d *appsv1.DaemonSet, nodes []*corev1.Node) int {
	w, desired := fact.EligibilityOf(&d.Spec.Template), 0
	for _, n := range nodes {
		if w.Refuses(n) == "" {
			desired++
		}
	}
	r := d.Spec.UpdateStrategy.RollingUpdate
	if r == nil {
		return 1
	}
	most := 0
	for _, budget := range []*intstr.IntOrString{r.MaxUnavailable, r.MaxSurge} {
		if budget == nil {
			continue
		}
		if n, err := intstr.GetScaledValueFromIntOrPercent(budget, desired, true); err == nil {
			most = max(most, n)
		}
	}
	return max(1, most)
}
