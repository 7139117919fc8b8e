package cause

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// BudgetSpent is a rollout that the controller may not go on with: maxUnavailable (or maxSurge) is used up by nodes
// whose trouble is not this commit's, so that it replaces no further old pod.
func BudgetSpent(s *survey.Survey) *survey.Finding {
	if !rolling(s) || s.HandsOver() || s.Counts[survey.InWait] == 0 {
		return nil
	}
	limit := BudgetLimit(s)
	if others, _ := spending(s); others < limit.Nodes {
		return nil
	}
	spent, _ := spenders(s)
	f := &survey.Finding{Code: rollout.BudgetSpent, Since: s.Since(rollout.BudgetSpent, "", false,
		fact.Latest(spent[limit.Nodes-1].Since, s.Remembered().Observed))}
	waiting := nodesInWait(s)
	for _, p := range spent {
		f.Nodes = append(f.Nodes, p.Node)
	}
	f.Message = fmt.Sprintf("%s is used up by %s, so the controller replaces no further pod: %s still wait%s: %s",
		limit, told(spent), words.Plural(len(waiting), "node"),
		map[bool]string{true: "s"}[len(waiting) == 1], words.FoldSome(waiting))
	f.Remedy = remedyFor(spent[0], s.Live.Namespace) + fmt.Sprintf(", or raise %s in Git to more than %s", limit.field,
		words.Plural(len(spent), "node")) + "."
	return s.Ripen(f)
}

// nodesInWait are the nodes that the rollout has not come to.
func nodesInWait(s *survey.Survey) []string {
	return survey.NamesWhere(s, IsInWait)
}

// IsInWait reports whether the rollout must reach a node, and has not come to it.
func IsInWait(at *survey.Site) bool { return at.Updated == nil && at.Old != nil && at.Counts() }

// NoteBudget says if the budget is used up by other nodes and failing ones together: neither alone explains why nothing
// moves.
func NoteBudget(s *survey.Survey, add func(format string, args ...any)) {
	if s.Live == nil || !rolling(s) || s.HandsOver() || s.Counts[survey.InWait] == 0 {
		return
	}
	limit, foreign, own := BudgetLimit(s), 0, 0
	if foreign, own = spending(s); foreign == 0 || foreign >= limit.Nodes || foreign+own < limit.Nodes {
		return
	}
	others, ours := spenders(s)
	add("%s is used up, in part by what is not this commit's trouble: %s; and by its own: %s", limit,
		told(others), toldByCause(ours))
}

func told(spent []survey.Spender) string {
	return words.ListedBy(len(spent), func(i int) string { return spent[i].Node + " (" + spent[i].Why + ")" })
}

func toldByCause(sites []*survey.Site) string {
	return words.ListedBy(len(sites), func(i int) string {
		return fmt.Sprintf("%s (%s)", sites[i].Name, sites[i].Finding.Code)
	})
}

// remedyFor is what to do about a node that uses up the budget.
func remedyFor(p survey.Spender, namespace string) string {
	if p.Down || p.Pod == nil {
		return fmt.Sprintf("Bring %s back, or take it out of the cluster for good (`kubectl delete node %s`, which "+
			"also ends its pods)", p.Node, p.Node)
	}
	return fmt.Sprintf("See to %s on %s (`kubectl -n %s describe pod %s`)", p.Pod.Name, p.Node, namespace, p.Pod.Name)
}

// spenders are the nodes that use up the budget, the longest first: those whose trouble is not this commit's, and those
// whose new pod shows a cause. They are put together once per look.
func spenders(s *survey.Survey) (others []survey.Spender, ours []*survey.Site) {
	if s.Spenders == nil {
		s.Spenders = &survey.Spenders{}
		for _, sum := range s.Sums {
			others, ours = append(others, sum.Others...), append(ours, sum.Ours...)
		}
		slices.SortStableFunc(others, func(a, b survey.Spender) int { return a.Since.Compare(b.Since) })
		s.Spenders.Others, s.Spenders.Ours = others, ours
	}
	return s.Spenders.Others, s.Spenders.Ours
}

// spending is how many they are.
func spending(s *survey.Survey) (others, ours int) {
	for _, sum := range s.Sums {
		others, ours = others+len(sum.Others), ours+len(sum.Ours)
	}
	return others, ours
}

