package plan

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/daemongate/daemongate/rollout/ahead"
	"github.com/daemongate/daemongate/rollout/fact"
)

// pace is how the pods are replaced: ⌈present ÷ at a time⌉ waves. Nil where none is, or where whoever deletes them says
// when.
func (w *weighing) pace(p *Plan) *Pace {
	if w.in.Current == nil || !w.rolls || onDelete(w.in.Next) {
		return nil
	}
	pace := &Pace{AtATime: ahead.AtATime(w.in.Next, w.in.Nodes), Surge: w.surge}
	for i := range p.Nodes {
		if w.has[p.Nodes[i].Name] {
			pace.Nodes++
		}
	}
	pace.Waves = (pace.Nodes + pace.AtATime - 1) / pace.AtATime
	if took := w.lastWave(); took > 0 {
		pace.SecondsPerWave = took.Seconds()
		pace.Seconds = (took * time.Duration(pace.Waves)).Round(time.Second).Seconds()
	}
	return pace
}

// lastWave is how long a wave of the last rollout took: the median of what passed from one to the next, so that a node
// that joined days later does not count, and no less than a pod took to become available. Times of a cluster are whole
// seconds, so what began and ended in the same one took one at most. Zero if there was none: the pods of a first
// template were all made at once.
func (w *weighing) lastWave() time.Duration {
	d := w.in.Current
	revision, found := fact.CurrentRevision(d, w.in.Revisions)
	if !found || fact.PreviousTemplate(d, w.in.Revisions, revision) == nil {
		return 0
	}
	var made []time.Time
	var took []time.Duration
	for _, p := range w.in.Pods {
		if !w.isOwn(p) || p.Labels[fact.HashLabel] != revision.Hash {
			continue
		}
		made = append(made, p.CreationTimestamp.Time)
		if c := fact.PodCondition(p, corev1.PodReady); c != nil && c.Status == corev1.ConditionTrue {
			took = append(took, max(0, c.LastTransitionTime.Sub(p.CreationTimestamp.Time)))
		}
	}
	if len(made) == 0 || len(took) == 0 {
		return 0
	}
	slices.SortFunc(made, func(a, b time.Time) int { return a.Compare(b) })
	var between []time.Duration
	width := ahead.AtATime(d, w.in.Nodes)
	for i := width; i < len(made); i += width {
		between = append(between, made[i].Sub(made[i-width]))
	}
	least := max(time.Second, median(took)+time.Duration(w.in.Next.Spec.MinReadySeconds)*time.Second)
	if len(between) == 0 {
		return least
	}
	return max(least, median(between))
}

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}
