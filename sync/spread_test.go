package sync

import (
	"cmp"
	"context"
	"slices"
	"strconv"
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
	losses   []uint64  // the versions at which the old pods were deleted
	orders   []order
}

// order is whether a version of the DaemonSet has the brake, and its controller had taken notice of that. The API
// server numbers the versions of all objects in one order.
type order struct {
	version uint64
	obeyed  bool
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
	changes, err := w.kube.CoreV1().Pods(w.namespace).Watch(ctx,
		metav1.ListOptions{ResourceVersion: pods.ResourceVersion})
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
			s.losses = append(s.losses, version(p))
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
	braked := d.Annotations[manifests.BrakeAnnotation] != "" &&
		d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType
	obeyed := braked && d.Status.ObservedGeneration == d.Generation
	s.orders = append(s.orders, order{version(d), obeyed})
	if !braked {
		return
	}
	if s.braked.IsZero() {
		s.braked = time.Now()
	}
	if s.obeyed.IsZero() && obeyed {
		s.obeyed = time.Now()
	}
}

func version(o metav1.Object) uint64 { return must(strconv.ParseUint(o.GetResourceVersion(), 10, 64)) }

// defied is how many old pods were deleted while the brake was pulled and the DaemonSet's controller knew of it: in the
// order of the API server, however late either watch tells of it.
func (s *spread) defied() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortFunc(s.orders, func(a, b order) int { return cmp.Compare(a.version, b.version) })
	for _, loss := range s.losses {
		after, _ := slices.BinarySearchFunc(s.orders, loss,
			func(o order, version uint64) int { return cmp.Compare(o.version, version) })
		if after > 0 && s.orders[after-1].obeyed {
			n++
		}
	}
	return n
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
