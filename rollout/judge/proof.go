package judge

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/cause"
	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/survey"
)

// provenAt is until when a rollout of which every node has settled must still show that its pods live: zero if it need
// not. The longest-running settled pods, on as many nodes as may be unavailable at once, have to run for options.Proof
// without an end. A large rollout has done that by the time its last node settles, so only a small one waits.
func provenAt(s *survey.Survey) time.Time {
	if s.Options.NoProof {
		return time.Time{}
	}
	starts := settledStarts(s, (*survey.Site).Counts)
	if len(starts) == 0 { // every node joined later, or is let go for another reason
		starts = settledStarts(s, func(*survey.Site) bool { return true })
	}
	if len(starts) == 0 {
		return time.Time{}
	}
	slices.SortFunc(starts, time.Time.Compare)
	proven := starts[min(len(starts), cause.BudgetLimit(s).Nodes)-1].Add(s.Options.Proof)
	if s.Reached(proven) {
		return time.Time{}
	}
	s.WakeAt(proven)
	return proven
}

// settledStarts are since when the settled pods on some of the nodes have run.
func settledStarts(s *survey.Survey, which func(*survey.Site) bool) []time.Time {
	var starts []time.Time
	for i := range s.Sites {
		if at := &s.Sites[i]; at.Settled && which(at) {
			starts = append(starts, livesSince(at.Updated).Add(at.Behind()))
		}
	}
	return starts
}

// livesSince is since when the containers of a Ready pod have run without an end, sidecars included and other init
// containers not. Times of containers are by the node's clock: where that is known to be behind, so much is added. A
// status that dates no container leaves the Ready condition to go by.
func livesSince(p *corev1.Pod) time.Time {
	var since time.Time
	for i := range p.Status.ContainerStatuses {
		since = fact.Latest(since, fact.LastMoved(&p.Status.ContainerStatuses[i]))
	}
	for i := range p.Status.InitContainerStatuses {
		if status := &p.Status.InitContainerStatuses[i]; fact.IsSidecar(p, status.Name) {
			since = fact.Latest(since, fact.LastMoved(status))
		}
	}
	if c := fact.PodCondition(p, corev1.PodReady); since.IsZero() && c != nil {
		since = c.LastTransitionTime.Time
	}
	return since.Add(fact.ClockLag(p))
}
