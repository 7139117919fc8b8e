package observe_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout"
)

// Looks at all DaemonSets, and looks ahead of a commit, have the very same nodes for as long as something is watched,
// and a change of a node is seen in all. What the watch had before it was cut is told to nobody.
func hasOneListOfNodes(t *testing.T, cluster *clustertest.Cluster) {
	w := newWorld(t, cluster, nil)
	nodes := func() []*corev1.Node {
		t.Helper()
		list, err := w.observer.Nodes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	one, other := w.apply("one", "registry.local/agent:v1"), w.apply("other", "registry.local/agent:v1")
	if list := nodes(); len(list) != 3 || w.wire.requests() == 0 || len(list[0].ManagedFields) > 0 {
		t.Errorf("%d nodes by %d requests", len(list), w.wire.requests())
	}
	woken := w.watch("a", one)
	first := w.await(one, woken, "all nodes", func(l rollout.Look) bool { return len(l.Nodes) == 3 })
	wokenToo := w.watch("b", other)
	w.await(other, wokenToo, "all nodes", func(l rollout.Look) bool { return slices.Equal(l.Nodes, first.Nodes) })
	asked := w.wire.requests()
	if list := nodes(); !slices.Equal(list, first.Nodes) || w.wire.requests() != asked {
		t.Errorf("others than are watched, by %d requests", w.wire.requests()-asked)
	}
	_, err := w.kube.CoreV1().Nodes().Patch(t.Context(), first.Nodes[0].Name, types.MergePatchType,
		[]byte(`{"metadata":{"labels":{"example.com/pool":"`+w.ns+`"}}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	changed := func(l rollout.Look) bool { return l.Nodes[0].Labels["example.com/pool"] == w.ns }
	look := w.await(one, woken, "the label", changed)
	w.await(other, wokenToo, "the label", changed)
	if list := nodes(); list[0] != look.Nodes[0] || first.Nodes[0].Labels["example.com/pool"] == w.ns {
		t.Error("the label is not seen ahead, or by a look from before")
	}
	w.wire.sever()
	w.until("nodes that cannot be read are told to nobody", func() bool {
		_, err := w.observer.Nodes(t.Context())
		return err != nil
	})
}
