package judge

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/fact"
)

// isLost reports whether this rollout has cost the node: it went not ready, or rebooted, soon after its pod was updated,
// and nobody cordoned it. A node that comes back is no longer lost; one that rebooted is lost until its pod has settled.
//
// A node that goes not ready later than that, or while it is cordoned, is absent: it is not held against the commit.
func isLost(s *survey, at *site) bool {
	if at.node == nil || at.node.Spec.Unschedulable {
		return false
	}
	rebooted := rebooted(s, at)
	since, remembered := s.before.Lost[at.name]
	switch {
	case remembered && (rebooted || !at.down.IsZero()):
		at.lostAt = since
	case !at.down.IsZero():
		if pod := s.updatedPod(at); pod != nil && within(at.down, fact.BoundAt(pod)) {
			at.lostAt = at.down
		}
	case rebooted:
		at.lostAt = s.now
	}
	if at.lostAt.IsZero() {
		return false
	}
	s.rememberLost(at.name, at.lostAt)
	return true
}

// rebooted reports whether the node has booted anew since its pod was updated, and the pod has not settled since. Which
// boot it was is remembered while that may still matter.
func rebooted(s *survey, at *site) bool {
	boot := at.node.Status.NodeInfo.BootID
	boot = boot[:min(len(boot), 8)] // enough to tell it from the next
	if boot == "" || at.updated == nil {
		return false
	}
	first, known := s.before.Boots[at.name]
	noticed, was := s.before.Lost[at.name]
	healed := was && at.settled && at.ready.After(noticed)
	again := known && first != boot && !healed
	if !known || healed {
		first = boot
	}
	if again || within(s.now, fact.BoundAt(at.updated)) {
		s.rememberBoot(at.name, first)
	}
	return again
}

// updatedPod is the node's pod of the commit's template, also one that is going.
func (s *survey) updatedPod(at *site) *corev1.Pod {
	if at.updated == nil && at.leaving != nil && s.isUpdated(at.leaving) {
		return at.leaving
	}
	return at.updated
}

// within reports whether a node's trouble came soon enough after its pod to be the pod's.
func within(t, created time.Time) bool {
	return !t.Before(created) && t.Sub(created) <= lostWithin
}

// isUpdated reports whether a pod is of the commit's template, whatever became of it.
func (s *survey) isUpdated(p *corev1.Pod) bool {
	return s.revision.Hash != "" && p.Labels[fact.HashLabel] == s.revision.Hash
}
