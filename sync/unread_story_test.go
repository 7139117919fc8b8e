package sync

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/manifests/install"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A Sync that was stored before the schema knew better, and that cannot be read, is Stalled and listed with its problem.
// The others are listed and looked after as usual, and a figure that is none fails no commit.
func TestAnUnreadableSyncDisturbsNoOther(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	cluster := clustertest.Start(t, clustertest.Options{})
	crd := must(install.CRD())
	old := crd[0].DeepCopy()
	clustertest.WithoutRules(old.Object)
	if err := install.Apply(t.Context(), cluster.Config, []*unstructured.Unstructured{old}); err != nil {
		t.Fatal(err)
	}
	w := newWorldOn(t, cluster)
	syncs := must(dynamic.NewForConfig(cluster.Config)).Resource(api.Resource).Namespace(w.namespace)
	v1 := w.push("v1", map[string]string{"a.yaml": configMap("a", "1")})
	for name, fields := range map[string]string{"unread": `"interval":"soon"`, "sized": `"path":""`} {
		u := syncWith(t, w.namespace, "source", `{"url":"`+w.url+`",`+fields+`}`)
		u.SetName(name)
		if name == "sized" {
			w.check(unstructured.SetNestedField(u.Object, "bla", "spec", "render", "maxFileSize"))
		}
		_, err := syncs.Create(t.Context(), u, metav1.CreateOptions{})
		w.check(err)
	}
	w.check(installSyncs(cluster))
	w.create(nil)
	w.controller(cluster.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	stalled := func(name, says string) {
		t.Helper()
		clustertest.Until(t, patience, name+" to be Stalled", func() (string, bool) {
			u := must(syncs.Get(t.Context(), name, metav1.GetOptions{}))
			row, _, _ := unstructured.NestedString(u.Object, "status", "summary", "message")
			list, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
			for _, c := range list {
				if m := c.(map[string]any); m["type"] == api.ConditionStalled && m["status"] == "True" {
					return row, strings.Contains(row, says)
				}
			}
			return row, false
		})
	}
	stalled("unread", `unread: time: invalid duration "soon"`)
	stalled("sized", "spec.render.maxFileSize")
	all := must(w.syncs.List(t.Context(), w.namespace))
	for _, s := range all {
		switch {
		case len(s.Status.Failed) > 0:
			t.Errorf("Sync %s: %+v", s.Name, s.Status.Failed)
		case (s.Name == "agents") != meta.IsStatusConditionTrue(s.Status.Conditions, api.ConditionReady):
			t.Errorf("Sync %s: %+v", s.Name, s.Status.Conditions)
		}
	}
	if len(all) != 3 {
		t.Errorf("%d Syncs are listed", len(all))
	}
}
