package judge

import (
	"fmt"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/words"
)

// decide comes to the verdict.
func decide(s *survey, j *rollout.Judgement, findings []finding) {
	complete := isComplete(s, j, findings)
	if complete && !passes(s) {
		j.Proving = provenAt(s)
		complete = j.Proving.IsZero()
	}
	if complete && s.look.LeasesProblem != "" {
		complete, findings = false, append(findings, leasesUnread(s))
	}
	stuck := !complete && isEnough(s, j, findings)
	if !complete && j.Proving.IsZero() && deadlinePassed(s) { // to prove takes the time that it takes
		stuck = true
		findings = atTheDeadline(s, j, findings)
	}
	j.Causes = causesOf(s, findings, stuck)
	switch {
	case complete && !stuck:
		j.Verdict = rollout.Complete
		j.ReadLeases = len(s.look.Leases) == 0 && !passes(s) && j.Eligible > 0
	case stuck:
		j.Verdict = rollout.Stuck
	}
	addNotes(s, j)
}

// passes reports whether the rollout is complete without a settled pod: a person replaces the pods, when they like. Pods that
// wait for another DaemonSet's to go have not been made to be replaced by a person.
func passes(s *survey) bool { return s.target.OnDelete && !s.options.WaitOnDelete && !s.handsOver() }

// isEnough reports whether what has failed is enough to be stuck: more nodes than may fail, all that are left, or something
// that concerns the DaemonSet as a whole.
func isEnough(s *survey, j *rollout.Judgement, findings []finding) bool {
	failing, left := 0, 0
	for i := range findings {
		f := &findings[i]
		switch {
		case !f.final || f.code == rollout.Starting:
			continue
		case f.node == "":
			return true
		}
		failing++
		if s.siteOf(f.node).counts() {
			left++
		}
	}
	if failing == 0 {
		return false
	}
	return failing > rollout.Portion(s.options.FailureBudget, j.Eligible) || left >= j.Desired-j.Settled
}

// atTheDeadline makes final whatever is wrong by then; if nothing is known to be, that is said.
func atTheDeadline(s *survey, j *rollout.Judgement, findings []finding) []finding {
	explained := false
	for i := range findings {
		if findings[i].code != rollout.Starting {
			findings[i].final, explained = true, true
		}
	}
	if !explained {
		findings = append(findings, noProgress(s, j))
	}
	return findings
}

// isComplete reports whether the commit has taken over: every present node has a settled updated pod, at least one if any
// node matches, and few enough nodes are absent. A braked rollout is not, nor one whose DaemonSet fits no node any more.
func isComplete(s *survey, j *rollout.Judgement, findings []finding) bool {
	switch {
	case s.brake.pulled:
		return false
	case j.Eligible == 0:
		return s.live.Status.DesiredNumberScheduled == 0 && !hadNodes(s)
	case passes(s):
		return !isEnough(s, j, findings) && !arePassing(s, findings) // a person replaces the pods, later; those that were are judged as always
	case j.Settled < j.Desired || len(j.Absent) > max(1, rollout.Portion(s.options.AbsentBudget, j.Eligible)), !isLastinglyAbsent(s):
		return false
	}
	for i := range s.sites {
		if s.sites[i].settled {
			return true
		}
	}
	return false
}

// hadNodes reports whether the DaemonSet was meant for some node before this commit. A dump tells it by the pods that
// are left, or by the template before.
func hadNodes(s *survey) bool {
	for i := range s.sites {
		if at := &s.sites[i]; !at.missing() {
			return true
		}
	}
	if !s.offline() || s.target.HadNodes {
		return s.target.HadNodes
	}
	before := fact.PreviousTemplate(s.live, s.look.Revisions, s.revision)
	if before == nil {
		return false
	}
	w := fact.EligibilityOf(before)
	for _, n := range s.look.Nodes {
		if w.Refuses(n) == "" {
			return true
		}
	}
	return false
}

// noEligibleNodes is a commit that took the DaemonSet off all its nodes.
func noEligibleNodes(s *survey) *finding {
	if s.live.Status.DesiredNumberScheduled > 0 || s.look.Lacks(rollout.KindNodes) && len(s.sites) > 0 {
		return nil
	}
	for i := range s.sites {
		if s.sites[i].state != rollout.IsNotEligible {
			return nil
		}
	}
	if !hadNodes(s) {
		return nil
	}
	return s.ripen(&finding{
		code: rollout.NoEligibleNodes, since: s.since(rollout.NoEligibleNodes, "", false, s.remembered().Observed),
		message: "no node is eligible any more: the commit took the DaemonSet off all its nodes",
		remedy: fmt.Sprintf("Correct nodeSelector, node affinity or tolerations in Git: `kubectl get nodes --show-labels` against "+
			"`kubectl -n %s get ds %s -o jsonpath={.spec.template.spec}`.", s.live.Namespace, s.live.Name),
	})
}

// addNotes adds what is worth knowing and nobody's trouble.
func addNotes(s *survey, j *rollout.Judgement) {
	add := func(format string, args ...any) { j.Notes = append(j.Notes, fmt.Sprintf(format, args...)) }
	if j.Eligible == 0 {
		add("no eligible nodes")
	}
	if s.minReady == 0 && j.Eligible > 0 && j.Verdict != rollout.Complete && !s.target.OnDelete {
		j.Notes = append(j.Notes, noMinReady)
	}
	if s.target.OnDelete && len(j.Old) > 0 {
		add("updateStrategy OnDelete: %d of %d nodes still run the old pod until somebody deletes it: %s", len(j.Old), j.Desired, words.Listed(j.Old))
	}
	if len(j.Absent) > 0 {
		add("absent, not counted: %s", words.Listed(j.Absent))
	}
	noteFailing(s, j, add)
	noteHandover(s, add)
	if s.brake.pulled {
		add("the brake is pulled: old pods stay; a node that loses its old pod gets the new template all the same")
	}
	if stale := namesWhere(s, func(at *site) bool { return at.stale && at.counts() }); len(stale) > 0 {
		add("no sign of life for longer than %s, so not settled: %s", leaseTolerance, words.Listed(stale))
		s.wakeAt(s.now.Add(LeasesPause))
	}
	noteBudget(s, add)
	noteClocks(s, add)
	if len(s.look.Missing) > 0 {
		add("judged without %s, so less is known", words.Listed(s.look.Missing))
	}
}
