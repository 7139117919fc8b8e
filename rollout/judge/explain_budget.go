package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/words"
)

// budgetSpent is a rollout that the controller may not go on with: maxUnavailable (or maxSurge) is used up by nodes whose
// trouble is not this commit's, so that it replaces no further old pod.
func budgetSpent(s *survey) *finding {
	waiting := nodesInWait(s)
	if !rolling(s) || s.handsOver() || len(waiting) == 0 {
		return nil
	}
	spent, _ := spenders(s)
	limit := budgetLimit(s)
	if len(spent) < limit.nodes {
		return nil
	}
	f := &finding{code: rollout.BudgetSpent, since: s.since(rollout.BudgetSpent, "", false, fact.Latest(spent[limit.nodes-1].since, s.remembered().Observed))}
	for _, p := range spent {
		f.nodes = append(f.nodes, p.node)
	}
	f.message = fmt.Sprintf("%s is used up by %s, so the controller replaces no further pod: %s still wait%s: %s",
		limit, words.Listed(told(spent)), words.Plural(len(waiting), "node"), map[bool]string{true: "s"}[len(waiting) == 1], words.FoldSome(waiting))
	f.remedy = spent[0].remedy(s.live.Namespace) + fmt.Sprintf(", or raise %s in Git to more than %s", limit.field, words.Plural(len(spent), "node")) + "."
	return s.ripen(f)
}

// nodesInWait are the nodes that the rollout has not come to.
func nodesInWait(s *survey) []string {
	return namesWhere(s, func(at *site) bool { return at.counts() && at.updated == nil && at.old != nil })
}

// noteBudget says if the budget is used up by other nodes and failing ones together: neither alone explains why nothing
// moves.
func noteBudget(s *survey, add func(format string, args ...any)) {
	if s.live == nil || !rolling(s) || s.handsOver() || len(nodesInWait(s)) == 0 {
		return
	}
	others, ours := spenders(s)
	limit := budgetLimit(s)
	if len(others) == 0 || len(others) >= limit.nodes || len(others)+len(ours) < limit.nodes {
		return
	}
	add("%s is used up, in part by what is not this commit's trouble: %s; and by its own: %s", limit, words.Listed(told(others)), words.Listed(told(ours)))
}

// spender is a node that uses up one of the budget.
type spender struct {
	node, why string
	since     time.Time
	down      bool        // the node is not ready
	pod       *corev1.Pod // that is at fault on a node that is
}

func told(spent []spender) []string {
	var list []string
	for _, p := range spent {
		list = append(list, p.node+" ("+p.why+")")
	}
	return list
}

// remedy is what to do about a node.
func (p spender) remedy(namespace string) string {
	if p.down || p.pod == nil {
		return fmt.Sprintf("Bring %s back, or take it out of the cluster for good (`kubectl delete node %s`, which also ends its pods)", p.node, p.node)
	}
	return fmt.Sprintf("See to %s on %s (`kubectl -n %s describe pod %s`)", p.pod.Name, p.node, namespace, p.pod.Name)
}

// spenders are the nodes that use up the budget, the longest first: those whose trouble is not this commit's, and those
// whose new pod shows a cause. A node whose new pod is only starting is neither.
func spenders(s *survey) (others, ours []spender) {
	for i := range s.sites {
		at := &s.sites[i]
		spends := spends(s, at)
		if surges(s) {
			spends = spendsSurge(s, at)
		}
		if !spends {
			continue
		}
		if p, foreign := foreign(s, at); foreign {
			others = append(others, p)
		} else if f := at.finding; f != nil && f.code != rollout.Starting {
			ours = append(ours, spender{node: at.name, why: string(f.code), since: f.since})
		}
	}
	slices.SortStableFunc(others, func(a, b spender) int { return a.since.Compare(b.since) })
	return others, ours
}

