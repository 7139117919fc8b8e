package rollout

import "time"

// heartbeat is what a node's Lease tells: when the node last gave a sign of life, and how far its clock is ahead.
type heartbeat struct {
	last  time.Time
	ahead time.Duration
	told  bool // ahead is known
}

// heartbeats reads the Leases, as far as the look has any. A Lease is renewed by the node's clock and written by the API
// server's: a node whose clock is behind is as alive as the others.
func (s *survey) heartbeats() map[string]heartbeat {
	beats := make(map[string]heartbeat, len(s.look.Leases))
	for _, l := range s.look.Leases {
		if l.Spec.RenewTime == nil {
			continue
		}
		beat := heartbeat{last: l.Spec.RenewTime.Time}
		beat.ahead, beat.told = clockOfLease(l)
		for _, e := range l.ManagedFields {
			if e.Time != nil {
				beat.last = latest(beat.last, e.Time.Time)
			}
		}
		beats[l.Name] = beat
	}
	return beats
}

// setClocks tells the sites how their nodes' clocks go, as far as the look knows.
func (s *survey) setClocks() {
	for _, c := range s.look.Clocks {
		if at := s.siteOf(c.Node); at != nil && c.Unknown == "" {
			at.clocked, at.ahead = true, c.Ahead
		}
	}
}

// allowForClock has a pod settle later whose node's clock is known to be behind: by that clock it has been Ready for
// longer than it has.
func (s *survey) allowForClock(at *site) {
	if !at.settled || !at.clocked {
		return
	}
	more := -at.ahead - clockLag(at.updated) // which the pod's own times have told already
	if more <= skewTolerance {
		return
	}
	instant := at.ready.Add(more).Add(s.options.settlesAfter(s.minReady, at.ends))
	at.settled = !s.now.Before(instant)
	s.wakeAt(instant)
}
