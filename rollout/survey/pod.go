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

// HasAvailable reports whether the controller would call the site's updated pod available.
func (s *Survey) HasAvailable(at *Site) bool { return at.Updated != nil && s.Reached(at.updatedFrom) }

// HasOldAvailable reports whether it would call the site's pod of another template available.
func (s *Survey) HasOldAvailable(at *Site) bool { return at.Old != nil && s.Reached(at.oldFrom) }
