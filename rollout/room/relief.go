package room

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
)

// relieve finds out what would make room on a node: nil if nothing is known of what stands there.
func (c *Crowd) relieve(node string, lacks []lack, there []*corev1.Pod) *rollout.Relief {
	r := &rollout.Relief{Node: node}
	need := make([]int64, len(lacks))
	for i := range lacks {
		need[i] = lacks[i].need
	}
	var candidates []candidate
	for _, o := range there {
		switch {
		case o.DeletionTimestamp != nil:
			if takeAway(need, lacks, o) {
				r.Going = append(r.Going, FullName(o))
			}
		case o.Spec.NodeName != "" && !staysPut(o):
			if e := c.candidateOf(o, lacks); e.size > 0 {
				candidates = append(candidates, e)
			}
		}
	}
	if enough(need, nil) {
		noteOn(r, "what is being deleted there already leaves room enough")
		return r
	}
	chosen := choose(need, candidates)
	for keepPromises(chosen, candidates) {
		chosen = choose(need, candidates)
	}
	if chosen == nil {
		noteOn(r, "no eviction makes room: %s", stillShort(need, lacks, candidates))
		return r
	}
	for i := range chosen {
		r.Evict = append(r.Evict, chosen[i].told)
	}
	c.noteUnknown(r)
	return r
}

// takeAway counts a pod as gone, and reports whether that helps.
func takeAway(need []int64, lacks []lack, p *corev1.Pod) (helps bool) {
	takes := requestsOf(p)
	for i := range lacks {
		held := lacks[i].holds(p, takes)
		helps = helps || held > 0
		need[i] -= held
	}
	return helps
}

// stillShort says what there is too little of even without every pod that could go.
func stillShort(need []int64, lacks []lack, candidates []candidate) string {
	for i := range lacks {
		l, left := &lacks[i], need[i]
		for _, c := range candidates {
			left -= c.holds[i]
		}
		switch {
		case left <= 0:
			continue
		case l.resource == "":
			return fmt.Sprintf("host port %s is held by a pod of a DaemonSet, or by the node's own", l.port)
		case l.asked > l.allocatable:
			return fmt.Sprintf("the whole node has less %s than the pod asks for", l.resource)
		}
		return fmt.Sprintf("DaemonSets and the node's own pods leave %s short by %s", l.resource,
			quantity(l.resource, left))
	}
	return "nothing of it can go"
}

// noteUnknown says what is not known of the pods to evict.
func (c *Crowd) noteUnknown(r *rollout.Relief) {
	if why, missing := c.others.Lacks(rollout.KindBudgets); missing {
		r.BudgetsUnknown = true
		noteOn(r, "whether a PodDisruptionBudget forbids it is not known (%s)", why)
	}
	unknown := slices.ContainsFunc(r.Evict, func(e rollout.Evictable) bool {
		kind, _, _ := strings.Cut(e.Owner, " ")
		return e.Replicas == 0 && (kind == "Deployment" || kind == "ReplicaSet" || kind == "StatefulSet")
	})
	if why, missing := c.others.Lacks(rollout.KindOwners); missing && unknown {
		noteOn(r, "how many replicas there are is not known (%s)", why)
	}
}

func noteOn(r *rollout.Relief, format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}
