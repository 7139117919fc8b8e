package manifests

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Nothing has drifted after an apply, whatever the API server fills in and others add beside it.
func TestAnAppliedSetHasNotDrifted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.set(agent)
	w.apply(s)
	w.by("person", w.id("DaemonSet", "agent"), `{"metadata":{"annotations":{"note":"x"}},"status":{"numberReady":3}}`)
	drifts, err := w.client.Drifted(w.ctx, s, w.opts)
	if err != nil || len(drifts) != 0 {
		t.Errorf("got %+v %v", drifts, err)
	}
}

// Each way to drift is named: a changed field with its manager, a removed one, a missing object. Looking changes
// nothing, and correction makes it go away.
func TestDriftIsNamedAndCorrected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.set(strings.Replace(agent, "data: {level: info}", "data: {level: info, more: x}", 1))
	w.apply(s)
	w.patch("kubectl-set", w.id("DaemonSet", "agent"), "application/strategic-merge-patch+json",
		`{"spec":{"template":{"spec":{"containers":[{"name":"agent","image":"registry.example.com/agent:hotfix"}]}}}}`)
	w.by("kubectl-edit", w.id("ConfigMap", "agent"), `{"data":{"more":null}}`)
	if err := w.kube.CoreV1().ServiceAccounts(w.ns).Delete(w.ctx, "agent", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	drifts, err := w.client.Drifted(w.ctx, s, w.opts)
	if err != nil || len(drifts) != 3 {
		t.Fatalf("got %+v %v", drifts, err)
	}
	if d := drifts[0]; !d.Missing || d.Object != w.id("ServiceAccount", "agent") {
		t.Errorf("got %+v", d)
	}
	if d := drifts[1]; !slices.Equal(d.Changes, []Change{{"data.more", "", `"x"`}}) {
		t.Errorf("got %+v", d)
	}
	want := []Change{{"spec.template.spec.containers[name=agent].image", `"registry.example.com/agent:hotfix"`,
		`"registry.example.com/agent:1"`}}
	if d := drifts[2]; !slices.Equal(d.Changes, want) || !slices.Equal(d.Managers, []string{"kubectl-set"}) {
		t.Errorf("got %+v", d)
	}
	w.opts.Correct = true
	w.apply(s)
	if drifts, err := w.client.Drifted(w.ctx, s, w.opts); err != nil || len(drifts) != 0 {
		t.Errorf("after correction: %+v %v", drifts, err)
	}
}
