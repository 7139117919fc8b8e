package observe_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/judge"
)

// How a node's clock goes is read from its Lease, by name and without a watch; of a node that is not there nothing is
// known, and whoever may not read it learns why.
func readsClocks(t *testing.T, cluster *clustertest.Cluster) {
	w := newWorld(t, cluster, nil)
	w.until("a Lease of every node", func() bool {
		leases, err := w.observer.Leases(t.Context())
		return err == nil && len(leases) == 3
	})
	before := w.wire.requests()
	clocks := w.observer.Clocks(t.Context(), []string{"node-001", "nobody"})
	if len(clocks) != 2 || clocks[0].Unknown != "" || !strings.Contains(clocks[1].Unknown, "nobody") {
		t.Errorf("%+v", clocks)
	}
	if asked := w.wire.requests() - before; asked != 3 || len(w.wire.watching()) > 0 {
		t.Errorf("%d reads, watches %v", asked, w.wire.watching())
	}
	blind := newWorld(t, cluster, func(c *rest.Config) { c.Impersonate.UserName = "nobody" })
	if c := blind.observer.Clocks(t.Context(), []string{"node-001"}); !strings.Contains(c[0].Unknown, "forbidden") {
		t.Errorf("%+v", c)
	}
}

// A host port and maxSurge: the new pod can never be scheduled beside the old one, by the real scheduler's word, and
// that is what is said.
func saysThatAHostPortCannotSurge(t *testing.T, cluster *clustertest.Cluster) {
	w := newWorld(t, cluster, nil)
	labels := map[string]string{"app": "ported"}
	one, zero := intstr.FromInt32(1), intstr.FromInt32(0)
	d, err := w.kube.AppsV1().DaemonSets(w.ns).Create(t.Context(), &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "ported"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxSurge: &one, MaxUnavailable: &zero}},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "agent", Image: "registry.local/agent:v1",
					Ports: []corev1.ContainerPort{{ContainerPort: 9100, HostPort: 19100}}}}}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	target := rollout.Target{Namespace: w.ns, Name: "ported", UID: d.UID, Generation: d.Generation}
	woken := w.watch("a", target)
	w.await(target, woken, "its pods", func(l rollout.Look) bool { return ready(l) == 3 })
	d, err = w.kube.AppsV1().DaemonSets(w.ns).Patch(t.Context(), "ported", types.StrategicMergePatchType,
		[]byte(`{"spec":{"template":{"spec":{"containers":[{"name":"agent","image":"registry.local/agent:v2"}]}}}}`),
		metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	target.Generation = d.Generation
	var cause rollout.Cause
	w.await(target, woken, "the pod that does not fit", func(l rollout.Look) bool {
		j, _ := judge.Rollout(l, target, rollout.Memory{}, rollout.Options{})
		if len(j.Causes) == 0 || j.Causes[0].Code != rollout.Unschedulable {
			return false
		}
		cause = j.Causes[0]
		return true
	})
	if !strings.Contains(cause.Message, "with maxSurge the old pod holds the host port") ||
		!strings.Contains(cause.Message, "19100/TCP") || !strings.Contains(cause.Remedy, "maxUnavailable") {
		t.Errorf("%+v", cause)
	}
}
