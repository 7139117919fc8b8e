package rollout

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// terminating is a pod that should have gone long ago and is still there, so that the new one cannot come, or cannot
// settle beside it.
func (s *survey) terminating(at *site) *finding {
	p := at.leaving
	if p == nil {
		return nil
	}
	if p.DeletionTimestamp.After(s.now) {
		s.wakeAt(p.DeletionTimestamp.Add(s.options.after(Terminating)))
		return nil
	}
	f := s.ripen(&finding{
		code: Terminating, pod: p.Name, since: s.since(Terminating, at.name, false, p.DeletionTimestamp.Time),
		message: "the old pod does not end: it was to be gone by its deletionTimestamp",
		remedy: fmt.Sprintf("See whether the node and its kubelet are well, `kubectl describe node %s`. Only if the pod's processes "+
			"are gone for certain: `kubectl -n %s delete pod %s --force --grace-period=0`.", at.name, p.Namespace, p.Name),
	})
	if len(p.Finalizers) > 0 {
		f.key = "finalizers"
		f.message = fmt.Sprintf("the old pod does not go: its finalizers %v are not removed", p.Finalizers)
		f.remedy = fmt.Sprintf("Whoever set the finalizers must remove them: `kubectl -n %s get pod %s -o yaml`.", p.Namespace, p.Name)
	}
	if !f.final {
		return nil // it is going as it should
	}
	return f
}

// besideLeaving is an updated pod without a cause of its own beside one that does not go.
func (s *survey) besideLeaving(at *site, _ *corev1.Pod) *finding { return s.terminating(at) }
