package sync

import (
	"context"
	gosync "sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/daemongate/daemongate/manifests"
)

// spread is how far a commit has got among the nodes, as watches of the agent's pods and of its DaemonSet tell it.
type spread struct {
	w   *world
	old string // hash of the template before

	mu       gosync.Mutex
	lost     map[string]bool // nodes whose old pod was deleted
	lastLost time.Time
	firstEnd time.Time // when a container of a new pod was first seen to have ended
	braked   time.Time // when the DaemonSet was first seen with the brake
	obeyed   time.Time // when its controller had first taken notice of that
}

// watchSpread begins to watch. Every pod that there is now is an old one.
func (w *world) watchSpread() *spread {
	w.t.Helper()
	s := &spread{w: w, lost: map[string]bool{}}
	pods, err := w.kube.CoreV1().Pods(w.namespace).List(w.t.Context(), metav1.ListOptions{})
	w.check(err)
	s.old = pods.Items[0].Labels[appsv1.ControllerRevisionHashLabelKey]
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel)
	changes, err := w.kube.CoreV1().Pods(w.namespace).Watch(ctx, metav1.ListOptions{ResourceVersion: pods.ResourceVersion})
	w.check(err)
	objects, err := w.kube.AppsV1().DaemonSets(w.namespace).Watch(ctx, metav1.ListOptions{})
	w.check(err)
	go s.follow(changes.ResultChan())
	go s.follow(objects.ResultChan())
	return s
}

func (s *spread) follow(changes <-chan watch.Event) {
	for change := range changes {
		s.mu.Lock()
		switch o := change.Object.(type) {
		case *corev1.Pod:
			s.seePod(o, change.Type == watch.Deleted || o.DeletionTimestamp != nil)
		case *appsv1.DaemonSet:
			s.seeDaemonSet(o)
		}
		s.mu.Unlock()
	}
}

func (s *spread) seePod(p *corev1.Pod, going bool) {
	if p.Labels[appsv1.ControllerRevisionHashLabelKey] == s.old {
		if going && !s.lost[p.Spec.NodeName] {
			s.lost[p.Spec.NodeName], s.lastLost = true, time.Now()
		}
		return
	}
	for _, c := range p.Status.ContainerStatuses {
		if s.firstEnd.IsZero() && !going && (c.State.Terminated != nil || c.LastTerminationState.Terminated != nil) {
			s.firstEnd = time.Now()
		}
	}
}

func (s *spread) seeDaemonSet(d *appsv1.DaemonSet) {
	if d.Annotations[manifests.BrakeAnnotation] == "" || d.Spec.UpdateStrategy.Type != appsv1.OnDeleteDaemonSetStrategyType {
		return
	}
	if s.braked.IsZero() {
		s.braked = time.Now()
	}
	if s.obeyed.IsZero() && d.Status.ObservedGeneration == d.Generation {
		s.obeyed = time.Now()
	}
}

// figures are what the watches have told so far.
type figures struct {
	lost                               int
	lastLost, firstEnd, braked, obeyed time.Time
}

func (s *spread) now() figures {
	s.mu.Lock()
	defer s.mu.Unlock()
	return figures{len(s.lost), s.lastLost, s.firstEnd, s.braked, s.obeyed}
}

// until waits for what the watches must tell.
func (s *spread) until(what string, holds func(figures) bool) figures {
	s.w.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		now := s.now()
		if holds(now) {
			return now
		}
		if time.Now().After(deadline) {
			s.w.t.Fatalf("waited %s for %s: %+v", patience, what, now)
		}
	}
}
