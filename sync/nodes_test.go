package sync

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// The status says of every node what it is to the rollout, in classes with up to twenty names, and a large fleet or
// many DaemonSets do not make it large.
func TestTheStatusClassesNodesWithinBounds(t *testing.T) {
	j := rollout.Judgement{Headline: strings.Repeat("h", 5000), Notes: make([]string, 50)}
	for i := range 5000 {
		n := rollout.Node{Name: fmt.Sprintf("%s-%04d", strings.Repeat("n", 50), i), State: rollout.IsSettled}
		switch {
		case i%100 == 1:
			n.State, n.Cause = rollout.IsFailing, rollout.CrashLoop
		case i > 4000:
			n.State, n.Why = rollout.IsNotEligible, fmt.Sprintf("taint t%d is not tolerated", i%200)
		}
		j.Nodes = j.Nodes.And([]rollout.Node{n})
	}
	w, err := judgedWorkload(api.Workload{}, j, rollout.Memory{}, 1, telling{})
	if err != nil {
		t.Fatal(err)
	}
	if c := w.Nodes[0]; c.State != "Failing" || c.Cause != "CrashLoop" || c.Count != 50 || len(c.Names) != 20 {
		t.Errorf("%+v", c)
	}
	if c := w.Nodes[2]; c.State != "NotEligible" || c.Why == "" || c.Count == 0 {
		t.Errorf("%+v", c)
	}
	size := func(workloads int) int {
		w, _ := judgedWorkload(api.Workload{}, j, rollout.Memory{}, workloads, telling{})
		raw, _ := json.Marshal(w)
		return len(raw) * workloads
	}
	if one, forty := size(1), size(40); one > 32<<10 || forty > 256<<10 {
		t.Errorf("one workload takes %d bytes, forty take %d", one, forty)
	}
}

// Counts, names, headlines and notes are progress: they alone are no reason to write the status at once.
func TestClassesAloneAreProgress(t *testing.T) {
	status := func(headline string, nodes ...api.NodeClass) api.SyncStatus {
		return api.SyncStatus{GateStatus: api.GateStatus{InFlight: &api.Flight{State: api.RollingOut,
			Workloads: []api.Workload{{Name: "agent", Headline: headline, Nodes: nodes, Notes: []string{headline}}}}}}
	}
	a := withoutProgress(status("0 of 3", api.NodeClass{State: "Old", Count: 3}))
	b := withoutProgress(status("1 of 3", api.NodeClass{State: "Old", Count: 2}, api.NodeClass{State: "Settled",
		Count: 1}))
	if x, y := fmt.Sprintf("%+v", a.InFlight.Workloads), fmt.Sprintf("%+v", b.InFlight.Workloads); x != y {
		t.Errorf("%s\n%s", x, y)
	}
}

// A commit that raises minReadySeconds and leaves the template alone is let through at once, however young the pods
// are: only what the API server makes of it tells that the template is the same. Its nodes are in the status.
func TestRaisingOnlyMinReadySecondsIsNotHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1")})
	w.create(nil)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	done := w.status().InFlight.Workloads[0]
	if len(done.Nodes) == 0 || done.Nodes[0].State != "Settled" || done.Nodes[0].Count != len(done.Nodes[0].Names) ||
		done.Headline != `daemon set "agent" successfully rolled out` {
		t.Errorf("%+v", done)
	}
	raised := strings.Replace(agent("v1"), "spec:\n", "spec:\n  minReadySeconds: 3600\n", 1)
	v2 := w.push("v2", map[string]string{"agent.yaml": raised})
	w.wait("v2 to be in flight", func(s api.SyncStatus) bool {
		if s.Held.Count > 0 && strings.Contains(s.Held.Reason, "minReadySeconds") {
			t.Fatalf("held: %s", s.Held.Reason)
		}
		return s.InFlight.Commit == v2
	})
}

// Figures are checked where they are written: a number of nodes is as good as a text, and an unknown cause is refused
// with the field's name.
func TestFiguresAreCheckedWhenTheyAreWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	write := func(name string, after map[string]any) error {
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "daemongate.io/v1alpha1", "kind": "Sync", "metadata": map[string]any{"name": name},
			"spec": map[string]any{"source": map[string]any{"url": w.url}, "suspend": true,
				"gate":    map[string]any{"failureBudget": int64(3)},
				"rollout": map[string]any{"maxAbsent": int64(2), "after": after}}}}
		_, err := w.client.Resource(api.Resource).Namespace(w.namespace).Create(t.Context(), object,
			metav1.CreateOptions{})
		return err
	}
	w.check(write("good", map[string]any{"ImagePull": "90s", "Overwritten": "1h30m"}))
	s, err := w.syncs.Get(t.Context(), w.namespace, "good")
	w.check(err)
	o, err := RolloutOptions(s)
	if err != nil || o.FailureBudget.String() != "3" || o.AbsentBudget.String() != "2" ||
		o.After[rollout.ImagePull] != 90*time.Second {
		t.Errorf("%+v, %v", o, err)
	}
	for cause, span := range map[string]string{"ImagePul": "90s", "NoProgress": "90s", "ImagePull": "soon"} {
		if err := write("bad", map[string]any{cause: span}); err == nil || !strings.Contains(err.Error(),
			"spec.rollout.after") {
			t.Errorf("%s: %s was taken: %v", cause, span, err)
		}
	}
	everyCause := map[string]any{}
	for _, code := range rollout.Codes() {
		if code.HasTime() {
			everyCause[string(code)] = "1m"
		}
	}
	w.check(write("every", everyCause))
}
