package plan

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/daemongate/daemongate/rollout"
)

// unweighable says why a quota cannot be weighed; "" if it can.
func (w *weighing) unweighable(q *corev1.ResourceQuota) string {
	for _, s := range scopesOf(q) {
		if _, known := scopes[s.ScopeName]; !known {
			return fmt.Sprintf("it counts pods by scope %s, of which nothing is known", s.ScopeName)
		}
		if s.ScopeName == corev1.ResourceQuotaScopePriorityClass && w.in.Pod == nil &&
			w.pod.Spec.PriorityClassName == "" && w.in.lacks(KindClasses) {
			return "it counts pods by their PriorityClass, and the one that pods get by default is not known"
		}
	}
	if len(q.Spec.Hard) > 0 && len(q.Status.Hard) == 0 {
		return "how much of it is used has not been counted yet"
	}
	return ""
}

// quotasNotWeighed names the quotas that may keep pods from being made and were not weighed.
func (w *weighing) quotasNotWeighed() []string {
	if w.in.lacks(rollout.KindQuotas) {
		return []string{"ResourceQuotas of the namespace: they could not be read"}
	}
	var list []string
	for _, q := range w.in.Quotas {
		switch why := w.unweighable(q); {
		case why != "":
			list = append(list, fmt.Sprintf("ResourceQuota %s: %s", q.Name, why))
		case w.in.lacks(rollout.KindPods):
			list = append(list, fmt.Sprintf("ResourceQuota %s: how many pods go first is not known", q.Name))
		}
	}
	return list
}

// scopesOf are the conditions under which a quota counts a pod. All of them must hold.
func scopesOf(q *corev1.ResourceQuota) []corev1.ScopedResourceSelectorRequirement {
	var list []corev1.ScopedResourceSelectorRequirement
	for _, name := range q.Spec.Scopes {
		list = append(list, corev1.ScopedResourceSelectorRequirement{ScopeName: name,
			Operator: corev1.ScopeSelectorOpExists})
	}
	if q.Spec.ScopeSelector != nil {
		list = append(list, q.Spec.ScopeSelector.MatchExpressions...)
	}
	return list
}

// takesIn reports whether a quota counts a pod.
func takesIn(q *corev1.ResourceQuota, p *corev1.Pod) bool {
	for _, s := range scopesOf(q) {
		if is := scopes[s.ScopeName]; is == nil || !is(p, s) {
			return false
		}
	}
	return true
}

// scopes say whether a pod is in a scope, as the API server tells (kubernetes pkg/quota/v1/evaluator/core/pods.go,
// podMatchesScopeFunc).
var scopes = map[corev1.ResourceQuotaScope]func(*corev1.Pod, corev1.ScopedResourceSelectorRequirement) bool{
	corev1.ResourceQuotaScopeTerminating:               isTerminating,
	corev1.ResourceQuotaScopeNotTerminating:            not(isTerminating),
	corev1.ResourceQuotaScopeBestEffort:                isBestEffort,
	corev1.ResourceQuotaScopeNotBestEffort:             not(isBestEffort),
	corev1.ResourceQuotaScopePriorityClass:             isOfClass,
	corev1.ResourceQuotaScopeCrossNamespacePodAffinity: reachesOut,
	corev1.ResourceQuotaScopeVolumeAttributesClass: func(*corev1.Pod, corev1.ScopedResourceSelectorRequirement) bool {
		return false // it is of claims
	},
}

func not(is func(*corev1.Pod, corev1.ScopedResourceSelectorRequirement) bool) func(*corev1.Pod,
	corev1.ScopedResourceSelectorRequirement) bool {
	return func(p *corev1.Pod, s corev1.ScopedResourceSelectorRequirement) bool { return !is(p, s) }
}

func isTerminating(p *corev1.Pod, _ corev1.ScopedResourceSelectorRequirement) bool {
	return p.Spec.ActiveDeadlineSeconds != nil && *p.Spec.ActiveDeadlineSeconds >= 0
}

// isBestEffort reports whether nothing of a pod asks for cpu or memory, or is limited in them.
func isBestEffort(p *corev1.Pod, _ corev1.ScopedResourceSelectorRequirement) bool {
	asks := func(r *corev1.ResourceRequirements) bool {
		return r != nil && slices.ContainsFunc([]corev1.ResourceList{r.Requests, r.Limits},
			func(l corev1.ResourceList) bool { return !l.Cpu().IsZero() || !l.Memory().IsZero() })
	}
	any := func(c corev1.Container) bool { return asks(&c.Resources) }
	return !asks(p.Spec.Resources) && !slices.ContainsFunc(p.Spec.InitContainers, any) &&
		!slices.ContainsFunc(p.Spec.Containers, any)
}

func isOfClass(p *corev1.Pod, s corev1.ScopedResourceSelectorRequirement) bool {
	class := labels.Set{}
	if p.Spec.PriorityClassName != "" {
		class[string(s.ScopeName)] = p.Spec.PriorityClassName
	}
	operator := map[corev1.ScopeSelectorOperator]selection.Operator{
		corev1.ScopeSelectorOpIn: selection.In, corev1.ScopeSelectorOpNotIn: selection.NotIn,
		corev1.ScopeSelectorOpExists: selection.Exists, corev1.ScopeSelectorOpDoesNotExist: selection.DoesNotExist,
	}[s.Operator]
	r, err := labels.NewRequirement(string(s.ScopeName), operator, s.Values)
	return err == nil && r.Matches(class)
}

// reachesOut reports whether a pod's affinity names pods of other namespaces.
func reachesOut(p *corev1.Pod, _ corev1.ScopedResourceSelectorRequirement) bool {
	a := p.Spec.Affinity
	if a == nil {
		return false
	}
	var terms []corev1.PodAffinityTerm
	if a.PodAffinity != nil {
		terms = append(terms, a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution...)
		terms = append(terms, preferred(a.PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution)...)
	}
	if a.PodAntiAffinity != nil {
		terms = append(terms, a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution...)
		terms = append(terms, preferred(a.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution)...)
	}
	return slices.ContainsFunc(terms, func(t corev1.PodAffinityTerm) bool {
		return len(t.Namespaces) > 0 || t.NamespaceSelector != nil
	})
}

func preferred(list []corev1.WeightedPodAffinityTerm) []corev1.PodAffinityTerm {
	var terms []corev1.PodAffinityTerm
	for _, t := range list {
		terms = append(terms, t.PodAffinityTerm)
	}
	return terms
}
