package judge

import "github.com/daemongate/daemongate/rollout"

// Rollout says what a look means for a target. It returns the memory that the next look's judgement needs.
//
// A look is gone through in one order: which template is current, what each node is to the rollout and what runs there,
// why what does not run does not, how far it has come, and only then what that amounts to.
func Rollout(l rollout.Look, t rollout.Target, m rollout.Memory, o rollout.Options) (rollout.Judgement, rollout.Memory) {
	s := newSurvey(l, t, m, o)
	if trouble := findTemplate(s); trouble != nil {
		return nothingCounts(s, trouble)
	}
	visit(s)
	findings := explain(s)
	raiseMark(s)
	j := countNodes(s)
	decide(s, &j, findings)
	adviseBrake(s, &j)
	adviseHandover(s, &j)
	j.ReadClocks = s.readClocks
	j.Headline = headlineOf(s, &j)
	j.Wake = s.wake
	return j, s.remembered()
}

// nothingCounts is the judgement while there is no revision of the commit's template to count by.
func nothingCounts(s *survey, trouble *finding) (rollout.Judgement, rollout.Memory) {
	if s.live != nil {
		visit(s)
	}
	j := countNodes(s)
	j.Updated, j.Settled = 0, 0
	j.Verdict = rollout.Progressing
	j.Causes = causesOf(s, []finding{*trouble}, trouble.final)
	if trouble.final {
		j.Verdict = rollout.Stuck
	}
	j.Headline = headlineOf(s, &j)
	j.Wake = s.wake
	return j, s.remembered()
}
