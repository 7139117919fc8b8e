package judge

import (
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/cause"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
)

// sumUp finds out what some sites come to. What is said of all sites rests on such sums alone, or goes to all of them.
func sumUp(s *survey.Survey, sites []survey.Site, before *survey.Sum) *survey.Sum {
	sum := &survey.Sum{Nodes: nodesOf(sites, before)}
	gather := gatherer{}
	for i := range sites {
		at := &sites[i]
		count(s, sum, at)
		cause.SumUpBudget(s, sum, at)
		cause.SumUpClock(s, sum, at)
		if at.Updated != nil && at.Counts() {
			sum.Moved = fact.Latest(sum.Moved, fact.Latest(at.Updated.CreationTimestamp.Time, at.Ready))
		}
		if at.Finding != nil {
			gather.add(at.Finding)
		}
	}
	sum.Causes = gather.groups
	return sum
}

// count counts one site.
func count(s *survey.Survey, sum *survey.Sum, at *survey.Site) {
	tally := func(number int, is bool) {
		if is {
			sum.Counts[number]++
		}
	}
	sum.Counts[survey.OldPods] += at.OldPods
	tally(survey.HavePods, !at.Missing())
	tally(survey.AnySettled, at.Settled)
	if f := at.Finding; f != nil && f.Code != rollout.Starting {
		tally(survey.Ailing, true)
		tally(survey.Failing, f.Final)
		tally(survey.FailingCount, f.Final && at.Counts())
	}
	if at.State == rollout.IsNotEligible {
		return
	}
	tally(survey.Eligible, true)
	countClass(sum, at)
	if at.Ends > 0 && !at.Settled && at.State != rollout.IsFailingBefore {
		sum.Ended = append(sum.Ended, at.Name)
	}
	tally(survey.Running, at.Updated != nil)
	tally(survey.Available, at.Updated != nil && s.HasAvailable(at))
	if !at.Counts() {
		return
	}
	tally(survey.Desired, true)
	tally(survey.Updated, at.Updated != nil || at.Over)
	tally(survey.Settled, at.Settled)
	tally(survey.OldAvailable, s.HasOldAvailable(at) && at.Down.IsZero())
	tally(survey.Unsettled, isUnsettled(at))
	tally(survey.Touched, at.Old == nil)
	tally(survey.ToSettle, at.Old == nil && !at.Settled)
	tally(survey.InWait, cause.IsInWait(at))
	tally(survey.Stale, at.Stale)
}

// countClass puts a node on the list of its class.
func countClass(sum *survey.Sum, at *survey.Site) {
	switch at.State {
	case rollout.IsAbsent:
		sum.Absent = append(sum.Absent, at.Name)
	case rollout.IsLost:
		sum.Lost = append(sum.Lost, at.Name)
	case rollout.IsLate:
		sum.Late = append(sum.Late, at.Name)
	case rollout.IsFailingBefore:
		sum.FailingBefore = append(sum.FailingBefore, at.Name)
	default:
		if at.Updated == nil && at.Old != nil {
			sum.Old = append(sum.Old, at.Name)
		}
	}
}

// countNodes is the judgement's part that is only counted.
func countNodes(s *survey.Survey) rollout.Judgement {
	n := &s.Counts
	j := rollout.Judgement{Verdict: rollout.Progressing, Mark: s.Remembered().Mark, Braked: s.Brake.Pulled,
		Eligible: n[survey.Eligible], Desired: n[survey.Desired], Updated: n[survey.Updated],
		Settled: n[survey.Settled], OldAvailable: n[survey.OldAvailable], OldPods: n[survey.OldPods]}
	for _, sum := range s.Sums {
		j.Nodes = j.Nodes.And(sum.Nodes)
	}
	j.Nodes = j.Nodes.With(s.Unwanted())
	for _, list := range []struct {
		of    func(*survey.Sum) []string
		what  string
		names *[]string
	}{
		{func(sum *survey.Sum) []string { return sum.Absent }, "absent", &j.Absent},
		{func(sum *survey.Sum) []string { return sum.Lost }, "lost", &j.Lost},
		{func(sum *survey.Sum) []string { return sum.Late }, "late", &j.Late},
		{func(sum *survey.Sum) []string { return sum.FailingBefore }, "failing before", &j.FailingBefore},
		{func(sum *survey.Sum) []string { return sum.Old }, "old", &j.Old},
		{func(sum *survey.Sum) []string { return sum.Ended }, "ended", &j.Ended},
	} {
		*list.names = s.Joined(survey.ListKey{What: list.what}, len(s.Sums),
			func(i int) []string { return list.of(s.Sums[i]) })
	}
	// only nodes with pods are known; the controller knows how many there are
	if s.Live != nil && s.Look.Lacks(rollout.KindNodes) {
		j.Eligible = max(j.Eligible, int(s.Live.Status.DesiredNumberScheduled))
		j.Desired = max(j.Desired, int(s.Live.Status.DesiredNumberScheduled))
	}
	return j
}

// nodesOf are sites as the judgement tells them: in the list that it had before, if they are the same.
func nodesOf(sites []survey.Site, before *survey.Sum) []rollout.Node {
	i := 0
	if before != nil && len(before.Nodes) == len(sites) {
		for i < len(sites) && before.Nodes[i] == nodeOf(&sites[i]) {
			i++
		}
	}
	if i == len(sites) && before != nil {
		return before.Nodes
	}
	nodes := make([]rollout.Node, 0, len(sites))
	for i := range sites {
		nodes = append(nodes, nodeOf(&sites[i]))
	}
	return nodes
}

// nodeOf is a site as the judgement tells it.
func nodeOf(at *survey.Site) rollout.Node {
	n := rollout.Node{Name: at.Name, State: at.State, Pod: at.Pod, Why: at.Why}
	if at.Why == "" && !at.Down.IsZero() {
		n.Why = fact.NotReadyWhy(at.Node)
	}
	if at.Finding != nil {
		n.Cause = at.Finding.Code
	}
	return n
}
