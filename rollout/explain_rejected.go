package rollout

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// rejected is a node that refuses its pod: the pod fails as a whole (evicted, not admitted) and the controller makes
// another one. Once happens; the second time is a cause.
func (s *survey) rejected(at *site) *finding {
	before := s.before.Rejected[at.name]
	count, uid := before.Count, before.UID
	if at.failed != nil && string(at.failed.UID) != uid {
		count, uid = count+1, string(at.failed.UID)
	}
	if count > 0 {
		remember(&s.memory.Rejected, s.before.Rejected, at.name, Rejections{Count: count, UID: uid})
	}
	said := s.rejections[at.name]
	count = max(count, said.count)
	if count == 0 {
		return nil
	}
	why := "its pod failed"
	if at.failed != nil && at.failed.Status.Reason != "" {
		why = fmt.Sprintf("%s: %s", at.failed.Status.Reason, clip(at.failed.Status.Message, 300))
	}
	f := &finding{
		code: Rejected, message: "the node refuses the pod: " + why,
		remedy: fmt.Sprintf("See what the node is short of: `kubectl describe node %s` (conditions, taints, allocated resources), and "+
			"`kubectl -n %s get events --field-selector reason=FailedDaemonPod`.", at.name, s.live.Namespace),
	}
	if said.found() {
		f.since = s.since(Rejected, at.name, true, latest(said.first, s.memory.Observed))
	} else {
		f.since = s.since(Rejected, at.name, true)
	}
	if at.failed != nil {
		f.pod, f.key, f.about = at.failed.Name, at.failed.Status.Reason, at.failed.Status.Reason
	}
	return s.ripenCounted(f, count)
}

// rejectedBefore is a node that refused its pod and is trying the next one.
func (s *survey) rejectedBefore(at *site, _ *corev1.Pod) *finding {
	if !at.ready.IsZero() {
		return nil
	}
	return s.rejected(at)
}

// lookForRejections sorts the DaemonSet's Events about pods that are over by the node that they name.
func (s *survey) lookForRejections() {
	for _, e := range s.events[s.live.UID] {
		_, node := podThatIsOver(e)
		if last, _ := lastSeen(e, s.now); node == "" || last.Before(s.memory.Observed) {
			continue
		}
		if s.rejections == nil {
			s.rejections = map[string]trace{}
		}
		t := s.rejections[node]
		t.add(e, s.now)
		s.rejections[node] = t
	}
}