// spends is the controller's rule for a rolling update without surge (kubernetes pkg/controller/daemon/update.go): what
// spends the budget is a node with no available pod, with two, or with none but a pod that is going. A node that it does
// not want counts only while it has a pod.
func spends(s *survey, at *site) bool {
	switch {
	case at.updated != nil && at.old != nil:
		return true
	case at.updated != nil:
		return !s.isAvailable(at.updated)
	case at.old != nil:
		return !s.isAvailable(at.old)
	case at.leaving != nil:
		return true
	}
	return at.node != nil && !at.shunned && at.state != rollout.IsNotEligible
}

// spendsSurge is its rule with surge: a node whose new pod stands beside the old one and is not available.
func spendsSurge(s *survey, at *site) bool {
	return at.updated != nil && at.old != nil && !s.isAvailable(at.updated)
}

// foreign says why a node that spends the budget does so for reasons that are not this commit's; false if they are.
func foreign(s *survey, at *site) (spender, bool) {
	p := spender{node: at.name, since: at.down, down: !at.down.IsZero()}
	var why []string
	switch {
	case at.state == rollout.IsLost:
		return p, false
	case p.down:
		why = append(why, "not ready since "+stamp(at.down))
	case at.state == rollout.IsFailingBefore:
		why, p.since = append(why, "was failing before this commit"), s.remembered().Observed
	case at.state == rollout.IsNotEligible:
		why, p.since = append(why, "not meant any more: "+at.why), s.remembered().Observed
	case at.state == rollout.IsLate, at.updated != nil, at.old != nil, at.leaving == nil, !overdue(s, at):
		return p, false // it is this commit's, or will pass
	}
	pod, words := atFault(s, at)
	if words != "" {
		why = append(why, words)
	}
	if at.leaving != nil && pod == at.leaving {
		p.since = fact.Latest(p.since, fact.DeletedAt(at.leaving))
	}
	p.pod, p.why = pod, strings.Join(why, ", ")
	return p, true
}

// atFault is the pod by which a node spends the budget, and how.
func atFault(s *survey, at *site) (*corev1.Pod, string) {
	switch {
	case at.updated != nil:
		return at.updated, "its new pod is not available"
	case at.old != nil:
		return at.old, "its old pod is not available"
	case at.leaving != nil:
		return at.leaving, "its old pod was deleted at " + stamp(fact.DeletedAt(at.leaving)) + " and does not end"
	}
	return nil, "it has no pod"
}

// stamp is a time in a sentence.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// overdue reports whether a pod should have gone by now.
func overdue(s *survey, at *site) bool {
	return !s.now.Before(at.leaving.DeletionTimestamp.Add(s.options.TimeFor(rollout.Terminating)))
}

// limit is how many nodes the controller lets be without an available pod or, with surge, lets have two.
type limit struct {
	field string
	text  string // as Git has it
	nodes int
	of    int // how many nodes a percentage is of
}

// String is the limit in a sentence.
func (l limit) String() string {
	if strings.HasSuffix(l.text, "%") {
		return fmt.Sprintf("%s %s (%d of %s)", l.field, l.text, l.nodes, words.Plural(l.of, "node"))
	}
	return l.field + " " + l.text
}

// budgetLimit is the DaemonSet's own: a percentage is of the nodes that the controller wants, rounded up, and at least one.
func budgetLimit(s *survey) limit {
	l := limit{field: "maxUnavailable", text: "1", nodes: 1, of: int(s.live.Status.DesiredNumberScheduled)}
	r := s.live.Spec.UpdateStrategy.RollingUpdate
	if r == nil {
		return l
	}
	value := r.MaxUnavailable
	if surges(s) {
		l.field, value = "maxSurge", r.MaxSurge
	}
	if value == nil {
		return l
	}
	l.text = value.String()
	n, err := intstr.GetScaledValueFromIntOrPercent(value, l.of, true)
	if err == nil {
		l.nodes = max(1, n)
	}
	return l
}
