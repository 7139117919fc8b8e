package dump

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout/fact"
	"github.com/daemongate/daemongate/rollout/trim"
)

// newest is when the newest thing happened that a dump tells of. What is yet to come (a deletion, an expiry) and what
// is merely repeated (a heartbeat, a renewal) is none.
func (d *dumped) newest() time.Time {
	var n moment
	for _, o := range d.daemonSets {
		n.see(o.CreationTimestamp.Time)
	}
	for _, o := range d.revisions {
		n.see(o.CreationTimestamp.Time)
	}
	for _, o := range d.nodes {
		n.see(o.CreationTimestamp.Time)
		for _, c := range o.Status.Conditions {
			n.see(c.LastTransitionTime.Time)
		}
	}
	for _, e := range d.events {
		last, _ := fact.LastSeen(e, fact.EndOfTime)
		n.see(last)
	}
	for _, p := range d.pods {
		n.seePod(p)
	}
	return n.Time
}

// moment is the latest of the times that it has seen.
type moment struct{ time.Time }

func (m *moment) see(t time.Time) {
	if t.After(m.Time) {
		m.Time = t
	}
}

func (m *moment) seePod(p *corev1.Pod) {
	m.see(p.CreationTimestamp.Time)
	if p.Status.StartTime != nil {
		m.see(p.Status.StartTime.Time)
	}
	for _, c := range p.Status.Conditions {
		m.see(c.LastTransitionTime.Time)
	}
	for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		for _, state := range []corev1.ContainerState{s.State, s.LastTerminationState} {
			if state.Running != nil {
				m.see(state.Running.StartedAt.Time)
			}
			if state.Terminated != nil {
				m.see(state.Terminated.StartedAt.Time)
				m.see(state.Terminated.FinishedAt.Time)
			}
		}
	}
}

// forgetAfter leaves out what is dated later than now, as far as the objects still know how it was before.
func (d *dumped) forgetAfter(now time.Time) {
	d.daemonSets = existing(d.daemonSets, now)
	d.revisions = existing(d.revisions, now)
	d.pods = existing(d.pods, now)
	d.nodes = existing(d.nodes, now)
	d.budgets = existing(d.budgets, now)
	d.quotas = existing(d.quotas, now)
	d.replicaSets = existing(d.replicaSets, now)
	d.statefulSets = existing(d.statefulSets, now)
	d.deployments = existing(d.deployments, now)
	d.events = slices.DeleteFunc(sortNamed(d.events),
		func(e *corev1.Event) bool { return fact.FirstSeen(e).After(now) })
	d.evidence = trim.Evidence{}
	d.evidence.PutAll(d.events)
	for _, p := range d.pods {
		rewindPod(p, now)
	}
	for _, n := range d.nodes {
		n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool {
			return t.TimeAdded != nil &&
				t.TimeAdded.After(now)
		})
		n.Status.Conditions = slices.DeleteFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
			return c.LastTransitionTime.After(now)
		})
	}
}

// existing are the objects that were there at an instant, in order.
func existing[T metav1.Object](objects []T, now time.Time) []T {
	return slices.DeleteFunc(sortNamed(objects), func(o T) bool { return o.GetCreationTimestamp().After(now) })
}

// rewindPod undoes what a pod says of later than now.
func rewindPod(p *corev1.Pod, now time.Time) {
	if fact.DeletedAt(p).After(now) {
		p.DeletionTimestamp, p.DeletionGracePeriodSeconds = nil, nil
	}
	p.Status.Conditions = slices.DeleteFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.LastTransitionTime.After(now)
	})
	for _, statuses := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for i := range statuses {
			rewindContainer(&statuses[i], now)
		}
	}
}

func rewindContainer(s *corev1.ContainerStatus, now time.Time) {
	if s.State.Running != nil && s.State.Running.StartedAt.After(now) {
		s.State, s.Ready = corev1.ContainerState{}, false
	}
	if t := s.State.Terminated; t != nil && t.FinishedAt.After(now) {
		s.State = runningSince(t.StartedAt, now)
	}
	if t := s.LastTerminationState.Terminated; t != nil && t.FinishedAt.After(now) {
		s.State, s.Ready = runningSince(t.StartedAt, now), false
		s.LastTerminationState = corev1.ContainerState{}
	}
}

// runningSince is how a container was at an instant before its end.
func runningSince(started metav1.Time, now time.Time) corev1.ContainerState {
	if started.After(now) {
		return corev1.ContainerState{}
	}
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: started}}
}
