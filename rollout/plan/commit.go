package plan

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Commit weighs all DaemonSets of a commit, each beside what the others will be then: two that grow must have room for
// both, on their nodes and in the quotas of their namespace. It is pure.
func Commit(inputs []Input) []Plan {
	var all []*weighing
	for i := range inputs {
		in := inputs[i]
		for j := range inputs {
			if i != j {
				in.Others.Pods = replaced(in.Others.Pods, inputs[j])
			}
		}
		w := newWeighing(in)
		w.place()
		all = append(all, w)
	}
	var plans []Plan
	for i, w := range all {
		plans = append(plans, w.conclude(slices.Delete(slices.Clone(all), i, i+1)))
	}
	return plans
}

// replaced are the pods of a cluster in which another DaemonSet has been rolled out: its old pods are gone, and each of
// its nodes has a new one.
func replaced(pods []*corev1.Pod, by Input) []*corev1.Pod {
	w := newWeighing(by)
	if !w.rolls || onDelete(by.Next) && by.Current != nil {
		return pods
	}
	there := slices.DeleteFunc(slices.Clone(pods), w.isOwn)
	for _, n := range by.Nodes {
		if w.will.Refuses(n) != "" {
			continue
		}
		p := w.pod.DeepCopy()
		p.Name, p.Spec.NodeName = by.Next.Name+"-"+n.Name, n.Name
		p.UID = types.UID(by.Next.Namespace + "/" + by.Next.Name + "/" + n.Name)
		p.Namespace, p.Status = by.Next.Namespace, corev1.PodStatus{Phase: corev1.PodPending}
		p.OwnerReferences = nil
		there = append(there, p)
	}
	return there
}
