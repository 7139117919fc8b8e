package judge

import (
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/cause"
	"github.com/daemongate/daemongate/rollout/survey"
)

// explain finds out why what has not settled has not, node by node: at most one cause each, the deepest that explains
// it. A settled pod has no cause, and neither has a node that does not count, except that a late node's failing pod is
// evidence too, and that a node that was failing before counts once its pod fails by the commit's doing.
func explain(s *survey.Survey) found {
	cause.LookForRefusals(s)
	cause.LookForRejections(s)
	s.Explain(func(at *survey.Site) {
		explainNode(s, at)
		cause.KeepKilled(s, at)
	})
	for _, f := range brakedFor(s) {
		survey.Show(s, f.At, f)
	}
	addUp(s)
	var all found
	for _, of := range daemonSetCauses {
		if f := of(s); f != nil {
			all.more = append(all.more, f)
		}
	}
	return all
}

// addUp adds up what the nodes come to.
func addUp(s *survey.Survey) {
	s.SumUp(func(sites []survey.Site, before *survey.Sum) *survey.Sum { return sumUp(s, sites, before) })
}

// daemonSetCauses are causes of no single node.
var daemonSetCauses = []func(*survey.Survey) *survey.Finding{noEligibleNodes, cause.BudgetSpent, cause.ForbiddenUnseen}

// explainNode finds out why a node that counts, or is late, has not settled.
func explainNode(s *survey.Survey, at *survey.Site) {
	if at.Settled || !(at.Counts() || at.State == rollout.IsLate || at.Before != nil) {
		return
	}
	f := cause.ExplainSite(s, at)
	if f == nil || at.Before != nil && !holdAgainst(s, at, f) && at.State == rollout.IsFailingBefore {
		return
	}
	at.Finding = f
	at.Finding.Node, at.Finding.At = at.Name, at
	if at.Finding.Code != rollout.Starting && at.State != rollout.IsLost && at.State != rollout.IsLate {
		at.State = rollout.IsFailing
	}
}
