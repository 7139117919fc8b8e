package cause

import (
	"fmt"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
)

// unseenFor is how long a DaemonSet that was just applied may be missing from a cache before it counts as deleted.
const unseenFor = 10 * time.Second

// FindTemplate finds the revision that the rollout is counted by. What it returns instead says why nothing counts yet.
func FindTemplate(s *survey.Survey) *survey.Finding {
	if trouble := unseen(s); trouble != nil {
		return trouble
	}
	if trouble := overwritten(s); trouble != nil {
		return trouble
	}
	wanted := s.Target.Generation
	if wanted == 0 {
		wanted = s.Live.Generation
	}
	if observed := s.Live.Status.ObservedGeneration; observed < wanted {
		return notObserved(s, fmt.Sprintf("the DaemonSet controller has observed generation %d, this commit is "+
			"generation %d",
			observed, wanted))
	}
	current, found := survey.CurrentRevision(s)
	switch {
	case s.Look.Lacks(rollout.KindRevisions):
		current = fact.GuessHash(s.Live, s.Look.Pods)
	case !found:
		return notObserved(s, "no ControllerRevision has the DaemonSet's template yet")
	}
	if changedBehindUs(s, current) {
		return cannotTell(s)
	}
	countBy(s, current)
	return nil
}

// countBy begins, or goes on, to count by a revision.
func countBy(s *survey.Survey, current fact.Revision) {
	s.Revision = current
	first := s.Remembered().Observed.IsZero()
	if s.Remembered().Hash == current.Hash && !first {
		return
	}
	switch {
	case !first || !s.Before.First.IsZero():
		s.RememberRevision(current.Hash, s.Now()) // it was not so at the last look
	case s.Offline():
		s.RememberRevision(current.Hash, fact.Latest(current.Since, s.Live.CreationTimestamp.Time))
	default:
		s.RememberRevision(current.Hash, s.Target.AppliedAt)
	}
}

// unseen is the trouble of a DaemonSet that is not there, or not in the state that the apply left it in.
func unseen(s *survey.Survey) *survey.Finding {
	name := s.Target.Name
	switch {
	case s.Live != nil && s.Live.DeletionTimestamp != nil:
		return deleted(s, fmt.Sprintf("DaemonSet %s is being deleted", name), s.Live.DeletionTimestamp.Time)
	case s.Live != nil && s.Live.Generation >= s.Target.Generation:
		return nil
	case s.Live != nil:
		return notObserved(s, fmt.Sprintf("DaemonSet %s is known only as of before this commit's apply", name))
	case s.Before.Seen || s.Now().Sub(s.Target.AppliedAt) > unseenFor:
		return deleted(s, fmt.Sprintf("DaemonSet %s does not exist any more as it was applied: it was deleted, or "+
			"deleted and made anew", name))
	}
	s.WakeAt(s.Target.AppliedAt.Add(unseenFor))
	return notObserved(s, fmt.Sprintf("DaemonSet %s has not been seen since it was applied", name))
}

func deleted(s *survey.Survey, message string, known ...time.Time) *survey.Finding {
	return s.Ripen(&survey.Finding{
		Code: rollout.Deleted, Message: message, Since: s.Since(rollout.Deleted, "", false, known...),
		Remedy: "Find out who deleted it (the API server's audit log names them), then apply this commit again: " +
			"`daemongate sync`, or push a new commit.",
	})
}

func notObserved(s *survey.Survey, message string) *survey.Finding {
	return s.Ripen(&survey.Finding{
		Code: rollout.NotObserved, Message: message, Since: s.Since(rollout.NotObserved, "", false, s.Target.AppliedAt),
		Remedy: "The DaemonSet controller is not keeping up. See whether kube-controller-manager runs and leads: " +
			"`kubectl -n kube-system get pods,leases | grep controller-manager`, and read its log.",
	})
}
