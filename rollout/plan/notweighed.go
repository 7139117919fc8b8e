package plan

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/component-helpers/nodedeclaredfeatures/features"
	declared "k8s.io/component-helpers/nodedeclaredfeatures/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/room"
)

// notWeighed is what may keep the pod off any node although there is room for it.
func (w *weighing) notWeighed() []string {
	spec := &w.pod.Spec
	var list []string
	say := func(when bool, format string, args ...any) {
		if when {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	if a := spec.Affinity; a != nil {
		say(a.PodAffinity != nil && len(a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution) > 0,
			"required pod affinity")
		say(a.PodAntiAffinity != nil && len(a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution) > 0,
			"required pod anti-affinity")
	}
	say(slices.ContainsFunc(spec.TopologySpreadConstraints, func(c corev1.TopologySpreadConstraint) bool {
		return c.WhenUnsatisfiable == corev1.DoNotSchedule
	}), "topology spread constraints with DoNotSchedule")
	list = append(list, w.volumesNotWeighed()...)
	say(slices.ContainsFunc(spec.Volumes, isDisk), "volumes that only one pod, or only so many of a node, may use")
	say(len(spec.ResourceClaims) > 0, "resource claims (dynamic resource allocation)")
	say(len(spec.SchedulingGates) > 0, "scheduling gates: a pod waits until somebody takes them off")
	say(spec.SchedulerName != "" && spec.SchedulerName != corev1.DefaultSchedulerName,
		"scheduler %s: the rules are those of %s", spec.SchedulerName, corev1.DefaultSchedulerName)
	for _, what := range w.in.Growing {
		say(true, "room of what grows in the same commit: %s", what)
	}
	if w.in.Pod == nil {
		say(true, "what admission adds to a pod or refuses of it (LimitRange, RuntimeClass, quota, webhooks): the "+
			"template was weighed")
		_, known := fact.RankOf(spec, w.in.Classes)
		say(!known || w.in.lacks(KindClasses), "the pod's priority: PriorityClasses are not known")
	}
	if _, missing := w.in.Others.Lacks(rollout.KindBudgets); missing {
		say(true, "which pods are preempted first: PodDisruptionBudgets are not known")
	}
	return list
}

// isDisk reports whether the scheduler counts a volume that the pod names itself.
func isDisk(v corev1.Volume) bool {
	return v.AWSElasticBlockStore != nil || v.GCEPersistentDisk != nil || v.AzureDisk != nil || v.Cinder != nil ||
		v.RBD != nil || v.ISCSI != nil
}

// blockedPlaces are the places where a pod stands whose required anti-affinity may mean the pod, by the key and the
// value of the label that says what is near, with that one's name. Which labels a namespace has is not known: a term
// that selects by them may mean any.
func blockedPlaces(p *corev1.Pod, in Input) map[string]map[string]string {
	nodes := map[string]*corev1.Node{}
	for _, n := range in.Nodes {
		nodes[n.Name] = n
	}
	blocked := map[string]map[string]string{}
	for _, o := range in.Others.Pods {
		a, n := o.Spec.Affinity, nodes[o.Spec.NodeName]
		if a == nil || a.PodAntiAffinity == nil || n == nil || fact.IsOver(o) ||
			in.Current != nil && fact.Owns(in.Current, o) {
			continue
		}
		for _, term := range a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution {
			value, is := n.Labels[term.TopologyKey]
			if !is || !means(term, o.Namespace, p) {
				continue
			}
			if blocked[term.TopologyKey] == nil {
				blocked[term.TopologyKey] = map[string]string{}
			}
			blocked[term.TopologyKey][value] = room.FullName(o)
		}
	}
	return blocked
}

// means reports whether a term of a pod of a namespace may select another pod.
func means(term corev1.PodAffinityTerm, namespace string, p *corev1.Pod) bool {
	selector, err := metav1.LabelSelectorAsSelector(term.LabelSelector)
	if err != nil || !selector.Matches(labels.Set(p.Labels)) {
		return err != nil
	}
	if term.NamespaceSelector != nil || slices.Contains(term.Namespaces, p.Namespace) {
		return true
	}
	return len(term.Namespaces) == 0 && namespace == p.Namespace
}

// featuresOf are the features that a node must declare for the pod.
func featuresOf(p *corev1.Pod) []string {
	var names []string
	for _, f := range features.AllFeatures {
		if f.InferForScheduling(&declared.PodInfo{Spec: &p.Spec, Status: &p.Status}) {
			names = append(names, f.Name())
		}
	}
	return names
}

// notWeighedOn is what may keep the pod off one node although there is room.
func (w *weighing) notWeighedOn(n *corev1.Node) []string {
	var list []string
	if why := fact.NotReadyWhy(n); why != "" || w.will.Shunned(n) {
		list = append(list, "it is not ready: it gets its pod when it is back")
	}
	if _, known := n.Status.Allocatable[corev1.ResourcePods]; !known {
		list = append(list, "it does not say how many pods it takes")
	}
	for _, f := range w.features {
		if !slices.Contains(n.Status.DeclaredFeatures, f) {
			list = append(list, fmt.Sprintf("it does not declare feature %s, which the pod needs", f))
		}
	}
	for key, values := range w.blocked {
		if value, is := n.Labels[key]; is && values[value] != "" {
			list = append(list, "anti-affinity of pod "+values[value])
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
