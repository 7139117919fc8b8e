package judge

import (
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/words"
)

// brake is what the DaemonSet's annotation says of the brake.
type brake struct {
	pulled bool
	nodes  []string // that it was pulled for
}

// brakeOf reads the brake off a live object (see manifests.Brake).
func brakeOf(d *appsv1.DaemonSet) brake {
	fields := strings.Fields(d.Annotations[manifests.BrakeAnnotation])
	switch len(fields) {
	case 0:
		return brake{}
	case 1:
		return brake{pulled: true}
	}
	nodes := strings.Split(fields[1], ",")
	slices.Sort(nodes)
	return brake{pulled: true, nodes: nodes}
}

// adviseBrake says what is to be done about the brake (docs/design.md §6, "The brake").
func adviseBrake(s *survey, j *rollout.Judgement) {
	budget := rollout.Portion(s.options.FailureBudget, j.Eligible)
	spreading := len(j.Ended) > budget && j.OldAvailable > 0
	switch {
	case s.options.NoBrake:
		if s.brake.pulled {
			j.Brake = rollout.BrakeLift
		}
	case s.brake.pulled && !brakeHasDoneItsWork(s):
	case s.brake.pulled && !spreading:
		j.Brake = rollout.BrakeLift
	case s.target.OnDelete:
	case spreading:
		j.Brake = rollout.BrakePull // also for others than it is pulled for, who alone would have it lifted
	}
	rememberWhy(s, j)
}

// strayFor is how long a node that the brake was pulled for must not have been eligible before the brake lets go of it. A
// taint that comes and goes, as one of a node that boots does, says nothing of the agent.
const strayFor = 10 * time.Minute

// brakeHasDoneItsWork reports whether each node that the brake was pulled for has a settled updated pod, or is gone, or has
// not been eligible for long. With maxSurge only another template ends it: under OnDelete the controller deletes the new
// pods that stand beside old ones, and would make them anew.
func brakeHasDoneItsWork(s *survey) bool {
	done := !surges(s)
	for _, name := range s.brake.nodes {
		at := s.siteOf(name)
		switch {
		case at == nil:
		case at.state == rollout.IsNotEligible:
			lasted := s.since(rollout.NoEligibleNodes, name, true).Add(strayFor)
			s.wakeAt(lasted)
			done = done && !s.now.Before(lasted)
		default:
			done = done && at.settled
		}
	}
	return done
}

// rememberWhy keeps the causes that the brake is pulled for, for as long as it is: they stay the cause even when the pods
// that showed them are gone.
func rememberWhy(s *survey, j *rollout.Judgement) {
	if !s.brake.pulled && j.Brake != rollout.BrakePull {
		s.rememberBrake(nil)
		return
	}
	if s.brake.pulled && len(s.remembered().Brake) > 0 {
		return
	}
	var causes []rollout.Cause
	for _, c := range j.Causes {
		if !isEnding(c.Code) {
			continue
		}
		c.Nodes, c.Pods = c.Nodes[:min(len(c.Nodes), 20)], nil
		c.About, c.Message, c.Remedy = words.Clip(c.About, 200), words.Clip(c.Message, 800), words.Clip(c.Remedy, 800)
		c.Final = c.Final || s.brake.pulled
		if causes = append(causes, c); len(causes) == 3 {
			break
		}
	}
	s.rememberBrake(causes)
}

// isEnding reports whether a cause is one that ends containers.
func isEnding(c rollout.Code) bool {
	return c == rollout.CrashLoop || c == rollout.ProbeFailing || c == rollout.HookFailing || c == rollout.ConfigError
}

// brakedFor are the findings that the brake was pulled for, of nodes that show no cause of their own any more and have
// not settled.
func brakedFor(s *survey) []finding {
	if !s.brake.pulled || brakeHasDoneItsWork(s) {
		return nil
	}
	why := s.before.Brake
	if len(why) == 0 {
		why = []rollout.Cause{{
			Code: rollout.CrashLoop, Nodes: s.brake.nodes, Since: s.since(rollout.CrashLoop, "", true),
			Message: "containers of this commit's pods ended on more nodes than may fail, so the rollout was braked",
			Remedy:  "Read the logs of the pods that ended, fix the commit and push; the brake is lifted with it.",
		}}
	}
	var list []finding
	for i := range why {
		for _, node := range why[i].Nodes {
			if at := s.siteOf(node); at == nil || at.settled || at.finding != nil && at.finding.code != rollout.Starting {
				continue
			}
			list = append(list, finding{
				code: why[i].Code, key: "brake", node: node, about: why[i].About, message: why[i].Message,
				remedy: why[i].Remedy, since: why[i].Since, final: true,
			})
		}
	}
	return list
}
