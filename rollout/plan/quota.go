package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	helpers "k8s.io/component-helpers/resource"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/room"
)

// quotas says which ResourceQuotas of the namespace the rollout would go over: its pods count on top of what is used,
// less the old ones that go first, beside what others of the commit need more.
func (w *weighing) quotas(beside []*weighing) []Refusal {
	var list []Refusal
	if w.in.lacks(rollout.KindPods) {
		return nil // how many pods go first is not known
	}
	for _, q := range w.in.Quotas {
		if w.unweighable(q) != "" {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(q.Spec.Hard)) {
			hard, used := q.Spec.Hard[name], q.Status.Used[name]
			more, who := w.more(q, name), "its pods need"
			if more.Sign() <= 0 {
				continue
			}
			for _, o := range beside {
				if theirs := o.more(q, name); o.in.Next.Namespace == q.Namespace && theirs.Sign() > 0 {
					more.Add(theirs)
					who = "its pods and those of other DaemonSets of the commit need"
				}
			}
			total := used.DeepCopy()
			total.Add(more)
			if total.Cmp(hard) <= 0 {
				continue
			}
			list = append(list, Refusal{By: "ResourceQuota " + q.Name, Why: fmt.Sprintf("%s %s more of %s, and %s of "+
				"%s is used", who, more.String(), name, used.String(), hard.String()),
				Remedy: fmt.Sprintf("Raise %s in ResourceQuota %s/%s to %s, or ask for less.", name, q.Namespace,
					q.Name, total.String())})
		}
	}
	return list
}

// more is how much more of a quota's resource the rollout needs at its height. Beside the old pods that is at its
// beginning or at its end, whichever pods are larger.
func (w *weighing) more(q *corev1.ResourceQuota, name corev1.ResourceName) resource.Quantity {
	var before, after resource.Quantity
	var largest resource.Quantity // of the old pods
	each, p := counted(q, w.pod, name), &w.plan
	for i := range p.Nodes {
		if p.Nodes[i].Room != Keeps {
			after.Add(each)
		}
	}
	if !w.rolls {
		return after
	}
	for _, old := range w.in.Pods {
		if !w.isOwn(old) || fact.IsOver(old) {
			continue
		}
		one := counted(q, old, name)
		before.Add(one)
		if one.Cmp(largest) > 0 {
			largest = one
		}
	}
	after.Sub(before)
	if !w.surge || p.Pace == nil {
		return after
	}
	var first resource.Quantity
	for range min(p.Pace.AtATime, p.Pace.Nodes) {
		first.Add(each)
		after.Add(largest)
	}
	if first.Cmp(after) > 0 {
		return first
	}
	return after
}

// counted is how much of a resource a quota counts for a pod.
func counted(q *corev1.ResourceQuota, p *corev1.Pod, name corev1.ResourceName) resource.Quantity {
	if !takesIn(q, p) {
		return resource.Quantity{}
	}
	return countedBy(p, name)
}

// countedBy is how much a quota that takes in a pod counts for it.
func countedBy(p *corev1.Pod, name corev1.ResourceName) resource.Quantity {
	text := string(name)
	switch {
	case name == corev1.ResourcePods || text == "count/pods":
		return resource.MustParse("1")
	case strings.HasPrefix(text, "limits."):
		return helpers.PodLimits(p, helpers.PodResourcesOptions{})[corev1.ResourceName(text[len("limits."):])]
	case strings.HasPrefix(text, "requests."):
		text = text[len("requests."):]
	case strings.Contains(text, "/"):
		return resource.Quantity{}
	}
	return room.RequestsOf(p)[corev1.ResourceName(text)]
}
