package survey

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/fact"
)

// EndsUnsettled is how often the container has ended since it last settled: one that ran for long enough before its
// last end had settled by then, however often it ended in its life. One that nothing restarts cannot settle any more:
// it need not end a second time.
func (s *Survey) EndsUnsettled(c ContainerCase) int {
	if c.IsOver() {
		return max(2, c.Ends)
	}
	end := c.LastEnd()
	if c.Ends < 2 || end == nil || end.StartedAt.Unix() <= 0 {
		return c.Ends
	}
	if end.FinishedAt.Sub(end.StartedAt.Time) >= s.Options.SettlesAfter(s.MinReady, c.Ends-1) {
		return 1
	}
	return c.Ends
}

// EndsOnProbation are the ends of a pod, and of those before it that are over, by which its probation is measured. What
// is restarted now and then, and was well for long enough in between, is on probation for one end.
func (s *Survey) EndsOnProbation(p *corev1.Pod, node string) int {
	together := fact.RestartsTogether(p)
	return fact.EndsOf(p) - together + s.TogetherUnsettled(p, together) + s.Endings[node].Count
}

// TogetherUnsettled is how many of so many restarts of all containers came before the pod could settle. Nothing dates
// them but the last one, so it is told by how long the pod ran between two of them: on the average of its life, and of
// those that Events tell of.
func (s *Survey) TogetherUnsettled(p *corev1.Pod, restarts int) int {
	last := fact.LastTogether(p)
	if restarts == 0 || last.IsZero() {
		return restarts
	}
	settles := s.Options.SettlesAfter(s.MinReady, 1)
	ran := last.Sub(p.CreationTimestamp.Time) / time.Duration(restarts)
	for i := range p.Spec.Containers {
		killed := s.TraceOf(p.UID, fact.OfContainer(p.Spec.Containers[i].Name, fact.IsRemoval))
		if killed.Count > 1 {
			ran = min(ran, killed.Last.Sub(killed.First)/time.Duration(killed.Count-1))
		}
	}
	if ran < settles {
		return restarts
	}
	return 1
}
