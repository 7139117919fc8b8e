package object

import (
	"fmt"
	"strings"

	"github.com/daemongate/daemongate/rollout"
)

// remedy is what a person can do about an object that is not ready.
func (s *objectSurvey) remedy(code rollout.Code) string {
	where, kind := "", strings.ToLower(s.target.Kind)
	if s.target.Namespace != "" {
		where = " -n " + s.target.Namespace
	}
	describe := fmt.Sprintf("`kubectl%s describe %s %s`", where, kind, s.target.Name)
	events := fmt.Sprintf("`kubectl%s get events --sort-by=.lastTimestamp`", where)
	switch code {
	case rollout.Deleted:
		if s.target.Kind == "Job" {
			return "Apply this commit again: `daemongate sync`. If its ttlSecondsAfterFinished let it vanish before " +
				"it was seen to be complete, make that longer."
		}
		return "Find out who deleted it (the API server's audit log names them), then apply this commit again: " +
			"`daemongate sync`, or push a new commit."
	case rollout.NotObserved:
		return "Its controller is not keeping up. See whether it runs, and read its log. What the object says: " +
			describe + "."
	case rollout.JobFailed:
		return fmt.Sprintf("Read what its pods said: `kubectl%s logs job/%s --all-pods`, and %s. A Job does not run "+
			"a second time: push the fix as a Job of another name, or delete this one and `daemongate sync`.", where,
			s.target.Name, describe)
	case rollout.ProgressDeadlineExceeded:
		return fmt.Sprintf("See what keeps its new pods from being available: %s and %s. Then push the fix; it is "+
			"applied at once.", describe, events)
	case rollout.NotEstablished:
		return fmt.Sprintf("See what the API server has against it: %s. Most often another CustomResourceDefinition "+
			"has one of its names: choose others.", describe)
	}
	return fmt.Sprintf("See what it waits for: %s and %s. If no commit has to wait for it, annotate it with "+
		"`daemongate.io/wait: \"false\"`.", describe, events)
}
