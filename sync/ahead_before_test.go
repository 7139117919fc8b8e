package sync

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// What earlier versions kept of nodes that were not Ready for a moment proves nothing of them: the status is read, and
// all of these nodes count. What is kept now comes back as it was.
func TestANameAloneLetsNoNodeOff(t *testing.T) {
	var w api.Workload
	if err := json.Unmarshal([]byte(`{"group":"apps","kind":"DaemonSet","namespace":"n","name":"agent","failingBefore":["node-1","node-2"]}`), &w); err != nil {
		t.Fatal(err)
	}
	if target, _, err := Recall(w); err != nil || len(target.FailingBefore) != 0 {
		t.Errorf("%+v, %v", target, err)
	}
	since := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	kept := []rollout.FailingNode{{Node: "node-1", Cause: rollout.CrashLoop, Evidence: "agent 1", Since: since}}
	w.WasFailing = keepFailing(kept)
	var read api.Workload
	if err := json.Unmarshal(must(json.Marshal(w)), &read); err != nil {
		t.Fatal(err)
	}
	target, _, err := Recall(read)
	if err != nil || len(target.FailingBefore) != 1 || !target.FailingBefore[0].Since.Equal(since) ||
		target.FailingBefore[0].Evidence != "agent 1" {
		t.Errorf("%+v, %v", target.FailingBefore, err)
	}
}

// What a commit did that did not complete is held against the next one: a node that it broke is not sick of itself, and
// nodes that it took away are missed, although the DaemonSet has none at the moment.
func TestAStuckCommitsDoingsAreHeldAgainstTheNext(t *testing.T) {
	look := rollout.Look{Now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC),
		DaemonSet: &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "agent", UID: "d"}}}
	look.DaemonSet.Spec.Template.Spec.NodeSelector = map[string]string{"pool": "typo"}
	for _, n := range []string{"node-1", "node-2", "node-3"} {
		look.Nodes = append(look.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n}})
	}
	w := api.Workload{Group: "apps", Kind: "DaemonSet", Namespace: "n", Name: "agent", HadNodes: true,
		WasFailing: []api.FailingNode{{Node: "node-1"}, {Node: "node-2"}, {Node: "node-9"}},
		Memory:     runtime.RawExtension{Raw: must(json.Marshal(rollout.Memory{Counted: []string{"node-2"}}))}}
	last := &api.Flight{State: api.Stuck, Workloads: []api.Workload{w}}
	b := beforeOf(last, idOf(w), look, rollout.Options{}, telling{})
	if len(b.failing) != 1 || b.failing[0].Node != "node-1" || !b.hadNodes {
		t.Errorf("%+v", b)
	}
	last.State = api.Complete
	if b = beforeOf(last, idOf(w), look, rollout.Options{}, telling{}); len(b.failing) != 0 || b.hadNodes {
		t.Errorf("after Complete: %+v", b)
	}
	look.DaemonSet.Spec.Template.Spec.NodeSelector = nil // its controller has not counted them yet
	if b = beforeOf(nil, idOf(w), look, rollout.Options{}, telling{}); !b.hadNodes ||
		slices.Contains(b.failing, api.FailingNode{Node: "node-1"}) {
		t.Errorf("anew: %+v", b)
	}
}
