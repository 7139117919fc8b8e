package manifests

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests/fields"
)

const affine = `
      affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [
        {matchExpressions: [{key: pool, operator: In, values: [a]}]}, {matchExpressions: [{key: pool, operator: In, values: [b]}]}]}}}`

func (w *world) handover(live *unstructured.Unstructured, nodes ...string) Handover {
	return Handover{From: Entry{ID: IDOf(live), Version: "v1", UID: live.GetUID()},
		To:         ID{Group: "apps", Kind: "DaemonSet", Namespace: "p", Name: "new"},
		Generation: live.GetGeneration(), Nodes: nodes}
}

// exclusions are the names that each term of a DaemonSet's required node affinity excludes.
func exclusions(o *unstructured.Unstructured) [][]string {
	terms, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "affinity", "nodeAffinity",
		"requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
	var list [][]string
	for _, t := range terms {
		var names []string
		fields, _, _ := unstructured.NestedSlice(t.(map[string]any), "matchFields")
		for _, f := range fields {
			names = append(names, fmt.Sprint(f.(map[string]any)["values"]))
		}
		list = append(list, names)
	}
	return list
}

// A DaemonSet that is handed over gives up further nodes with each write, in every term of its affinity, and nothing
// else of it changes: not what others wrote, and no pod but by the affinity. Applying what Git has takes everything
// back.
func TestHandingOverNodes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"no affinity": rolling, "two terms": rolling + affine} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.set(text)
			first := w.apply(s)[0].Object
			w.by("somebody", IDOf(first),
				`{"metadata":{"annotations":{"somebody":"else"}},"spec":{"revisionHistoryLimit":3}}`)
			before := w.live(IDOf(first))
			if err := w.client.TryHandOver(w.ctx, w.handover(before, "node-9"), w.opts); err != nil {
				t.Fatal(err)
			}
			a, err := w.client.HandOver(w.ctx, w.handover(before, "node-2", "node-1"), w.opts)
			if err != nil {
				t.Fatal(err)
			}
			if a, err = w.client.HandOver(w.ctx, w.handover(a.Object, "node-2", "node-3"), w.opts); err != nil {
				t.Fatal(err)
			}
			for _, names := range exclusions(a.Object) {
				if !slices.Equal(names, []string{"[node-1]", "[node-2]", "[node-3]"}) {
					t.Errorf("given up: %v", names)
				}
			}
			if terms := len(exclusions(a.Object)); terms != 1+strings.Count(text, "key: pool")/2 {
				t.Errorf("%d terms", terms)
			}
			for _, d := range fields.Differences(before, a.Object) {
				if d.Path != "spec.updateStrategy.type" && !strings.Contains(d.Path, ReplacedByAnnotation) &&
					!strings.HasPrefix(d.Path, "spec.template.spec.affinity") {
					t.Errorf("the handover changed %s", d.Path)
				}
			}
			back := w.apply(s)[0].Object
			if left := fields.Differences(before, back); len(left) != 0 {
				t.Errorf("after it was taken back: %v", left)
			}
		})
	}
}

// What is handed over is what may be pruned (law 7), as it was looked at: not another object of that name, nor one that
// somebody changed meanwhile, nor one that is not this Sync's.
func TestNothingElseIsHandedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	live := w.apply(w.set(rolling))[0].Object
	for word, change := range map[string]func(*Handover){
		"changed since it was looked at":     func(h *Handover) { h.Generation-- },
		"another object of the same name":    func(h *Handover) { h.From.UID = types.UID("other") },
		"nobody recorded whether Daemongate": func(h *Handover) { h.From.UID = "" },
		"is gone":                            func(h *Handover) { h.From.Name = "other" },
	} {
		h := w.handover(live, "node-1")
		change(&h)
		if _, err := w.client.HandOver(w.ctx, h, w.opts); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}
	w.by("somebody", IDOf(live), `{"metadata":{"annotations":{"`+PruneAnnotation+`":"disabled"}}}`)
	if err := w.client.TryHandOver(w.ctx, w.handover(w.live(IDOf(live)), "node-1"), w.opts); err == nil ||
		!strings.Contains(err.Error(), "only what may be pruned") {
		t.Errorf("annotated not to be pruned: %v", err)
	}
	if now, err := w.client.Get(w.ctx, IDOf(live)); err != nil || now.GetGeneration() != live.GetGeneration() {
		t.Errorf("written all the same: %v", err)
	}
}

// The annotation names DaemonSets of the same namespace, or of another one.
func TestWhatADaemonSetReplaces(t *testing.T) {
	o := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"namespace": "p", "name": "new",
		"annotations": map[string]any{ReplacesAnnotation: "old, q/older,"}}}}
	want := []ID{{"apps", "DaemonSet", "p", "old"}, {"apps", "DaemonSet", "q", "older"}}
	if got := Replaces(o); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	o.SetAnnotations(nil)
	if got := Replaces(o); got != nil {
		t.Errorf("%v", got)
	}
}
