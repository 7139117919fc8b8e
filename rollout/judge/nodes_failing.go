package judge

import (
	"slices"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// letOff has the nodes that were failing before the commit not count, as long as they are: as many of them as may be
// absent, the longest sick first. What is absent, late or lost is that. A node that has recovered counts, and goes on
// counting.
func letOff(s *survey.Survey) {
	if len(s.Target.FailingBefore) == 0 {
		return
	}
	most := mostLetOff(s)
	for i := range s.Target.FailingBefore {
		before := &s.Target.FailingBefore[i]
		at := s.SiteOf(before.Node)
		if at != nil {
			survey.PutBeside(s, at)
		}
		if at == nil || !at.Present() || slices.Contains(s.Before.Counted, before.Node) {
			continue
		}
		switch {
		case at.Settled || oldIsSettled(s, at):
			countFromNowOn(s, at)
		case i >= most:
			at.Before = before
			s.Beyond = append(s.Beyond, at.Name)
		default:
			at.State, at.Before = rollout.IsFailingBefore, before
		}
	}
	slices.Sort(s.Beyond)
}

// mostLetOff is how many nodes may be let off: as many as may be absent, of those that were there at the apply. A node
// that is let off no longer keeps its place, so that no other one is in its stead.
func mostLetOff(s *survey.Survey) int {
	eligible := 0
	for i := range s.Sites {
		if at := &s.Sites[i]; at.State != rollout.IsNotEligible && at.State != rollout.IsLate {
			eligible++
		}
	}
	return max(1, rollout.Portion(s.Options.AbsentBudget, eligible))
}

// oldIsSettled reports whether the pod of the template before has come to run well again.
func oldIsSettled(s *survey.Survey, at *survey.Site) bool {
	if at.Old == nil || !at.Down.IsZero() {
		return false
	}
	ready, isReady := fact.ReadySince(at.Old)
	if !isReady {
		return false
	}
	instant := ready.Add(s.Options.SettlesAfter(s.MinReady, fact.EndsOf(at.Old)))
	s.WakeAt(instant)
	return s.Reached(instant)
}

// countFromNowOn remembers that a node is failing before no longer, whatever becomes of it.
func countFromNowOn(s *survey.Survey, at *survey.Site) {
	s.RememberCounted(at.Name)
}

// nobodyElseCounts has the late nodes and those that were failing before count where no other node does: a commit that
// nothing is known of is not complete.
func nobodyElseCounts(s *survey.Survey) {
	for i := range s.Sites {
		if s.Sites[i].Counts() {
			return
		}
	}
	for i := range s.Sites {
		at := &s.Sites[i]
		if at.State != rollout.IsLate && at.State != rollout.IsFailingBefore {
			continue
		}
		if at.State == rollout.IsLate {
			survey.PutBeside(s, at)
		}
		if at.State = podState(at); !at.Down.IsZero() {
			at.State = rollout.IsAbsent
			continue
		}
		s.Alone = append(s.Alone, at.Name)
	}
}

// holdAgainst has a node count that was failing before, if what its new pod shows is of the commit's template and not
// the node's own trouble of before: for good once that is final. Old pods that do not go are the node's.
func holdAgainst(s *survey.Survey, at *survey.Site, f *survey.Finding) bool {
	if f.Code == rollout.Starting || f.Code == rollout.Terminating || f.Code == at.Before.Cause &&
		f.Evidence() == at.Before.Evidence {
		return false
	}
	at.Before = nil
	if f.Final {
		countFromNowOn(s, at)
	}
	return true
}

// noteFailing says which nodes were failing before, and which of them count all the same.
func noteFailing(s *survey.Survey, j *rollout.Judgement, add func(format string, args ...any)) {
	if len(j.FailingBefore) > 0 {
		add("was failing before this commit, not counted: %s", words.Listed(j.FailingBefore))
	}
	if len(s.Beyond) > 0 {
		add("was failing before this commit, counted all the same because at most %s may be left out: %s",
			words.Plural(mostLetOff(s), "node"), words.Listed(s.Beyond))
	}
	if len(s.Alone) > 0 {
		add("late or failing before this commit, counted all the same because no other node counts: %s",
			words.Listed(s.Alone))
	}
}
