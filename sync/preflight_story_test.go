package sync

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// hungry has the agent ask for so much memory.
func hungry(daemonSet, memory string) string {
	return strings.Replace(daemonSet, "args: []", "args: [], resources: {requests: {memory: "+memory+"}}", 1)
}

// With preflight: Hold a commit whose pods are larger than the nodes waits before its first write, and says where and by
// how much. It goes when nodes have become large enough, or when a person releases it; a newer one that fits passes it
// and carries it.
func TestACommitThatWouldNotFitWaits(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	t.Parallel()
	cluster := clustertest.Start(t, clustertest.Options{Nodes: 2}) // of its own: its nodes grow
	if err := installSyncs(cluster); err != nil {
		t.Fatal(err)
	}
	w := newWorldOn(t, cluster)
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1")})
	w.create(func(s *api.SyncSpec) { s.Gate.Preflight = api.PreflightHold })
	w.controller(w.cluster.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	large := w.push("large", map[string]string{"agent.yaml": hungry(agent("v2"), "7000Gi")})
	w.says(large, api.Held, "agent would not fit 2 of 2 nodes: each asks for memory 7000Gi, and the largest of these nodes has")
	if image := w.image(); !strings.HasSuffix(image, ":v1") {
		t.Errorf("while it is held the agent is %s", image)
	}
	w.growNodes("8000Gi")
	w.waitFor(large, api.Complete)

	larger := w.push("larger", map[string]string{"agent.yaml": hungry(agent("v3"), "9000Gi")})
	w.waitFor(larger, api.Held)
	fits := w.push("fits", map[string]string{"agent.yaml": agent("v4")})
	w.waitFor(fits, api.Complete)
	w.waitFor(larger, api.Carried)

	anyway := w.push("anyway", map[string]string{"agent.yaml": hungry(agent("v5"), "9000Gi")})
	w.says(anyway, api.Held, "daemongate release")
	w.check(w.syncs.Release(t.Context(), w.namespace, "agents", anyway, time.Now()))
	w.wait("it to be applied with a warning", func(s api.SyncStatus) bool {
		p := s.Preflight
		return p != nil && p.Commit == anyway && strings.Contains(p.Warning, "would not fit 2 of 2 nodes")
	})
}

// growNodes gives every node so much memory.
func (w *world) growNodes(memory string) {
	w.t.Helper()
	nodes, err := w.kube.CoreV1().Nodes().List(w.t.Context(), metav1.ListOptions{})
	w.check(err)
	for _, n := range nodes.Items {
		_, err := w.kube.CoreV1().Nodes().Patch(w.t.Context(), n.Name, types.MergePatchType,
			[]byte(`{"status":{"allocatable":{"memory":"`+memory+`"},"capacity":{"memory":"`+memory+`"}}}`),
			metav1.PatchOptions{}, "status")
		w.check(err)
	}
}
