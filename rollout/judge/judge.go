package judge

import (
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/cause"
	"github.com/daemongate/daemongate/rollout/survey"
)

// Rollout says what a look means for a target. It returns the memory that the next look's judgement needs.
//
// A look is gone through in one order: which template is current, what each node is to the rollout and what runs there,
// why what does not run does not, how far it has come, and only then what that amounts to.
func Rollout(l rollout.Look, t rollout.Target, m rollout.Memory,
	o rollout.Options) (rollout.Judgement, rollout.Memory) {
	return RolloutAgain(nil, l, t, m, o)
}

// Cache is what one look leaves for the next one at the same DaemonSet.
type Cache = survey.Cache

// RolloutAgain is Rollout for whoever judges look after look: it goes only into those nodes for which something may
// have changed since the look that left the cache, and comes to the same as Rollout. A cache is empty in the beginning.
func RolloutAgain(c *Cache, l rollout.Look, t rollout.Target, m rollout.Memory,
	o rollout.Options) (rollout.Judgement, rollout.Memory) {
	s := survey.New(c, l, t, m, o)
	if trouble := cause.FindTemplate(s); trouble != nil {
		return nothingCounts(s, trouble)
	}
	visit(s)
	findings := explain(s)
	raiseMark(s)
	j := countNodes(s)
	decide(s, &j, findings)
	adviseBrake(s, &j)
	adviseHandover(s, &j)
	j.ReadClocks = s.ReadClocks
	j.Headline = headlineOf(s, &j)
	j.Wake = s.Wake
	return j, s.Remembered()
}

// nothingCounts is the judgement while there is no revision of the commit's template to count by.
func nothingCounts(s *survey.Survey, trouble *survey.Finding) (rollout.Judgement, rollout.Memory) {
	if s.Live != nil {
		visit(s)
		addUp(s)
	}
	j := countNodes(s)
	j.Updated, j.Settled = 0, 0
	j.Verdict = rollout.Progressing
	j.Causes = causesOf(s, found{more: []*survey.Finding{trouble}}, trouble.Final)
	if trouble.Final {
		j.Verdict = rollout.Stuck
	}
	j.Headline = headlineOf(s, &j)
	j.Wake = s.Wake
	return j, s.Remembered()
}
