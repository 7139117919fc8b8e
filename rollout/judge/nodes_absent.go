package judge

import (
	"time"

	"github.com/daemongate/daemongate/rollout"
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