// SumUpBudget adds a site to those that use up the budget, if it does. One whose new pod is only starting is neither
// another's trouble nor ours.
func SumUpBudget(s *survey.Survey, sum *survey.Sum, at *survey.Site) {
	spends := spends
	if Surges(s) {
		spends = spendsSurge
	}
	if !rolling(s) || !spends(s, at) {
		return
	}
	if p, foreign := foreign(s, at); foreign {
		sum.Others = append(sum.Others, p)
	} else if f := at.Finding; f != nil && f.Code != rollout.Starting {
		sum.Ours = append(sum.Ours, at)
	}
}

// spends is the controller's rule for a rolling update without surge (kubernetes pkg/controller/daemon/update.go): what
// spends the budget is a node with no available pod, with two, or with none but a pod that is going. A node that it
// does not want counts only while it has a pod.
func spends(s *survey.Survey, at *survey.Site) bool {
	switch {
	case at.Updated != nil && at.Old != nil:
		return true
	case at.Updated != nil:
		return !s.HasAvailable(at)
	case at.Old != nil:
		return !s.HasOldAvailable(at)
	case at.Leaving != nil:
		return true
	}
	return at.Node != nil && !at.Shunned && at.State != rollout.IsNotEligible
}

// spendsSurge is its rule with surge: a node whose new pod stands beside the old one and is not available.
func spendsSurge(s *survey.Survey, at *survey.Site) bool {
	return at.Updated != nil && at.Old != nil && !s.HasAvailable(at)
}

// foreign says why a node that spends the budget does so for reasons that are not this commit's; false if they are.
func foreign(s *survey.Survey, at *survey.Site) (survey.Spender, bool) {
	p := survey.Spender{Node: at.Name, Since: at.Down, Down: !at.Down.IsZero()}
	var why []string
	switch {
	case at.State == rollout.IsLost:
		return p, false
	case p.Down:
		why = append(why, "not ready since "+Stamp(at.Down))
	case at.State == rollout.IsFailingBefore:
		why, p.Since = append(why, "was failing before this commit"), s.Remembered().Observed
	case at.State == rollout.IsNotEligible:
		why, p.Since = append(why, "not meant any more: "+at.Why), s.Remembered().Observed
	case at.State == rollout.IsLate, at.Updated != nil, at.Old != nil, at.Leaving == nil, !overdue(s, at):
		return p, false // it is this commit's, or will pass
	}
	pod, words := atFault(s, at)
	if words != "" {
		why = append(why, words)
	}
	if at.Leaving != nil && pod == at.Leaving {
		p.Since = fact.Latest(p.Since, fact.DeletedAt(at.Leaving))
	}
	p.Pod, p.Why = pod, strings.Join(why, ", ")
	return p, true
}

// atFault is the pod by which a node spends the budget, and how.
func atFault(s *survey.Survey, at *survey.Site) (*corev1.Pod, string) {
	switch {
	case at.Updated != nil:
		return at.Updated, "its new pod is not available"
	case at.Old != nil:
		return at.Old, "its old pod is not available"
	case at.Leaving != nil:
		return at.Leaving, "its old pod was deleted at " + Stamp(fact.DeletedAt(at.Leaving)) + " and does not end"
	}
	return nil, "it has no pod"
}

// Stamp is a time in a sentence.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// overdue reports whether a pod should have gone by now.
func overdue(s *survey.Survey, at *survey.Site) bool {
	return s.Reached(at.Leaving.DeletionTimestamp.Add(s.Options.TimeFor(rollout.Terminating)))
}

// Limit is how many nodes the controller lets be without an available pod or, with surge, lets have two.
type Limit struct {
	field string
	text  string // as Git has it
	Nodes int
	of    int // how many nodes a percentage is of
}

// String is the limit in a sentence.
func (l Limit) String() string {
	if strings.HasSuffix(l.text, "%") {
		return fmt.Sprintf("%s %s (%d of %s)", l.field, l.text, l.Nodes, words.Plural(l.of, "node"))
	}
	return l.field + " " + l.text
}

// BudgetLimit is the DaemonSet's own: a percentage is of the nodes that the controller wants, rounded up, and at least
// one.
func BudgetLimit(s *survey.Survey) Limit {
	l := Limit{field: "maxUnavailable", text: "1", Nodes: 1, of: int(s.Live.Status.DesiredNumberScheduled)}
	r := s.Live.Spec.UpdateStrategy.RollingUpdate
	if r == nil {
		return l
	}
	value := r.MaxUnavailable
	if Surges(s) {
		l.field, value = "maxSurge", r.MaxSurge
	}
	if value == nil {
		return l
	}
	l.text = value.String()
	n, err := intstr.GetScaledValueFromIntOrPercent(value, l.of, true)
	if err == nil {
		l.Nodes = max(1, n)
	}
	return l
}
