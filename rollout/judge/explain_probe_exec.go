package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
)

// neverRuns is how long a probe may lack its own program: the agent itself may put it there when it starts.
const neverRuns = 30 * time.Second

// neverPasses is a container whose startup or readiness probe cannot even be run, because its program is not in the image. The
// kubelet takes no notice of such an answer: it neither restarts the container nor lets it become ready, and waiting does not
// help.
func neverPasses(s *survey, at *site, p *corev1.Pod) *finding {
	for _, status := range goingOn(p) {
		kind := "readiness"
		if status.Started != nil && !*status.Started {
			kind = "startup"
		}
		c := containerCase{pod: p, status: status}
		probe := probeOf(s, c, kind)
		if status.State.Running == nil || status.Ready || probe == nil || probe.Exec == nil || len(probe.Exec.Command) == 0 {
			continue
		}
		said := complaints(s, c, kind)
		if !said.Found() || !cannotRun(said.Message, probe.Exec.Command[0]) {
			continue
		}
		f := probeFinding(s, c, kind)
		f.container = status.Name
		f.message = fmt.Sprintf("%s runs but can never be ready: its %s probe%s cannot be run%s", c.kind(), kind, probeAsks(s, c, kind), unhealthy(s, c, kind))
		f.remedy = fmt.Sprintf("Put %s into the image, or correct the command of the %s probe of %s in Git. Try it: `kubectl -n %s exec %s -c %s -- %[1]s`.",
			probe.Exec.Command[0], kind, c.kind(), s.live.Namespace, p.Name, status.Name)
		f.since = s.since(rollout.ProbeFailing, at.name, false, said.First)
		return ripenProbe(s, f, said.Count)
	}
	return nil
}

// ripenProbe makes a probe that cannot be run final at its second answer, once it has had the time to be put there.
func ripenProbe(s *survey, f *finding, answers int) *finding {
	wait := neverRuns
	if hasAfter(s, rollout.ProbeFailing) {
		wait = s.options.TimeFor(rollout.ProbeFailing)
	}
	instant := f.since.Add(wait)
	f.final = answers >= 2 && !s.now.Before(instant)
	s.wakeAt(instant)
	return f
}

// cannotRun reports whether the kubelet could not run a probe's own program: it "errored" where one that ran "failed", and the
// runtime quotes the program.
func cannotRun(message, program string) bool {
	if !strings.Contains(message, "probe errored") || !strings.Contains(message, program) {
		return false
	}
	return slices.ContainsFunc([]string{"no such file or directory", "executable file", "permission denied", "exec format error"}, func(why string) bool {
		return strings.Contains(message, why)
	})
}
