package judge

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
)

// LeasesPause is how long Leases that have kept a rollout from Complete, or could not be read, are good for before they are
// read again: they are a list of all nodes.
const LeasesPause = 5 * time.Second

// leasesUnread keeps a rollout from Complete of which nobody knows whether its nodes are alive: it may take the control plane
// most of a minute to tell that a node is not.
func leasesUnread(s *survey) finding {
	s.wakeAt(s.now.Add(LeasesPause))
	return finding{
		code: rollout.NoProgress, key: "leases", since: s.since(rollout.NoProgress, "leases", true),
		message: "every node has a settled pod, but whether each node is alive is not known: " + s.look.LeasesProblem,
		remedy:  "Let the controller list leases.coordination.k8s.io in namespace " + corev1.NamespaceNodeLease + ": `daemongate install` prints the rights that it needs.",
	}
}

// heartbeat is what a node's Lease tells: when the node last gave a sign of life, and how far its clock is ahead.
type heartbeat struct {
	last  time.Time
	ahead time.Duration
	told  bool // ahead is known
}

// heartbeatsOf reads the Leases, as far as the look has any. A Lease is renewed by the node's clock and written by the API
// server's: a node whose clock is behind is as alive as the others.
func heartbeatsOf(s *survey) map[string]heartbeat {
	beats := make(map[string]heartbeat, len(s.look.Leases))
	for _, l := range s.look.Leases {
		if l.Spec.RenewTime == nil {
			continue
		}
		beat := heartbeat{last: l.Spec.RenewTime.Time}
		beat.ahead, beat.told = fact.ClockOfLease(l)
		for _, e := range l.ManagedFields {
			if e.Time != nil {
				beat.last = fact.Latest(beat.last, e.Time.Time)
			}
		}
		beats[l.Name] = beat
	}
	return beats
}

// setClocks tells the sites how their nodes' clocks go, as far as the look knows.
func setClocks(s *survey) {
	for _, c := range s.look.Clocks {
		if at := s.siteOf(c.Node); at != nil && c.Unknown == "" {
			at.clocked, at.ahead = true, c.Ahead
		}
	}
}

// allowForClock has a pod settle later whose node's clock is known to be behind: by that clock it has been Ready for
// longer than it has.
func allowForClock(s *survey, at *site) {
	more := at.behind()
	if !at.settled || more == 0 {
		return
	}
	instant := at.ready.Add(more).Add(s.options.SettlesAfter(s.minReady, at.ends))
	at.settled = !s.now.Before(instant)
	s.wakeAt(instant)
}

// behind is how far the clock of a site's node is known to be behind the API server's, beyond what the updated pod's own
// times have told already.
func (at *site) behind() time.Duration {
	if !at.clocked || at.updated == nil {
		return 0
	}
	if more := -at.ahead - fact.ClockLag(at.updated); more > rollout.SkewTolerance {
		return more
	}
	return 0
}
