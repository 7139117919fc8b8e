package judge

import "github.com/daemongate/daemongate/rollout"

// Rollout says what a look means for a target. It returns the memory that the next look's judgement needs.
//
// A look is gone through in one order: which template is current, what each node is to the rollout and what runs there,
// why what does not run does not, how far it has come, and only then what that amounts to.
func Rollout(l rollout.Look, t rollout.Target, m rollout.Memory, o rollout.Options) (rollout.Judgement, rollout.Memory) {
	s := newSurvey(l, t, m, o)
	if trouble := s.findTemplate(); trouble != nil {
		return s.nothingCounts(trouble)
	}
	s.visit()
	findings := s.explain()
	s.raiseMark()
	j := s.count()
	s.decide(&j, findings)
	s.adviseBrake(&j)
	s.adviseHandover(&j)
	j.ReadClocks = s.readClocks
	j.Headline = s.headline(&j)
	j.Wake = s.wake
	return j, s.memory
}

// nothingCounts is the judgement while there is no revision of the commit's template to count by.
func (s *survey) nothingCounts(trouble *finding) (rollout.Judgement, rollout.Memory) {
	if s.live != nil {
		s.visit()
	}
	j := s.count()
	j.Updated, j.Settled = 0, 0
	j.Verdict = rollout.Progressing
	j.Causes = s.causes([]finding{*trouble}, trouble.final)
	if trouble.final {
		j.Verdict = rollout.Stuck
	}
	j.Headline = s.headline(&j)
	j.Wake = s.wake
	return j, s.memory
}
