package rollout

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// clockSkew is a pod that has been Ready for long enough but that the controller does not call available yet, because its
// node's clock, which dates the Ready condition, goes ahead of the API server's.
func (s *survey) clockSkew(at *site, p *corev1.Pod) *finding {
	ready := podCondition(p, corev1.PodReady)
	if s.minReady == 0 || ready == nil || ready.Status != corev1.ConditionTrue || s.isAvailable(p) {
		return nil
	}
	ahead := max(at.ahead, ready.LastTransitionTime.Sub(s.now))
	seen := s.before.Since[string(ClockSkew)+"/"+at.name]
	if ahead <= skewTolerance && seen.IsZero() {
		return nil
	}
	f := &finding{code: ClockSkew, since: s.since(ClockSkew, at.name, true)}
	due := f.since.Add(s.minReady + availableSlack)
	s.wakeAt(due)
	if s.now.Before(due) {
		return nil
	}
	f.since = due
	f.message = fmt.Sprintf("the pod has been Ready for longer than minReadySeconds (%s) but is not available: its node's clock is ahead", s.minReady)
	if ahead > skewTolerance {
		f.message += fmt.Sprintf(" by %s", ahead.Round(time.Second))
	}
	f.remedy = fmt.Sprintf("Set the node's clock right: `timedatectl` or `chronyc tracking` on %s. It resolves itself when the "+
		"cluster's clock has caught up.", at.name)
	return s.ripen(f)
}
