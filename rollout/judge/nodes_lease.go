package judge

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
)

// LeasesPause is how long Leases that have kept a rollout from Complete, or could not be read, are good for before they
// are read again: they are a list of all nodes.
const LeasesPause = 5 * time.Second

// leasesUnread keeps a rollout from Complete of which nobody knows whether its nodes are alive: it may take the control
// plane most of a minute to tell that a node is not.
func leasesUnread(s *survey.Survey) *survey.Finding {
	s.WakeAt(s.Now().Add(LeasesPause))
	return &survey.Finding{
		Code: rollout.NoProgress, Key: "leases", Since: s.Since(rollout.NoProgress, "", true),
		Message: "every node has a settled pod, but whether each node is alive is not known: " + s.Look.LeasesProblem,
		Remedy: "Let the controller list leases.coordination.k8s.io in namespace " + corev1.NamespaceNodeLease +
			": `daemongate install` prints the rights that it needs.",
	}
}

// heartbeat is what a node's Lease tells: when the node last gave a sign of life, and how far its clock is ahead.
type heartbeat struct {
	last  time.Time
	ahead time.Duration
	told  bool // ahead is known
}

// heartbeatsOf reads the Leases, as far as the look has any. A Lease is renewed by the node's clock and written by the
// API server's: a node whose clock is behind is as alive as the others.
func heartbeatsOf(s *survey.Survey) map[string]heartbeat {
	known := make(map[string]heartbeat, len(s.Look.Leases))
	for _, l := range s.Look.Leases {
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
		known[l.Name] = beat
	}
	return known
}

// clocksOf are how far the clocks of nodes are ahead, as far as the look knows.
func clocksOf(s *survey.Survey) map[string]time.Duration {
	known := map[string]time.Duration{}
	for _, c := range s.Look.Clocks {
		if c.Unknown == "" {
			known[c.Node] = c.Ahead
		}
	}
	return known
}

// allowForClock has a pod settle later whose node's clock is known to be behind: by that clock it has been Ready for
// longer than it has.
func allowForClock(s *survey.Survey, at *survey.Site) {
	more := at.Behind()
	if !at.Settled || more == 0 {
		return
	}
	instant := at.Ready.Add(more).Add(s.Options.SettlesAfter(s.MinReady, at.Ends))
	at.Settled = s.Reached(instant)
	s.WakeAt(instant)
}
