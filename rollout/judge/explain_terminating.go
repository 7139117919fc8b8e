package judge

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
)

// terminating is a pod that should have gone long ago and is still there, so that the new one cannot come, or cannot
// settle beside it.
func terminating(s *survey, at *site) *finding {
	p := at.leaving
	if p == nil {
		return nil
	}
	if p.DeletionTimestamp.After(s.now) {
		s.wakeAt(p.DeletionTimestamp.Add(s.options.TimeFor(rollout.Terminating)))
		return stopping(s, at, p)
	}
	f := s.ripen(&finding{
		code: rollout.Terminating, pod: p.Name, since: s.since(rollout.Terminating, at.name, false, p.DeletionTimestamp.Time),
		message: "the old pod does not end: it was to be gone by its deletionTimestamp",
		remedy: fmt.Sprintf("See whether the node and its kubelet are well, `kubectl describe node %s`. Only if the pod's processes "+
			"are gone for certain: `kubectl -n %s delete pod %s --force --grace-period=0`.", at.name, p.Namespace, p.Name),
	})
	if hooks := preStops(s, p); hooks != "" {
		f.key = "preStop"
		f.message += "; " + hooks + ", which comes before the signal to end and has used up the grace period"
		f.remedy = "Make the preStop hook shorter, or have it give up in time. " + f.remedy
	}
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

// slowStop is how much of a long grace period a preStop hook may take before that is worth a word.
const slowStop = 30 * time.Second

// stopping is an old pod within its grace period, of which a preStop hook has taken half and more. It may yet end: only its
// deletionTimestamp, or the deadline of the rollout, makes that final.
func stopping(s *survey, at *site, p *corev1.Pod) *finding {
	hooks := preStops(s, p)
	if hooks == "" || p.DeletionGracePeriodSeconds == nil {
		return nil
	}
	grace := time.Duration(*p.DeletionGracePeriodSeconds) * time.Second
	begun := p.DeletionTimestamp.Add(-grace)
	if slow := begun.Add(max(slowStop, grace/2)); s.now.Before(slow) {
		s.wakeAt(slow)
		return nil
	}
	return &finding{
		code: rollout.Terminating, key: "preStop", pod: p.Name, since: s.since(rollout.Terminating, at.name, false, begun),
		message: fmt.Sprintf("the old pod takes its time to end: %s, which has taken more than half of the grace period of %s", hooks, grace),
		remedy: fmt.Sprintf("Make the preStop hook shorter, or lower terminationGracePeriodSeconds: each node waits for it. What the pod "+
			"is at: `kubectl -n %s describe pod %s`.", p.Namespace, p.Name),
	}
}

// besideLeaving is an updated pod without a cause of its own beside one that does not go.
func besideLeaving(s *survey, at *site, _ *corev1.Pod) *finding { return terminating(s, at) }
