package survey

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/fact"
)

// UpdatedPod is the node's pod of the commit's template, also one that is going.
func (s *Survey) UpdatedPod(at *Site) *corev1.Pod {
	if at.Updated == nil && at.Leaving != nil && s.IsUpdated(at.Leaving) {
		return at.Leaving
	}
	return at.Updated
}

// IsUpdated reports whether a pod is of the commit's template, whatever became of it.
func (s *Survey) IsUpdated(p *corev1.Pod) bool {
	return s.Revision.Hash != "" && p.Labels[fact.HashLabel] == s.Revision.Hash
}

// IsAvailable reports whether the controller would call a pod available: Ready for minReadySeconds.
func (s *Survey) IsAvailable(p *corev1.Pod) bool {
	c := fact.PodCondition(p, corev1.PodReady)
	if c == nil || c.Status != corev1.ConditionTrue {
		return false
	}
	// without it the controller asks no clock
	return s.MinReady == 0 || !s.Now.Before(c.LastTransitionTime.Add(s.MinReady))
}
