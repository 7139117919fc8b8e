package judge

import (
	"fmt"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/cause"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// headlineOf is the rollout in one line. kubectl's four lines are used where they are true (kubectl polymorphichelpers,
// rollout_status.go): never "successfully rolled out" before Complete, never "waiting" for what waiting cannot help,
// and no count of available pods that counts old ones.
func headlineOf(s *survey.Survey, j *rollout.Judgement) string {
	name := s.Target.Name
	switch {
	case j.Verdict == rollout.Stuck && len(j.Causes) > 0:
		return stuckLine(name, j)
	case j.Verdict == rollout.Complete && s.Target.OnDelete && len(j.Old) > 0:
		return fmt.Sprintf("daemon set %q waits for its old pods to be deleted: %d of %d nodes still run them", name,
			len(j.Old), j.Desired)
	case j.Verdict == rollout.Complete:
		return fmt.Sprintf("daemon set %q successfully rolled out", name)
	case !j.Proving.IsZero():
		return fmt.Sprintf("daemon set %q: %s settled, proving until %s", name, words.Plural(j.Settled, "node"),
			cause.Stamp(j.Proving))
	case s.Live != nil && s.Live.Status.ObservedGeneration < max(s.Target.Generation, s.Live.Generation):
		return "Waiting for daemon set spec update to be observed..."
	case s.Revision.Hash == "":
		return fmt.Sprintf("daemon set %q: nothing can be counted yet", name)
	case s.Target.Paced != nil:
		return pacedLine(s, j)
	case s.Target.OnDelete:
		return fmt.Sprintf("daemon set %q waits for its old pods to be deleted: %d of %d nodes run a settled new pod",
			name, j.Settled, j.Desired)
	}
	return progressLine(s, j)
}

// progressLine is kubectl's line if the controller's counters are those that count.
func progressLine(s *survey.Survey, j *rollout.Judgement) string {
	status, name := &s.Live.Status, s.Target.Name
	desired, updated := int(status.DesiredNumberScheduled), int(status.UpdatedNumberScheduled)
	ours, available := s.Counts[survey.Running], s.Counts[survey.Available]
	switch {
	case updated < desired && updated == ours:
		return fmt.Sprintf("Waiting for daemon set %q rollout to finish: %d out of %d new pods have been updated...",
			name, updated, desired)
	case updated >= desired && int(status.NumberAvailable) < desired && int(status.NumberAvailable) == available:
		return fmt.Sprintf("Waiting for daemon set %q rollout to finish: %d of %d updated pods are available...", name,
			available, desired)
	}
	return fmt.Sprintf("daemon set %q: %d of %d nodes run a settled new pod", name, j.Settled, j.Desired)
}

// stuckLine names the leading cause and where it is.
func stuckLine(name string, j *rollout.Judgement) string {
	c := &j.Causes[0]
	line := fmt.Sprintf("daemon set %q is stuck: %s", name, c.Code)
	if c.About != "" {
		line += " (" + c.About + ")"
	}
	if len(c.Nodes) > 0 {
		line += " on " + words.FoldSome(c.Nodes)
	}
	return line
}
