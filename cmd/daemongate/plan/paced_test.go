package plan

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout/plan"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// object is one with a field besides its name.
func object(version, kind, name, field, value string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{field: map[string]any{"value": value}}}
	o.SetAPIVersion(version)
	o.SetKind(kind)
	o.SetNamespace("platform")
	o.SetName(name)
	return o
}

// What a paced commit changes at once is named: a ConfigMap that keeps its name, roles, other workloads. What stays as it is,
// a ConfigMap with a new name, and what is paced are not.
func TestWhatNoStageHoldsBackIsNamed(t *testing.T) {
	agent, web := object("apps/v1", "DaemonSet", "agent", "spec", "b"), object("apps/v1", "Deployment", "web", "spec", "b")
	role := object("rbac.authorization.k8s.io/v1", "Role", "agent", "rules", "a")
	settings, hashed := object("v1", "ConfigMap", "settings", "data", "b"), object("v1", "ConfigMap", "settings-5kc4p", "data", "b")
	same := object("v1", "Service", "agent", "spec", "a")
	c := &cluster{merged: map[manifests.ID]manifests.Merged{}, sync: &api.Sync{}}
	var all []*unstructured.Unstructured
	for _, one := range []struct{ live, want *unstructured.Unstructured }{
		{object("apps/v1", "DaemonSet", "agent", "spec", "a"), agent}, {object("apps/v1", "Deployment", "web", "spec", "a"), web},
		{nil, role}, {object("v1", "ConfigMap", "settings", "data", "a"), settings}, {nil, hashed}, {same.DeepCopy(), same},
	} {
		if one.live != nil {
			one.live.SetResourceVersion("7")
		}
		c.merged[manifests.IDOf(one.want)] = manifests.Merged{Object: manifests.IDOf(one.want), Live: one.live, Want: one.want}
		all = append(all, one.want)
	}
	set, err := manifests.NewSet(all)
	if err != nil {
		t.Fatal(err)
	}
	c.set = set
	if got := strings.Join(c.atOnce(), "|"); got != "ConfigMap platform/settings, in place: mounted files change on all nodes|"+
		"Deployment platform/web|Role platform/agent" {
		t.Error(got)
	}
	c.stagesOf(t)
}

// stagesOf looks at the stages of a commit: those of the nodes that its DaemonSets are meant for.
func (c *cluster) stagesOf(t *testing.T) {
	t.Helper()
	plans := []plan.Plan{{Nodes: []plan.Node{{Name: "node-1"}, {Name: "node-2"}}}}
	if c.paced(c.sync, plans) != nil || c.paced(nil, plans) != nil {
		t.Error("a Sync without pace has stages")
	}
	for _, name := range []string{"node-3", "node-2", "node-1"} {
		c.nodes = append(c.nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	c.sync.Spec.Rollout.OnDelete = api.OnDeletePace
	c.sync.Spec.Rollout.Pace = &api.Pace{Stages: []api.PaceStage{{Name: "canary", AtMost: 1}}}
	p := c.paced(c.sync, plans)
	if len(p.Stages) != 2 || !slices.Equal(p.Stages[0].Nodes, []string{"node-1"}) || !slices.Equal(p.Stages[1].Nodes, []string{"node-2"}) ||
		p.Stages[1].Name != "rest" || !plans[0].Paced {
		t.Errorf("%+v", p)
	}
	if c.refuseUnpaced(c.sync); len(c.refused) > 0 {
		t.Errorf("%+v", c.refused)
	}
	surging := object("apps/v1", "DaemonSet", "surging", "spec", "a")
	surging.Object["spec"] = map[string]any{"updateStrategy": map[string]any{"rollingUpdate": map[string]any{
		"maxSurge": "10%"}}}
	var err error
	if c.set, err = manifests.NewSet([]*unstructured.Unstructured{surging}); err != nil {
		t.Fatal(err)
	}
	c.refuseUnpaced(c.sync)
	if len(c.refused) != 1 || c.refused[0].Object != "DaemonSet platform/surging" || !strings.Contains(c.refused[0].Why, "maxSurge") {
		t.Errorf("%+v", c.refused)
	}
}
