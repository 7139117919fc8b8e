package rollout

import "time"

// heartbeat is what a node's Lease tells: when the node last gave a sign of life, and how far its clock is ahead.
type heartbeat struct {
	last  time.Time
	ahead time.Duration
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
		for _, e := range l.ManagedFields {
			if e.Time != nil {
				beat.ahead = l.Spec.RenewTime.Sub(e.Time.Time)
				beat.last = latest(beat.last, e.Time.Time)
			}
		}
		beats[l.Name] = beat
	}
	return beats
}
