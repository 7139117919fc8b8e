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
func isLastinglyAbsent(s *survey.Survey) bool {
	lasting := true
	for i := range s.Sites {
		at := &s.Sites[i]
		if at.State != rollout.IsAbsent {
			continue
		}
		instant := at.Down.Add(at.Lag()).Add(absentFor)
		s.WakeAt(instant)
		lasting = lasting && s.Reached(instant)
	}
	return lasting
}

// areOnTheirWay reports whether a new pod has neither settled nor failed yet: a rollout that does not wait for its old
// pods waits for those that were replaced, for as long as a rollout may stand still: all of them together, since its
// template was observed, so that it does not wait for as long as somebody goes on replacing pods.
func areOnTheirWay(s *survey.Survey, findings []*survey.Finding) bool {
	failed := map[*survey.Site]bool{}
	for _, f := range findings {
		failed[f.At] = failed[f.At] || f.Final && f.Code != rollout.Starting
	}
	waits, patience := false, s.Options.ProgressDeadline+fact.Allowance(s.Live)
	for i := range s.Sites {
		at := &s.Sites[i]
		if !isUnsettled(at) || failed[at] {
			continue
		}
		instant := at.Updated.CreationTimestamp.Add(patience)
		if last := s.Remembered().Observed.Add(patience); !s.Remembered().Observed.IsZero() && last.Before(instant) {
			instant = last
		}
		s.WakeAt(instant)
		waits = waits || !s.Reached(instant)
	}
	return waits
}

// isUnsettled reports whether a node that counts has a new pod that has not settled.
func isUnsettled(at *survey.Site) bool { return at.Updated != nil && !at.Settled && at.Counts() }

// arePassing reports whether something ails a node that counts which may pass, or become a cause: a rollout that does
// not wait for its old pods waits so long.
func arePassing(s *survey.Survey, findings []*survey.Finding) bool {
	waits := false
	for _, f := range findings {
		if f.Final || f.Code == rollout.Starting || f.At == nil || !f.At.Counts() {
			continue
		}
		instant := f.Since.Add(max(s.Options.TimeFor(f.Code), s.Options.Probation))
		s.WakeAt(instant)
		waits = waits || !s.Reached(instant)
	}
	return waits
}
