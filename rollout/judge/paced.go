package judge

import (
	"fmt"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// exposed is on how many nodes the commit could fail by now, and how many of them have not settled. A paced rollout has
// reached some only: their number is told, and those that have no old pod any more are among them.
func exposed(s *survey.Survey, j *rollout.Judgement) (nodes, toSettle int) {
	paced := s.Target.Paced
	if paced == nil {
		return j.Eligible, j.Desired - j.Settled
	}
	touched, toSettle := s.Counts[survey.Touched], s.Counts[survey.ToSettle]
	if paced.Reached == 0 {
		return min(touched, j.Eligible), toSettle
	}
	return min(paced.Reached, j.Eligible), toSettle + max(0, min(paced.Reached, j.Desired)-touched)
}

// reached is on how many nodes a paced commit could fail by now.
func reached(s *survey.Survey, j *rollout.Judgement) int {
	nodes, _ := exposed(s, j)
	return nodes
}

// standsStill reports whether nobody expects the rollout to go on: a person deletes its old pods, or its stage waits
// for something else than its nodes.
func standsStill(s *survey.Survey) bool {
	if s.Target.Paced != nil {
		return !s.Target.Paced.Moving
	}
	return s.Target.OnDelete
}

// lastMoved is when the last node settled, or the stage of a paced rollout was reached.
func lastMoved(s *survey.Survey) time.Time {
	rose := s.Remembered().Rose
	if s.Target.Paced != nil {
		return fact.Latest(rose, s.Target.Paced.Since)
	}
	return rose
}

func pacedLine(s *survey.Survey, j *rollout.Judgement) string {
	return fmt.Sprintf("daemon set %q is paced: %d of %d nodes run a settled new pod, %d have been reached",
		s.Target.Name, j.Settled, j.Desired, reached(s, j))
}

// noteOld says what becomes of old pods that the DaemonSet controller does not replace.
func noteOld(s *survey.Survey, j *rollout.Judgement, add func(format string, args ...any)) {
	paced := s.Target.Paced
	switch {
	case len(j.Old) == 0:
	case paced != nil:
		add("paced: the commit has reached %d of %d nodes; %d still run the old pod until their stage comes",
			reached(s, j), j.Eligible, len(j.Old))
	case s.Target.OnDelete:
		add("updateStrategy OnDelete: %d of %d nodes still run the old pod until somebody deletes it: %s", len(j.Old),
			j.Desired, words.Listed(j.Old))
	}
}
