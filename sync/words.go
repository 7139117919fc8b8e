package sync

import (
	"fmt"

	"github.com/daemongate/daemongate/rollout"
)

// message is what a commit's state says about its rollouts, in one line.
func message(judgements []rollout.Judgement) string {
	if len(judgements) == 0 {
		return "nothing to roll out"
	}
	settled := 0
	for _, j := range judgements {
		if j.Verdict == rollout.Stuck && len(j.Causes) > 0 {
			c := j.Causes[0]
			return fmt.Sprintf("%s on %s: %s", c.Code, counted(len(c.Nodes), "node"), c.Message)
		}
		settled += j.Settled
	}
	for _, j := range judgements {
		if j.Verdict != rollout.Complete {
			return j.Headline
		}
	}
	return fmt.Sprintf("%s settled", counted(settled, "node"))
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
