package rollout

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// spender is a node that uses up maxUnavailable through no fault of this commit.
type spender struct {
	node, why string
	since     time.Time
}

// budgetSpent is a rollout that the controller may not go on with: maxUnavailable is used up by nodes whose trouble is not
// this commit's, so that it deletes no further old pod.
func (s *survey) budgetSpent() *finding {
	waiting := s.namesOf(func(at *site) bool { return at.counts() && at.updated == nil && at.old != nil })
	if !s.rolling() || s.surges() || len(waiting) == 0 {
		return nil
	}
	var spent []spender
	for i := range s.sites {
		if p, spends := s.spends(&s.sites[i]); spends {
			spent = append(spent, p)
		}
	}
	allowed := s.maxUnavailable()
	if len(spent) < allowed {
		return nil
	}
	slices.SortStableFunc(spent, func(a, b spender) int { return a.since.Compare(b.since) })
	f := &finding{code: BudgetSpent, since: s.since(BudgetSpent, "", false, latest(spent[allowed-1].since, s.memory.Observed))}
	var why []string
	for _, p := range spent {
		f.nodes = append(f.nodes, p.node)
		why = append(why, p.node+" ("+p.why+")")
	}
	f.message = fmt.Sprintf("maxUnavailable %d is used up by %s, so the controller replaces no further pod: %s still wait%s",
		allowed, listed(why), listed(waiting), map[bool]string{true: "s"}[len(waiting) == 1])
	f.remedy = fmt.Sprintf("Bring %s back, or take it out of the cluster for good (`kubectl delete node %s`, which also ends its "+
		"pods), or raise maxUnavailable above %d in Git.", listed(f.nodes), f.nodes[0], allowed)
	return s.ripen(f)
}

// spends reports whether a node spends the budget for reasons of its own.
func (s *survey) spends(at *site) (spender, bool) {
	p := spender{node: at.name, since: at.down}
	switch {
	case at.state == IsAbsent:
		p.why = "not ready"
	case at.state == IsFailingBefore:
		p.why, p.since = "was failing before", s.memory.Observed
	case at.counts() && at.updated == nil && at.old == nil && at.leaving != nil && s.overdue(at):
		p.why, p.since = "does not let its old pod go", goesSince(at.leaving)
		return p, true
	default:
		return p, false
	}
	return s.spendsByItsPods(at, p)
}

// spendsByItsPods is the controller's rule for a rolling update without surge (kubernetes pkg/controller/daemon/update.go):
// what spends the budget is a node with no available pod, or with none but a pod that is going.
func (s *survey) spendsByItsPods(at *site, p spender) (spender, bool) {
	switch {
	case at.updated != nil && at.old == nil:
		p.why += ", its new pod is not available"
		return p, !s.isAvailable(at.updated)
	case at.old != nil:
		return p, !s.isAvailable(at.old)
	case at.leaving != nil:
		p.why += ", its old pod does not end"
		p.since = latest(p.since, goesSince(at.leaving))
		return p, true
	}
	p.why += ", has no pod"
	return p, !at.shunned && at.node != nil // else the controller does not want one there
}

// goesSince is when a pod was deleted: its deletionTimestamp is when it is to be gone.
func goesSince(p *corev1.Pod) time.Time {
	grace := int64(0)
	if p.DeletionGracePeriodSeconds != nil {
		grace = *p.DeletionGracePeriodSeconds
	}
	return p.DeletionTimestamp.Add(-time.Duration(grace) * time.Second)
}

// overdue reports whether a pod should have gone by now.
func (s *survey) overdue(at *site) bool {
	return !s.now.Before(at.leaving.DeletionTimestamp.Add(s.options.after(Terminating)))
}

// maxUnavailable is how many nodes the controller lets be without an available pod: a percentage of those it wants,
// rounded up.
func (s *survey) maxUnavailable() int {
	r := s.live.Spec.UpdateStrategy.RollingUpdate
	if r == nil || r.MaxUnavailable == nil {
		return 1
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(r.MaxUnavailable, int(s.live.Status.DesiredNumberScheduled), true)
	if err != nil {
		return 1
	}
	return max(1, n)
}
