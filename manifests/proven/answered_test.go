package proven

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/daemongate/daemongate/manifests"
)

// A DaemonSet that another process has braked or paced is as that left it, and not as the set has it: the plain object
// is applied again.
func TestAHeldDaemonSetIsNotProvenByARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set := w.set(workload("DaemonSet", "braked"), workload("DaemonSet", "free"), workload("DaemonSet", "paced"))
	applied, _ := w.commit(set)
	left := manifests.Known{}
	for i, o := range set.DaemonSets() {
		left[applied[i].ID] = manifests.VersionOf(applied[i].Object)
		if b := (manifests.Brake{Commit: "c1", Nodes: []string{"node-1"}, Paced: o.Name == "paced"}); o.Name != "free" {
			held := must(w.client.Brake(w.ctx, set.Objects()[i], b, w.options))(t)
			left[held.ID] = manifests.VersionOf(held.Object)
		}
	}
	w.memory = &Memory{}
	w.memory.For("", time.Now()).Recall(w.ctx, w.client, set, left, w.options, time.Now())
	applied, _ = w.commit(set)
	for _, a := range applied {
		strategy, _, _ := unstructured.NestedString(a.Object.Object, "spec", "updateStrategy", "type")
		if a.Changed != (a.Name != "free") || strategy != "RollingUpdate" {
			t.Errorf("%s: said to be changed: %t, with strategy %s", a, a.Changed, strategy)
		}
	}
}

// What is left alone is answered for only where an apply would have come to it: a definition that the API server does
// not serve holds up what comes after it, at the first try and at all others, and so does an object that is refused.
func TestWhatIsLeftAloneIsAnsweredForInItsTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	definitions := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1",
		Resource: "customresourcedefinitions"}
	taken := definition(w.ns, "others", "Gadget")
	must(w.others.Resource(definitions).Create(w.ctx, taken, metav1.CreateOptions{}))(t)
	awaitCondition(t, w, definitions, taken.GetName(), "Established", "True")
	ours := definition(w.ns, "gadgets", "Gadget")
	set := w.set(ours, configMap("a", "v1"), workload("DaemonSet", "d"))
	t.Cleanup(func() {
		for _, o := range []*unstructured.Unstructured{taken, ours} {
			_ = w.others.Resource(definitions).Delete(context.Background(), o.GetName(), metav1.DeleteOptions{})
		}
	})
	try := func(set manifests.Set, want string) error {
		applied, _, err := w.memory.For("", time.Now()).Apply(w.ctx, w.client, set, w.options)
		var kinds []string
		for _, a := range applied {
			kinds = append(kinds, fmt.Sprint(a.Kind, " ", a.Changed))
		}
		if got := strings.Join(kinds, ", "); got != want {
			t.Errorf("answered for %s, want %s: %v", got, want, err)
		}
		return err
	}
	for i := range 3 {
		if i == 1 {
			awaitCondition(t, w, definitions, ours.GetName(), "NamesAccepted", "False")
		}
		if err := try(set, fmt.Sprint("CustomResourceDefinition ", i == 0)); err == nil ||
			!strings.Contains(err.Error(), "is not Established") {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	must(0, w.others.Resource(definitions).Delete(w.ctx, taken.GetName(), metav1.DeleteOptions{}))(t)
	awaitCondition(t, w, definitions, ours.GetName(), "Established", "True")
	if err := try(set, "CustomResourceDefinition false, ConfigMap true, DaemonSet true"); err != nil {
		t.Fatal(err)
	}
	w.by("operator", configMapResource, "a", `{"data":{"key":"theirs"}}`)
	if err := try(set, "CustomResourceDefinition false"); err == nil {
		t.Error("the field of another manager was taken")
	}
}

// Objects of one kind may be asked for in several versions: each is seen in its own.
func TestEachObjectIsSeenInItsVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	objects := func(value string) manifests.Set {
		all := []*unstructured.Unstructured{configMap("a", value)}
		for _, version := range []string{"v1", "v2"} {
			o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "autoscaling/" + version,
				"kind": "HorizontalPodAutoscaler", "spec": map[string]any{"maxReplicas": int64(3),
					"scaleTargetRef": map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}}}
			o.SetName(version)
			o.SetAnnotations(map[string]string{manifests.WaitAnnotation: "true"})
			all = append(all, o)
		}
		return w.set(all...)
	}
	w.commit(objects("1"))
	made := w.counted.during(func() {
		applied, _ := w.commit(objects("2"))
		for _, a := range applied {
			if a.Kind != "ConfigMap" && a.Version != a.Name {
				t.Errorf("%s is of version %s", a, a.Version)
			}
		}
	})
	if want := []string{"apply", "dry run", "list", "list", "list", "list"}; !slices.Equal(made, want) {
		t.Errorf("requests %q, want %q", made, want)
	}
}

// definition is one that brings a kind in a group of a test's own.
func definition(group, plural, kind string) *unstructured.Unstructured {
	group += ".example.com"
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apiextensions.k8s.io/v1",
		"kind": "CustomResourceDefinition", "spec": map[string]any{"group": group, "scope": "Namespaced",
			"names": map[string]any{"plural": plural, "kind": kind, "singular": plural + "-one"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{
				"openAPIV3Schema": map[string]any{"type": "object"}}}}}}}
	o.SetName(plural + "." + group)
	return o
}

func awaitCondition(t *testing.T, w *world, r schema.GroupVersionResource, name, condition, status string) {
	t.Helper()
	for t.Context().Err() == nil {
		o := must(w.others.Resource(r).Get(w.ctx, name, metav1.GetOptions{}))(t)
		if said, _ := manifests.ConditionOf(o, condition); said["status"] == status {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}
