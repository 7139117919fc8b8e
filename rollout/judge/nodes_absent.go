package judge

import (
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
)

// absentFor is how long a node must have been not ready before a rollout may complete without it. One that is so for a
// moment, or while it boots, comes back and runs what was called complete.
const absentFor = time.Minute

// isLastinglyAbsent reports whether the nodes that are absent have been not ready for long enough to be left out for
// good. By a node's clock that is known to be behind it seems longer than it is.
func isLastinglyAbsent(s *survey.Survey, j *rollout.Judgement) bool {
	lasting := true
	for _, name := range j.Absent {
		at := s.SiteOf(name)
		instant := at.Down.Add(at.Lag()).Add(absentFor)
		s.WakeAt(instant)
		lasting = lasting && s.Reached(instant)
	}
	return lasting
}

// areOnTheirWay reports whether a new pod has neither settled nor failed yet: a rollout that does not wait for its old
// pods waits for those that were replaced, for as long as a rollout may stand still: all of them together, since its
// template was observed, so that it does not wait for as long as somebody goes on replacing pods.
func areOnTheirWay(s *survey.Survey) bool {
	waits := false
	for i := range s.Sites {
		at := &s.Sites[i]
		failed := at.Finding != nil && at.Finding.Final && at.Finding.Code != rollout.Starting
		if !isUnsettled(at) || failed {
			continue
		}
		instant := soonest(at.Updated.CreationTimestamp.Add(patience(s)), patienceEnds(s))
		s.WakeAt(instant)
		waits = waits || !s.Reached(instant)
	}
	return waits
}

// patience is how long a rollout may stand still.
func patience(s *survey.Survey) time.Duration {
	return s.Options.ProgressDeadline + fact.Allowance(s.Live)
}

// patienceEnds is until when a rollout that does not wait for its old pods waits for the new ones, whatever becomes of
// them meanwhile; zero if it is not known since when it has.
func patienceEnds(s *survey.Survey) time.Time {
	if observed := s.Remembered().Observed; !observed.IsZero() {
		return observed.Add(patience(s))
	}
	return time.Time{}
}

// isPatienceOver reports whether such a rollout waits for nothing any more.
func isPatienceOver(s *survey.Survey) bool {
	ends := patienceEnds(s)
	return !ends.IsZero() && s.Reached(ends)
}

// soonest is the earlier of two times, of which the second may be unknown.
func soonest(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// isUnsettled reports whether a node that counts has a new pod that has not settled.
func isUnsettled(at *survey.Site) bool { return at.Updated != nil && !at.Settled && at.Counts() }

// arePassing reports whether something ails a node that counts which may pass, or become a cause: a rollout that does
// not wait for its old pods waits so long, and for one trouble after the other no longer than its patience lasts.
func arePassing(s *survey.Survey) bool {
	waits := false
	for i := range s.Sites {
		f := s.Sites[i].Finding
		if f == nil || f.Final || f.Code == rollout.Starting || !s.Sites[i].Counts() {
			continue
		}
		instant := soonest(f.Since.Add(max(s.Options.TimeFor(f.Code), s.Options.Probation)), patienceEnds(s))
		s.WakeAt(instant)
		waits = waits || !s.Reached(instant)
	}
	return waits
}
