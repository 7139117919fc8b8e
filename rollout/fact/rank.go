package fact

import (
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
)

// Rank is the priority of a pod, by which the scheduler preempts others for it.
type Rank struct {
	Value    int32
	Class    string
	Preempts bool
}

// RankOf is what the API server makes of a template: the class decides, or the one that is the default of the cluster.
// A template that says otherwise than its class gets no pods; the higher of both is on the safe side. It is false if
// the class is not there: then there are no pods either.
func RankOf(t *corev1.PodSpec, classes []*schedulingv1.PriorityClass) (Rank, bool) {
	r := Rank{Class: t.PriorityClassName, Preempts: true}
	found := t.PriorityClassName == ""
	for _, c := range classes {
		if t.PriorityClassName != c.Name && (t.PriorityClassName != "" || !c.GlobalDefault) {
			continue
		}
		r = Rank{c.Value, c.Name, c.PreemptionPolicy == nil || *c.PreemptionPolicy != corev1.PreemptNever}
		found = true
		break
	}
	if t.Priority != nil {
		r.Value = max(r.Value, *t.Priority)
	}
	if t.PreemptionPolicy != nil && *t.PreemptionPolicy == corev1.PreemptNever {
		r.Preempts = false
	}
	return r, found
}
