package judge

import (
	"time"

	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
)

// isLost reports whether this rollout has cost the node: it went not ready, or rebooted, soon after its pod was
// updated, and nobody cordoned it. A node that comes back is no longer lost; one that rebooted is lost until its pod
// has settled.
//
// A node that goes not ready later than that, or while it is cordoned, is absent: it is not held against the commit.
func isLost(s *survey.Survey, at *survey.Site) bool {
	if at.Node == nil || at.Node.Spec.Unschedulable {
		return false
	}
	rebooted := rebooted(s, at)
	since, remembered := s.Before.Lost[at.Name]
	switch {
	case remembered && (rebooted || !at.Down.IsZero()):
		at.LostAt = since
	case !at.Down.IsZero():
		if pod := s.UpdatedPod(at); pod != nil && within(at.Down, fact.BoundAt(pod)) {
			at.LostAt = at.Down
		}
	case rebooted:
		at.LostAt = s.Now()
	}
	if at.LostAt.IsZero() {
		return false
	}
	s.RememberLost(at.Name, at.LostAt)
	return true
}

// rebooted reports whether the node has booted anew since its pod was updated, and the pod has not settled since. Which
// boot it was is remembered while that may still matter.
func rebooted(s *survey.Survey, at *survey.Site) bool {
	boot := at.Node.Status.NodeInfo.BootID
	boot = boot[:min(len(boot), 8)] // enough to tell it from the next
	if boot == "" || at.Updated == nil {
		return false
	}
	first, known := s.Before.Boots[at.Name]
	noticed, was := s.Before.Lost[at.Name]
	healed := was && at.Settled && at.Ready.After(noticed)
	again := known && first != boot && !healed
	if !known || healed {
		first = boot
	}
	bound := fact.BoundAt(at.Updated)
	if again || s.Reached(bound) && !s.Passed(bound.Add(survey.LostWithin)) {
		s.RememberBoot(at.Name, first)
	}
	return again
}

// within reports whether a node's trouble came soon enough after its pod to be the pod's.
func within(t, created time.Time) bool {
	return !t.Before(created) && t.Sub(created) <= survey.LostWithin
}
