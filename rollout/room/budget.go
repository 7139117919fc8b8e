package room

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/daemongate/daemongate/rollout/fact"
)

// weigh says what a pod's PodDisruptionBudget allows (kubernetes pkg/registry/core/pod/storage, EvictionREST): a
// pod that is not running yet may always be evicted, one of two budgets never, one that is not Ready often.
func (c *candidate) weigh(budgets []*policyv1.PodDisruptionBudget) {
	if len(budgets) == 0 {
		return
	}
	b := budgets[0]
	var names []string
	for _, b := range budgets {
		names = append(names, b.Name)
	}
	allows := b.Status.DisruptionsAllowed
	c.told.Budget, c.told.Allows = strings.Join(names, ", "), &allows
	switch {
	case c.pod.Status.Phase == corev1.PodPending:
	case len(budgets) > 1:
		c.told.Allows = nil
		c.refuse(fmt.Sprintf("it has %d PodDisruptionBudgets, and then no eviction is allowed", len(budgets)))
	case !fact.IsReady(c.pod) && evictsUnready(b):
	case allows < 1:
		c.refuse("its PodDisruptionBudget allows none now")
	default:
		c.spends = true
		if c.harm == harmsLittle {
			c.harm = harmsNobody
		}
	}
}

// refuse notes that an eviction would be refused now.
func (c *candidate) refuse(why string) {
	c.told.Refused, c.harm = why, harmsPromises
}

// evictsUnready reports whether a budget lets pods go that are not Ready, whatever it allows.
func evictsUnready(b *policyv1.PodDisruptionBudget) bool {
	if p := b.Spec.UnhealthyPodEvictionPolicy; p != nil && *p == policyv1.AlwaysAllow {
		return true
	}
	return b.Status.DesiredHealthy > 0 && b.Status.CurrentHealthy >= b.Status.DesiredHealthy
}

// budgetsOf are the PodDisruptionBudgets that a pod is of. One without a selector is of no pod, an empty selector is of
// all.
func budgetsOf(p *corev1.Pod, all []*policyv1.PodDisruptionBudget) []*policyv1.PodDisruptionBudget {
	var list []*policyv1.PodDisruptionBudget
	for _, b := range all {
		if b.Namespace != p.Namespace {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
		if err == nil && selector.Matches(labels.Set(p.Labels)) {
			list = append(list, b)
		}
	}
	return list
}

// keepPromises marks those of the chosen pods that are more of one budget than it allows, and reports whether there are
// any: then it is to be chosen anew.
func keepPromises(chosen, all []candidate) (broken bool) {
	left := map[string]int32{}
	for i := range chosen {
		c := &chosen[i]
		if !c.spends || c.told.Refused != "" {
			continue
		}
		key := c.pod.Namespace + "/" + c.told.Budget
		if _, known := left[key]; !known {
			left[key] = *c.told.Allows
		}
		if left[key]--; left[key] >= 0 {
			continue
		}
		broken = true
		for j := range all {
			if all[j].pod == c.pod {
				all[j].refuse("its PodDisruptionBudget does not allow so many at once")
			}
		}
	}
	return broken
}
