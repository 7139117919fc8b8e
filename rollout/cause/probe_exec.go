package cause

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/survey"
)

// neverRuns is how long a probe may lack its own program: the agent itself may put it there when it starts.
const neverRuns = 30 * time.Second

// neverPasses is a container whose startup or readiness probe cannot even be run, because its program is not in the
// image. The kubelet takes no notice of such an answer: it neither restarts the container nor lets it become ready, and
// waiting does not help.
func neverPasses(s *survey.Survey, at *survey.Site, p *corev1.Pod) *survey.Finding {
	for _, status := range goingOn(p) {
		kind := "readiness"
		if status.Started != nil && !*status.Started {
			kind = "startup"
		}
		c := survey.ContainerCase{Pod: p, Status: status}
		probe := probeOf(s, c, kind)
		if status.State.Running == nil || status.Ready || probe == nil || probe.Exec == nil ||
			len(probe.Exec.Command) == 0 {
			continue
		}
		said := complaints(s, c, kind)
		if !said.Found() || !cannotRun(said.Message, probe.Exec.Command[0]) {
			continue
		}
		f := probeFinding(s, c, kind)
		f.Container = status.Name
		f.Message = fmt.Sprintf("%s runs but can never be ready: its %s probe%s cannot be run%s", c.Kind(), kind,
			probeAsks(s, c, kind), unhealthy(s, c, kind))
		f.Remedy = fmt.Sprintf("Put %s into the image, or correct the command of the %s probe of %s in Git. Try it: "+
			"`kubectl -n %s exec %s -c %s -- %[1]s`.",
			probe.Exec.Command[0], kind, c.Kind(), s.Live.Namespace, p.Name, status.Name)
		f.Since = s.Since(rollout.ProbeFailing, at.Name, false, said.First)
		return ripenProbe(s, f, said.Count)
	}
	return nil
}

// ripenProbe makes a probe that cannot be run final at its second answer, once it has had the time to be put there.
func ripenProbe(s *survey.Survey, f *survey.Finding, answers int) *survey.Finding {
	wait := neverRuns
	if survey.HasAfter(s, rollout.ProbeFailing) {
		wait = s.Options.TimeFor(rollout.ProbeFailing)
	}
	instant := f.Since.Add(wait)
	f.Final = answers >= 2 && s.Reached(instant)
	s.WakeAt(instant)
	return f
}

// cannotRun reports whether the kubelet could not run a probe's own program: it "errored" where one that ran "failed",
// and the runtime quotes the program.
func cannotRun(message, program string) bool {
	if !strings.Contains(message, "probe errored") || !strings.Contains(message, program) {
		return false
	}
	return slices.ContainsFunc([]string{"no such file or directory", "executable file", "permission denied",
		"exec format error"}, func(why string) bool {
		return strings.Contains(message, why)
	})
}
