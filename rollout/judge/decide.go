package judge

import (
	"fmt"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/ahead"
	"github.com/daemongate/daemongate/rollout/cause"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
	"github.com/daemongate/daemongate/rollout/words"
)

// decide comes to the verdict.
func decide(s *survey.Survey, j *rollout.Judgement, f found) {
	complete := isComplete(s, j, f)
	if complete && !(passes(s) && isPatienceOver(s)) {
		j.Proving = provenAt(s)
		complete = j.Proving.IsZero()
	}
	if complete && s.Look.LeasesProblem != "" {
		complete, f.more = false, append(f.more, leasesUnread(s))
	}
	stuck := !complete && isEnough(s, j, f)
	if !complete && j.Proving.IsZero() && deadlinePassed(s) { // to prove takes the time that it takes
		stuck = true
		f = atTheDeadline(s, j, f)
	}
	j.Causes = causesOf(s, f, stuck)
	switch {
	case complete && !stuck:
		j.Verdict = rollout.Complete
		j.ReadLeases = len(s.Look.Leases) == 0 && !passes(s) && j.Eligible > 0
	case stuck:
		j.Verdict = rollout.Stuck
	}
	addNotes(s, j)
}

// passes reports whether the rollout is complete without a settled pod: a person replaces the pods, when they like.
// What they have replaced must settle and prove itself as in any rollout, for as long as there is patience.
// Pods that wait for another DaemonSet's to go have not been made to be replaced by a person.
func passes(s *survey.Survey) bool {
	return s.Target.OnDelete && !s.Options.WaitOnDelete && s.Target.Paced == nil && !s.HandsOver()
}

// isEnough reports whether what has failed is enough to be stuck: more nodes than may fail, all that are left, or
// something that concerns the DaemonSet as a whole. Of a paced rollout only the nodes count that it has reached.
func isEnough(s *survey.Survey, j *rollout.Judgement, f found) bool {
	for _, one := range f.more {
		if one.Final && one.Code != rollout.Starting {
			return true
		}
	}
	if s.Counts[survey.Failing] == 0 {
		return false
	}
	reached, toSettle := exposed(s, j)
	return s.Counts[survey.Failing] > rollout.Portion(s.Options.FailureBudget, reached) ||
		s.Counts[survey.FailingCount] >= toSettle
}

// atTheDeadline makes final whatever is wrong by then; if nothing is known to be, that is said.
func atTheDeadline(s *survey.Survey, j *rollout.Judgement, f found) found {
	f.final = true
	if len(f.more) == 0 && s.Counts[survey.Ailing] == 0 {
		f.more = append(f.more, noProgress(s, j))
	}
	return f
}

// isComplete reports whether the commit has taken over: every present node has a settled updated pod, at least one if
// any node matches, and few enough nodes are absent. A braked rollout is not, nor one whose DaemonSet fits no node any
// more.
func isComplete(s *survey.Survey, j *rollout.Judgement, f found) bool {
	switch {
	case s.Brake.Pulled:
		return false
	case j.Eligible == 0:
		return s.Live.Status.DesiredNumberScheduled == 0 && !hadNodes(s)
	case passes(s):
		// a person replaces the pods, later; those that were are judged as always
		return !isEnough(s, j, f) && !arePassing(s) && !areOnTheirWay(s)
	case j.Settled < j.Desired || len(j.Absent) > max(1, rollout.Portion(s.Options.AbsentBudget, j.Eligible)),
		!isLastinglyAbsent(s, j):
		return false
	}
	return s.Counts[survey.AnySettled] > 0
}

// hadNodes reports whether the DaemonSet was meant for some node before this commit. A dump tells it by the pods that
// are left, or by the template before.
func hadNodes(s *survey.Survey) bool {
	if s.Counts[survey.HavePods] > 0 {
		return true
	}
	if !s.Offline() || s.Target.HadNodes {
		return s.Target.HadNodes
	}
	before := fact.PreviousTemplate(s.Live, s.Look.Revisions, s.Revision)
	if before == nil {
		return false
	}
	w := fact.EligibilityOf(before)
	for _, n := range s.Look.Nodes {
		if w.Refuses(n) == "" {
			return true
		}
	}
	return false
}

// noEligibleNodes is a commit that took the DaemonSet off all its nodes.
func noEligibleNodes(s *survey.Survey) *survey.Finding {
	known := len(s.Sites) + s.Unwanted().Len() // by pods, or from before the nodes could not be read any more
	if s.Live.Status.DesiredNumberScheduled > 0 || s.Look.Lacks(rollout.KindNodes) && known > 0 {
		return nil
	}
	if s.Counts[survey.Eligible] > 0 || !hadNodes(s) {
		return nil
	}
	return s.Ripen(&survey.Finding{
		Code: rollout.NoEligibleNodes, Since: s.Since(rollout.NoEligibleNodes, "", false, s.Remembered().Observed),
		Message: "no node is eligible any more: " + who(s) + " took the DaemonSet off all its nodes",
		Remedy: fmt.Sprintf("Correct nodeSelector, node affinity or tolerations in Git: `kubectl get nodes "+
			"--show-labels` against `kubectl -n %s get ds %s -o jsonpath={.spec.template.spec}`.", s.Live.Namespace,
			s.Live.Name),
	})
}

// who is what has changed the DaemonSet: of a live one nobody knows of a commit.
func who(s *survey.Survey) string {
	if s.Offline() {
		return "its newest template"
	}
	return "the commit"
}

// addNotes adds what is worth knowing and nobody's trouble.
func addNotes(s *survey.Survey, j *rollout.Judgement) {
	add := func(format string, args ...any) { j.Notes = append(j.Notes, fmt.Sprintf(format, args...)) }
	if j.Eligible == 0 {
		add("no eligible nodes")
	}
	if s.MinReady == 0 && j.Eligible > 0 && j.Verdict != rollout.Complete && !s.Target.OnDelete {
		j.Notes = append(j.Notes, ahead.NoMinReady)
	}
	if j.Verdict == rollout.Complete && s.Counts[survey.Unsettled] > 0 {
		add("not waited for any longer: new pods that have not settled, on %s",
			words.Listed(survey.NamesWhere(s, isUnsettled)))
	}
	noteOld(s, j, add)
	if len(j.Absent) > 0 {
		add("absent, not counted: %s", words.Listed(j.Absent))
	}
	noteFailing(s, j, add)
	noteHandover(s, add)
	if s.Brake.Pulled {
		add("the brake is pulled: old pods stay; a node that loses its old pod gets the new template all the same")
	}
	if s.Counts[survey.Stale] > 0 {
		stale := survey.NamesWhere(s, func(at *survey.Site) bool { return at.Stale && at.Counts() })
		add("no sign of life for longer than %s, so not settled: %s", survey.LeaseTolerance, words.Listed(stale))
		s.WakeAt(s.Now().Add(LeasesPause))
	}
	cause.NoteBudget(s, add)
	cause.NoteClocks(s, add)
	if len(s.Look.Missing) > 0 {
		add("judged without %s, so less is known", words.Listed(s.Look.Missing))
	}
}
