package judge

import (
	"slices"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/words"
)

// letOff has the nodes that were failing before the commit not count, as long as they are: as many of them as may be
// absent, the longest sick first. What is absent, late or lost is that. A node that has recovered counts, and goes on
// counting.
func letOff(s *survey) {
	most := mostLetOff(s)
	for i := range s.target.FailingBefore {
		before := &s.target.FailingBefore[i]
		at := s.siteOf(before.Node)
		if at == nil || !at.present() || slices.Contains(s.before.Counted, before.Node) {
			continue
		}
		switch {
		case at.settled || oldIsSettled(s, at):
			countFromNowOn(s, at)
		case i >= most:
			at.before = before
			s.beyond = append(s.beyond, at.name)
		default:
			at.state, at.before = rollout.IsFailingBefore, before
		}
	}
	slices.Sort(s.beyond)
}

// mostLetOff is how many nodes may be let off: as many as may be absent, of those that were there at the apply. A node
// that is let off no longer keeps its place, so that no other one is in its stead.
func mostLetOff(s *survey) int {
	eligible := 0
	for i := range s.sites {
		if at := &s.sites[i]; at.state != rollout.IsNotEligible && at.state != rollout.IsLate {
			eligible++
		}
	}
	return max(1, rollout.Portion(s.options.AbsentBudget, eligible))
}

// present reports whether a node is judged by its pods.
func (at *site) present() bool {
	switch at.state {
	case rollout.IsMissing, rollout.IsOld, rollout.IsUpdated, rollout.IsSettled:
		return true
	}
	return false
}

// oldIsSettled reports whether the pod of the template before has come to run well again.
func oldIsSettled(s *survey, at *site) bool {
	if at.old == nil || !at.down.IsZero() {
		return false
	}
	ready, isReady := fact.ReadySince(at.old)
	if !isReady {
		return false
	}
	instant := ready.Add(s.options.SettlesAfter(s.minReady, fact.EndsOf(at.old)))
	s.wakeAt(instant)
	return !s.now.Before(instant)
}

// countFromNowOn remembers that a node is failing before no longer, whatever becomes of it.
func countFromNowOn(s *survey, at *site) {
	s.rememberCounted(at.name)
}

// nobodyElseCounts has the late nodes and those that were failing before count where no other node does: a commit that
// nothing is known of is not complete.
func nobodyElseCounts(s *survey) {
	for i := range s.sites {
		if s.sites[i].counts() {
			return
		}
	}
	for i := range s.sites {
		at := &s.sites[i]
		if at.state != rollout.IsLate && at.state != rollout.IsFailingBefore {
			continue
		}
		if at.state = podState(at); !at.down.IsZero() {
			at.state = rollout.IsAbsent
			continue
		}
		s.alone = append(s.alone, at.name)
	}
}

// holdAgainst has a node count that was failing before, if what its new pod shows is of the commit's template and not the
// node's own trouble of before: for good once that is final. Old pods that do not go are the node's.
func holdAgainst(s *survey, at *site, f *finding) bool {
	if f.code == rollout.Starting || f.code == rollout.Terminating || f.code == at.before.Cause && f.evidence() == at.before.Evidence {
		return false
	}
	at.before = nil
	if f.final {
		countFromNowOn(s, at)
	}
	return true
}

// noteFailing says which nodes were failing before, and which of them count all the same.
func noteFailing(s *survey, j *rollout.Judgement, add func(format string, args ...any)) {
	if len(j.FailingBefore) > 0 {
		add("was failing before this commit, not counted: %s", words.Listed(j.FailingBefore))
	}
	if len(s.beyond) > 0 {
		add("was failing before this commit, counted all the same because at most %s may be left out: %s", words.Plural(mostLetOff(s), "node"), words.Listed(s.beyond))
	}
	if len(s.alone) > 0 {
		add("late or failing before this commit, counted all the same because no other node counts: %s", words.Listed(s.alone))
	}
}
