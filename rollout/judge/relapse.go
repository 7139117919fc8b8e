package judge

import (
	"slices"

	"github.com/daemongate/daemongate/rollout"
)

// ends are the causes of containers that end although they ran.
var ends = []rollout.Code{rollout.CrashLoop, rollout.ProbeFailing, rollout.HookFailing}

// Relapsed says of a rollout that was complete whether containers keep ending again, on more nodes than may fail. The
// judgement that it returns names the causes of that alone, and only those that have ripened.
func Relapsed(j rollout.Judgement, o rollout.Options) (rollout.Judgement, bool) {
	var causes []rollout.Cause
	failing := map[string]bool{}
	for _, c := range j.Causes {
		if !c.Final || !slices.Contains(ends, c.Code) {
			continue
		}
		causes = append(causes, c)
		for _, n := range c.Nodes {
			failing[n] = true
		}
	}
	j.Verdict, j.Causes = rollout.Stuck, causes
	return j, len(failing) > rollout.Portion(o.WithDefaults().FailureBudget, j.Eligible)
}

// Recovered says of a rollout that has relapsed whether no more nodes than may fail lack a settled pod.
func Recovered(j rollout.Judgement, o rollout.Options) bool {
	return j.Desired-j.Settled <= rollout.Portion(o.WithDefaults().FailureBudget, j.Eligible)
}
