package sync

import (
	gosync "sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A DaemonSet is looked at once per 100 ms at most, whatever happens to its pods and to the Sync meanwhile.
func TestADaemonSetIsLookedAtTenTimesASecondAtMost(t *testing.T) {
	w := newWorld(t)
	w.push("v1", map[string]string{"agent.yaml": agent("v1")})
	w.create(func(s *api.SyncSpec) { s.Rollout.Settle.Duration = 2 * time.Second })
	c := w.newController(w.namespace, shared.Config, t.TempDir())
	looks := &lookCounter{Observer: c.Observer}
	c.Observer = looks
	w.start(c)
	w.wait("v1 to be Complete", func(s api.SyncStatus) bool {
		// Every note on the Sync is an Event of its informer, which has the Sync take its turn.
		note := []byte(`{"metadata":{"annotations":{"note":"` + time.Now().String() + `"}}}`)
		_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Patch(t.Context(), "agents", "application/merge-patch+json", note, metav1.PatchOptions{})
		w.check(err)
		return s.LastComplete != ""
	})
	looks.mu.Lock()
	defer looks.mu.Unlock()
	// One more, because the first look may have taken longer than the last.
	if most := int(looks.last.Sub(looks.first)/lookPause) + 2; looks.n > most {
		t.Errorf("%d looks, at most %d were due", looks.n, most)
	}
}

// lookCounter counts the looks of its Observer.
type lookCounter struct {
	Observer
	mu          gosync.Mutex
	first, last time.Time
	n           int
}

func (l *lookCounter) Look(t rollout.Target) (rollout.Look, bool) {
	look, known := l.Observer.Look(t)
	if known {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.last = time.Now(); l.first.IsZero() {
			l.first = l.last
		}
		l.n++
	}
	return look, known
}
