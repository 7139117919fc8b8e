package judge

import (
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/cause"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// adviseBrake says what is to be done about the brake (docs/design.md §6, "The brake").
func adviseBrake(s *survey.Survey, j *rollout.Judgement) {
	budget := rollout.Portion(s.Options.FailureBudget, j.Eligible)
	spreading := len(j.Ended) > budget && j.OldAvailable > 0
	switch {
	case s.Options.NoBrake:
		if s.Brake.Pulled {
			j.Brake = rollout.BrakeLift
		}
	case s.Brake.Pulled && !brakeHasDoneItsWork(s):
	case s.Brake.Pulled && !spreading:
		j.Brake = rollout.BrakeLift
	case s.Target.OnDelete:
	case spreading:
		j.Brake = rollout.BrakePull // also for others than it is pulled for, who alone would have it lifted
	}
	rememberWhy(s, j)
}

// strayFor is how long a node that the brake was pulled for must not have been eligible before the brake lets go of it.
// A taint that comes and goes, as one of a node that boots does, says nothing of the agent.
const strayFor = 10 * time.Minute

// brakeHasDoneItsWork reports whether each node that the brake was pulled for has a settled updated pod, or is gone, or
// has not been eligible for long. With maxSurge only another template ends it: under OnDelete the controller deletes
// the new pods that stand beside old ones, and would make them anew.
func brakeHasDoneItsWork(s *survey.Survey) bool {
	done := !cause.Surges(s)
	for _, name := range s.Brake.Nodes {
		at := s.SiteOf(name)
		switch {
		case at == nil:
		case at.State == rollout.IsNotEligible:
			lasted := s.Since(rollout.NoEligibleNodes, name, true).Add(strayFor)
			s.WakeAt(lasted)
			done = done && s.Reached(lasted)
		default:
			done = done && at.Settled
		}
	}
	return done
}

// rememberWhy keeps the causes that the brake is pulled for, for as long as it is: they stay the cause even when the
// pods that showed them are gone.
func rememberWhy(s *survey.Survey, j *rollout.Judgement) {
	if !s.Brake.Pulled && j.Brake != rollout.BrakePull {
		s.RememberBrake(nil)
		return
	}
	if s.Brake.Pulled && len(s.Remembered().Brake) > 0 {
		return
	}
	var causes []rollout.Cause
	for _, c := range j.Causes {
		if !isEnding(c.Code) {
			continue
		}
		c.Nodes, c.Pods = c.Nodes[:min(len(c.Nodes), 20)], nil
		c.About, c.Message, c.Remedy = words.Clip(c.About, 200), words.Clip(c.Message, 800), words.Clip(c.Remedy, 800)
		c.Final = c.Final || s.Brake.Pulled
		if causes = append(causes, c); len(causes) == 3 {
			break
		}
	}
	s.RememberBrake(causes)
}

// isEnding reports whether a cause is one that ends containers.
func isEnding(c rollout.Code) bool {
	return c == rollout.CrashLoop || c == rollout.ProbeFailing || c == rollout.HookFailing || c == rollout.ConfigError
}

// brakedFor are the findings that the brake was pulled for, of nodes that show no cause of their own any more and have
// not settled.
func brakedFor(s *survey.Survey) []*survey.Finding {
	if !s.Brake.Pulled || brakeHasDoneItsWork(s) {
		return nil
	}
	why := s.Before.Brake
	if len(why) == 0 {
		why = []rollout.Cause{{
			Code: rollout.CrashLoop, Nodes: s.Brake.Nodes, Since: s.Since(rollout.CrashLoop, "", true),
			Message: "containers of this commit's pods ended on more nodes than may fail, so the rollout was braked",
			Remedy:  "Read the logs of the pods that ended, fix the commit and push; the brake is lifted with it.",
		}}
	}
	var list []*survey.Finding
	for i := range why {
		for _, node := range why[i].Nodes {
			if at := s.SiteOf(node); at == nil || at.Settled || at.Finding != nil &&
				at.Finding.Code != rollout.Starting {
				continue
			}
			list = append(list, &survey.Finding{
				Code: why[i].Code, Key: "brake", Node: node, At: s.SiteOf(node), About: why[i].About,
				Message: why[i].Message, Remedy: why[i].Remedy, Since: why[i].Since, Final: true,
			})
		}
	}
	return list
}
