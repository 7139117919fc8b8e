package judge

import (
	"fmt"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// unseenFor is how long a DaemonSet that was just applied may be missing from a cache before it counts as deleted.
const unseenFor = 10 * time.Second

// findTemplate finds the revision that the rollout is counted by. What it returns instead says why nothing counts yet.
func findTemplate(s *survey) *finding {
	if trouble := unseen(s); trouble != nil {
		return trouble
	}
	if trouble := overwritten(s); trouble != nil {
		return trouble
	}
	wanted := s.target.Generation
	if wanted == 0 {
		wanted = s.live.Generation
	}
	if observed := s.live.Status.ObservedGeneration; observed < wanted {
		return notObserved(s, fmt.Sprintf("the DaemonSet controller has observed generation %d, this commit is generation %d",
			observed, wanted))
	}
	current, found := fact.CurrentRevision(s.live, s.look.Revisions)
	switch {
	case s.look.Lacks(rollout.KindRevisions):
		current = fact.GuessHash(s.live, s.look.Pods)
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
func countBy(s *survey, current fact.Revision) {
	s.revision = current
	first := s.remembered().Observed.IsZero()
	if s.remembered().Hash == current.Hash && !first {
		return
	}
	switch {
	case !first || !s.before.First.IsZero():
		s.rememberRevision(current.Hash, s.now) // it was not so at the last look
	case s.offline():
		s.rememberRevision(current.Hash, fact.Latest(current.Since, s.live.CreationTimestamp.Time))
	default:
		s.rememberRevision(current.Hash, s.target.AppliedAt)
	}
}

// unseen is the trouble of a DaemonSet that is not there, or not in the state that the apply left it in.
func unseen(s *survey) *finding {
	name := s.target.Name
	switch {
	case s.live != nil && s.live.DeletionTimestamp != nil:
		return deleted(s, fmt.Sprintf("DaemonSet %s is being deleted", name), s.live.DeletionTimestamp.Time)
	case s.live != nil && s.live.Generation >= s.target.Generation:
		return nil
	case s.live != nil:
		return notObserved(s, fmt.Sprintf("DaemonSet %s is known only as of before this commit's apply", name))
	case s.before.Seen || s.now.Sub(s.target.AppliedAt) > unseenFor:
		return deleted(s, fmt.Sprintf("DaemonSet %s does not exist any more as it was applied: it was deleted, or deleted and made anew", name))
	}
	s.wakeAt(s.target.AppliedAt.Add(unseenFor))
	return notObserved(s, fmt.Sprintf("DaemonSet %s has not been seen since it was applied", name))
}

func deleted(s *survey, message string, known ...time.Time) *finding {
	return s.ripen(&finding{
		code: rollout.Deleted, message: message, since: s.since(rollout.Deleted, "", false, known...),
		remedy: "Find out who deleted it (the API server's audit log names them), then apply this commit again: " +
			"`daemongate sync`, or push a new commit.",
	})
}

func notObserved(s *survey, message string) *finding {
	return s.ripen(&finding{
		code: rollout.NotObserved, message: message, since: s.since(rollout.NotObserved, "", false, s.target.AppliedAt),
		remedy: "The DaemonSet controller is not keeping up. See whether kube-controller-manager runs and leads: " +
			"`kubectl -n kube-system get pods,leases | grep controller-manager`, and read its log.",
	})
}
