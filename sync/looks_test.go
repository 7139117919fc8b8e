package sync

import (
	"context"
	"runtime"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"
	"weak"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/judge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A DaemonSet is looked at once per 100 ms at most, whatever happens to its pods and to the Sync meanwhile; and the
// nodes' Leases are read for the whole commit only, not whenever one of its DaemonSets is done, and kept no longer.
func TestADaemonSetIsLookedAtTenTimesASecondAtMost(t *testing.T) {
	w := newWorld(t)
	slow := strings.NewReplacer("name: agent", "name: slow", "app: agent", "app: slow", "\nspec:\n",
		"\nspec:\n  minReadySeconds: 5\n").Replace(agent("v1"))
	w.push("v1", map[string]string{"agent.yaml": agent("v1"), "slow.yaml": slow})
	w.create(func(s *api.SyncSpec) { s.Rollout.Settle.Duration = 2 * time.Second })
	c := w.newController(w.namespace, shared.Config, t.TempDir())
	looks := &lookCounter{Observer: c.Observer}
	c.Observer = looks
	w.start(c)
	w.wait("v1 to be Complete", func(s api.SyncStatus) bool {
		time.Sleep(20 * time.Millisecond)
		// Every note on the Sync is an Event of its informer, which has the Sync take its turn.
		note := []byte(`{"metadata":{"annotations":{"note":"` + time.Now().String() + `"}}}`)
		_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Patch(t.Context(), "agents",
			"application/merge-patch+json", note, metav1.PatchOptions{})
		w.check(err)
		return s.LastComplete != ""
	})
	clustertest.Until(t, 5*time.Minute, "the Leases to be forgotten", func() (string, bool) {
		runtime.GC()
		return "they are kept", looks.lease().Value() == nil
	})
	looks.mu.Lock()
	defer looks.mu.Unlock()
	// Of two DaemonSets; one more, because the first look may have taken longer than the last, and one with the Leases.
	if most := 2 * (int(looks.last.Sub(looks.first)/lookPause) + 3); looks.n > most {
		t.Errorf("%d looks, at most %d were due", looks.n, most)
	}
	// On a busy machine it takes long enough for the Leases to be due again.
	if most := 1 + int(looks.last.Sub(looks.firstLeases)/judge.LeasesPause); looks.leases == 0 || looks.leases > most {
		t.Errorf("the Leases were read %d times, at most %d were due", looks.leases, most)
	}
	if looks.young {
		t.Error("the Leases were read although one DaemonSet was not done")
	}
}

// lookCounter counts the looks of its Observer.
type lookCounter struct {
	Observer
	mu          gosync.Mutex
	first, last time.Time
	n, leases   int
	firstLeases time.Time
	slow        []*corev1.Pod                      // of the DaemonSet that is done last
	read        weak.Pointer[coordinationv1.Lease] // the first of those that were read last
	young       bool                               // the Leases were read before its pods were Ready for nearly as long as they must be
}

func (l *lookCounter) Leases(ctx context.Context) ([]*coordinationv1.Lease, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leases++; l.leases == 1 {
		l.firstLeases = time.Now()
		l.young = len(l.slow) == 0 || slices.ContainsFunc(l.slow, func(p *corev1.Pod) bool {
			return !slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
				return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue &&
					time.Since(c.LastTransitionTime.Time) > 4*time.Second
			})
		})
	}
	leases, err := l.Observer.Leases(ctx)
	if len(leases) > 0 {
		l.read = weak.Make(leases[0])
	}
	return leases, err
}

func (l *lookCounter) lease() weak.Pointer[coordinationv1.Lease] {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.read
}

func (l *lookCounter) Look(t rollout.Target) (rollout.Look, bool) {
	look, known := l.Observer.Look(t)
	if known {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.last = time.Now(); l.first.IsZero() {
			l.first = l.last
		}
		if l.n++; t.Name == "slow" {
			l.slow = look.Pods
		}
	}
	return look, known
}
