package judge

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/fact"
)

// endsUnsettled is how often the container has ended since it last settled: one that ran for long enough before its last
// end had settled by then, however often it ended in its life. One that nothing restarts cannot settle any more: it need
// not end a second time.
func (s *survey) endsUnsettled(c containerCase) int {
	if c.isOver() {
		return max(2, c.ends)
	}
	end := c.lastEnd()
	if c.ends < 2 || end == nil || end.StartedAt.Unix() <= 0 {
		return c.ends
	}
	if end.FinishedAt.Sub(end.StartedAt.Time) >= s.options.SettlesAfter(s.minReady, c.ends-1) {
		return 1
	}
	return c.ends
}

// endsOnProbation are the ends of a pod, and of those before it that are over, by which its probation is measured. What is
// restarted now and then, and was well for long enough in between, is on probation for one end.
func (s *survey) endsOnProbation(p *corev1.Pod, node string) int {
	together := fact.RestartsTogether(p)
	return fact.EndsOf(p) - together + s.togetherUnsettled(p, together) + s.endings[node].Count
}

// togetherUnsettled is how many of so many restarts of all containers came before the pod could settle. Nothing dates
// them but the last one, so it is told by how long the pod ran between two of them: on the average of its life, and of
// those that Events tell of.
func (s *survey) togetherUnsettled(p *corev1.Pod, restarts int) int {
	last := fact.LastTogether(p)
	if restarts == 0 || last.IsZero() {
		return restarts
	}
	settles := s.options.SettlesAfter(s.minReady, 1)
	ran := last.Sub(p.CreationTimestamp.Time) / time.Duration(restarts)
	for i := range p.Spec.Containers {
		killed := s.traceOf(p.UID, fact.OfContainer(p.Spec.Containers[i].Name, fact.IsRemoval))
		if killed.Count > 1 {
			ran = min(ran, killed.Last.Sub(killed.First)/time.Duration(killed.Count-1))
		}
	}
	if ran < settles {
		return restarts
	}
	return 1
}
