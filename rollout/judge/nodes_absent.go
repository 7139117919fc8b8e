package judge

import (
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// absentFor is how long a node must have been not ready before a rollout may complete without it. One that is so for a
// moment, or while it boots, comes back and runs what was called complete.
const absentFor = time.Minute

// isLastinglyAbsent reports whether the nodes that are absent have been not ready for long enough to be left out for good. By
// a node's clock that is known to be behind it seems longer than it is.
func isLastinglyAbsent(s *survey) bool {
	lasting := true
	for i := range s.sites {
		at := &s.sites[i]
		if at.state != rollout.IsAbsent {
			continue
		}
		instant := at.down.Add(at.lag()).Add(absentFor)
		s.wakeAt(instant)
		lasting = lasting && !s.now.Before(instant)
	}
	return lasting
}

// lag is how far a node's clock is known to be behind.
func (at *site) lag() time.Duration {
	if at.clocked {
		return max(0, -at.ahead)
	}
	if at.updated != nil {
		return fact.ClockLag(at.updated)
	}
	return 0
}

// arePassing reports whether something ails a node that counts which may pass, or become a cause: a rollout that does not wait
// for its old pods waits so long.
func arePassing(s *survey, findings []finding) bool {
	waits := false
	for i := range findings {
		f := &findings[i]
		if f.final || f.code == rollout.Starting || f.node == "" || !s.siteOf(f.node).counts() {
			continue
		}
		instant := f.since.Add(max(s.options.TimeFor(f.code), s.options.Probation))
		s.wakeAt(instant)
		waits = waits || s.now.Before(instant)
	}
	return waits
}
