package sync

import (
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// driftFound stands in the first status that says of drift.
const driftFound = `"drift":{`

// Law 4, of a correction in flight: somebody deletes the DaemonSet of a rollout, and Daemongate dies right before, or
// right after, any write of making it anew. The next process knows the new one for its own, and the commit completes.
func TestDyingInACorrectionLosesNothing(t *testing.T) {
	t.Parallel()
	everyDeath(t, &mortal{from: driftFound}, diesCorrecting)
}

// Laws 4 and 7, of a correction after Complete: somebody deletes a ConfigMap, and Daemongate dies at any write of
// making it anew. A later commit that no longer asks for it has it pruned.
func TestDyingInACorrectionPrunesAllTheSame(t *testing.T) {
	t.Parallel()
	everyDeath(t, &mortal{from: driftFound}, diesCorrectingWhatGoes)
}

func diesCorrecting(t *testing.T, m *mortal) {
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": small("v1"), "keep.yaml": configMap("keep", "1")})
	w.create(func(s *api.SyncSpec) {
		s.Rollout.Settle = metav1.Duration{Duration: 10 * time.Second}
		s.Gate.ProgressDeadline = metav1.Duration{Duration: time.Minute}
	})
	data := t.TempDir()
	stop := w.controller(m.connection(), data)
	w.wait("the rollout", func(s api.SyncStatus) bool {
		return s.InFlight != nil && s.InFlight.State == api.RollingOut && len(s.InFlight.Workloads) == 1
	})
	w.deleteAgent()
	w.diesOr(m, func(s api.SyncStatus) bool { return s.LastComplete == v1 })
	stop()
	w.controller(shared.Config, data)
	w.waitFor(v1, api.Complete)
	w.told(v1, "success")
	d, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(t.Context(), "agent", metav1.GetOptions{})
	w.check(err)
	w.wait("the new DaemonSet to be known", func(s api.SyncStatus) bool {
		return s.InFlight.Workloads[0].UID == d.UID && w.recorded("agent") == d.UID
	})
	if s := w.status(); stuckOnce(s, v1) {
		t.Errorf("it was stuck once: history %+v", s.History)
	}
}

func diesCorrectingWhatGoes(t *testing.T, m *mortal) {
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1"), "b.yaml": configMap("b", "1"),
		"c.yaml": configMap("c", "1")})
	w.create(nil)
	data := t.TempDir()
	stop := w.controller(m.connection(), data)
	w.waitFor(v1, api.Complete)
	w.check(w.kube.CoreV1().ConfigMaps(w.namespace).Delete(t.Context(), "a", metav1.DeleteOptions{}))
	w.diesOr(m, func(s api.SyncStatus) bool { return s.Drift != nil && s.Drift.Corrections > 0 && s.Drift.Count == 0 })
	stop()
	v2 := w.push("v2", map[string]string{"a.yaml": ""})
	w.controller(shared.Config, data)
	w.waitFor(v2, api.Complete)
	_, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(t.Context(), "a", metav1.GetOptions{})
	if !apierrors.IsNotFound(err) || w.recorded("a") != "" || len(w.status().Inventory) != 2 {
		t.Errorf("what v2 no longer asks for: %v, the inventory has %+v", err, w.status().Inventory)
	}
}

// recorded is the UID by which the inventory knows an object.
func (w *world) recorded(name string) types.UID {
	w.t.Helper()
	for _, e := range w.status().Inventory {
		if e.Name == name {
			return e.UID
		}
	}
	return ""
}
