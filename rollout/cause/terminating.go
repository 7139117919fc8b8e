package cause

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/survey"
)

// terminating is a pod that should have gone long ago and is still there, so that the new one cannot come, or cannot
// settle beside it.
func terminating(s *survey.Survey, at *survey.Site) *survey.Finding {
	p := at.Leaving
	if p == nil {
		return nil
	}
	if !s.Reached(p.DeletionTimestamp.Time) {
		s.WakeAt(p.DeletionTimestamp.Add(s.Options.TimeFor(rollout.Terminating)))
		return stopping(s, at, p)
	}
	f := s.Ripen(&survey.Finding{
		Code: rollout.Terminating, Pod: p.Name, Since: s.Since(rollout.Terminating, at.Name, false,
			p.DeletionTimestamp.Time),
		Message: "the old pod does not end: it was to be gone by its deletionTimestamp",
		Remedy: fmt.Sprintf("See whether the node and its kubelet are well, `kubectl describe node %s`. Only if the "+
			"pod's processes are gone for certain: `kubectl -n %s delete pod %s --force --grace-period=0`.", at.Name,
			p.Namespace, p.Name),
	})
	if hooks := preStops(s, p); hooks != "" {
		f.Key = "preStop"
		f.Message += "; " + hooks + ", which comes before the signal to end and has used up the grace period"
		f.Remedy = "Make the preStop hook shorter, or have it give up in time. " + f.Remedy
	}
	if len(p.Finalizers) > 0 {
		f.Key = "finalizers"
		f.Message = fmt.Sprintf("the old pod does not go: its finalizers %v are not removed", p.Finalizers)
		f.Remedy = fmt.Sprintf("Whoever set the finalizers must remove them: `kubectl -n %s get pod %s -o yaml`.",
			p.Namespace, p.Name)
	}
	if !f.Final {
		return nil // it is going as it should
	}
	return f
}

// slowStop is how much of a long grace period a preStop hook may take before that is worth a word.
const slowStop = 30 * time.Second

// stopping is an old pod within its grace period, of which a preStop hook has taken half and more. It may yet end: only
// its deletionTimestamp, or the deadline of the rollout, makes that final.
func stopping(s *survey.Survey, at *survey.Site, p *corev1.Pod) *survey.Finding {
	hooks := preStops(s, p)
	if hooks == "" || p.DeletionGracePeriodSeconds == nil {
		return nil
	}
	grace := time.Duration(*p.DeletionGracePeriodSeconds) * time.Second
	begun := p.DeletionTimestamp.Add(-grace)
	if slow := begun.Add(max(slowStop, grace/2)); !s.Reached(slow) {
		s.WakeAt(slow)
		return nil
	}
	return &survey.Finding{
		Code: rollout.Terminating, Key: "preStop", Pod: p.Name, Since: s.Since(rollout.Terminating, at.Name, false,
			begun),
		Message: fmt.Sprintf("the old pod takes its time to end: %s, which has taken more than half of the grace "+
			"period of %s", hooks, grace),
		Remedy: fmt.Sprintf("Make the preStop hook shorter, or lower terminationGracePeriodSeconds: each node waits "+
			"for it. What the pod is at: `kubectl -n %s describe pod %s`.", p.Namespace, p.Name),
	}
}

// besideLeaving is an updated pod without a cause of its own beside one that does not go.
func besideLeaving(s *survey.Survey, at *survey.Site, _ *corev1.Pod) *survey.Finding {
	return terminating(s, at)
}

// nodeLost is a node that went down soon after its pod was updated: an agent can kill its node.
func nodeLost(s *survey.Survey, at *survey.Site) *survey.Finding {
	f := &survey.Finding{
		Code: rollout.NodeLost, Since: s.Since(rollout.NodeLost, at.Name, false, at.LostAt),
		Message: fmt.Sprintf("the node went not ready, or rebooted, within %s after its pod was updated",
			survey.LostWithin),
		Remedy: fmt.Sprintf("Look at the node before more of them get the new pod: `kubectl describe node %s`, its "+
			"console and its kubelet's log. If the new pod is to blame, revert the commit; if not, cordon or delete "+
			"the node and it is no longer counted.", at.Name),
	}
	if p := s.UpdatedPod(at); p != nil {
		f.Pod = p.Name
	}
	return s.Ripen(f)
}
