package rollout

import "slices"

// ends are the causes of containers that end although they ran.
var ends = []Code{CrashLoop, ProbeFailing, HookFailing}

// Relapsed says of a rollout that was complete whether containers keep ending again, on more nodes than may fail. The
// judgement that it returns names the causes of that alone, and only those that have ripened.
func Relapsed(j Judgement, o Options) (Judgement, bool) {
	var causes []Cause
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
	j.Verdict, j.Causes = Stuck, causes
	return j, len(failing) > portion(o.withDefaults().FailureBudget, j.Eligible)
}

// Recovered says of a rollout that has relapsed whether no more nodes than may fail lack a settled pod.
func Recovered(j Judgement, o Options) bool {
	return j.Desired-j.Settled <= portion(o.withDefaults().FailureBudget, j.Eligible)
}
