package sync

import (
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A clock went an hour ahead while a commit failed, and is put right: nothing waits for an hour that the clock had named,
// neither by what the status says nor by what is kept in memory.
func TestAClockThatWentAheadHoldsNothingUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var ahead atomic.Int64
	c := w.newController(w.namespace, shared.Config, t.TempDir())
	c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	w.create(nil)
	w.start(c)
	w.waitFor(v1, api.Complete)

	ahead.Store(int64(time.Hour))
	later := w.namespace + "-later"
	v2 := w.push("v2", map[string]string{"b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: " + later + "}\n"})
	w.waitFor(v2, api.Failed)
	w.wait("a time that has not come", func(s api.SyncStatus) bool {
		return len(s.Failed) == 1 && s.Failed[0].RetryAt.After(time.Now().Add(50*time.Minute))
	})
	ahead.Store(0)
	_, err := w.kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: later}},
		metav1.CreateOptions{})
	w.check(err)
	w.waitFor(v2, api.Complete)
}
