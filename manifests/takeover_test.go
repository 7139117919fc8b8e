package manifests

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/manifests/fields"
)

// applyIn writes as kubectl does in one API version of a kind, whichever the server prefers.
func (w *world) applyIn(manager, text string) {
	w.t.Helper()
	o := object(w.t, text)
	o.SetNamespace(w.ns)
	mapping := w.served(o.GroupVersionKind(), true)
	there := w.client.resource(target{id: IDOf(o), mapping: mapping})
	if _, err := there.Get(w.ctx, o.GetName(), metav1.GetOptions{}); err != nil {
		if _, err = there.Create(w.ctx, o, metav1.CreateOptions{FieldManager: manager}); err != nil {
			w.t.Fatal(err)
		}
		return
	}
	data, err := o.MarshalJSON()
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := there.Patch(w.ctx, o.GetName(), types.MergePatchType, data,
		metav1.PatchOptions{FieldManager: manager}); err != nil {
		w.t.Fatal(err)
	}
}

// served waits until the API server serves a kind in a version, or does so no more: after a definition has changed that
// takes it a moment.
func (w *world) served(gvk schema.GroupVersionKind, wanted bool) (mapping *meta.RESTMapping) {
	w.t.Helper()
	clustertest.Until(w.t, time.Minute, fmt.Sprintf("%s to be served: %t", gvk, wanted), func() (string, bool) {
		var err error
		mapping, err = w.client.mapper.served(w.ctx, gvk)
		return fmt.Sprint(mapping, " ", err), err == nil && (mapping != nil) == wanted
	})
	return mapping
}

// nothingOfKubectl fails if any of the managers that must be gone is left, or an annotation of kubectl's.
func (w *world) nothingOfKubectl(live *unstructured.Unstructured) {
	w.t.Helper()
	for _, m := range managersOf(live) {
		if fields.IsKubectl(m) {
			w.t.Errorf("%s is left among the managers", m)
		}
	}
	if _, left := live.GetAnnotations()["kubectl.kubernetes.io/last-applied-configuration"]; left {
		w.t.Error("kubectl's annotation is left")
	}
}

const autoscalerV1 = `
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata:
  name: agent
  labels: {old: "1"}
  annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: agent}, minReplicas: 3, maxReplicas: 5, targetCPUUtilizationPercentage: 50}`

const autoscalerV2 = `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: agent
  labels: {newer: "1"}
  annotations: {kubectl.kubernetes.io/last-applied-configuration: "{2}"}
spec: {maxReplicas: 6, behavior: {scaleDown: {stabilizationWindowSeconds: 60}}}`

// gitAutoscaler is what Git asks for: neither a minimum, nor the labels, nor the behaviour; the target of processor
// time goes to the API server's own.
func gitAutoscaler(version string) string {
	return strings.NewReplacer("VERSION", version).Replace(`
apiVersion: autoscaling/VERSION
kind: HorizontalPodAutoscaler
metadata: {name: agent}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: agent}, maxReplicas: 7}`)
}

// An object that kubectl applied in one API version and then in another is taken over whole: what Git does not name
// goes, whichever version it was written in and whatever its field is called there, and nothing stays behind without an
// owner.
func TestWhatKubectlWroteInTwoVersionsIsTakenOver(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"v1", "v2"} {
		for _, correct := range []bool{false, true} {
			w := newWorld(t)
			w.opts.Correct = correct
			w.applyIn("kubectl-client-side-apply", autoscalerV1)
			w.applyIn("kubectl-client-side-apply", autoscalerV2)
			git := w.set(gitAutoscaler(version))
			w.apply(git)
			id := ID{Group: "autoscaling", Kind: "HorizontalPodAutoscaler", Namespace: w.ns, Name: "agent"}
			live := w.live(id)
			w.nothingOfKubectl(live)
			if got := valueAt(live, "spec", "minReplicas"); got != "1" {
				t.Errorf("Git asks in %s: minReplicas is %s", version, got)
			}
			if got := valueAt(live, "spec", "maxReplicas"); got != "7" {
				t.Errorf("Git asks in %s: maxReplicas is %s", version, got)
			}
			if got := valueAt(live, "spec", "behavior", "scaleDown", "stabilizationWindowSeconds"); got == "60" {
				t.Errorf("Git asks in %s: behavior is left", version)
			}
			if strings.Contains(valueAt(live, "spec", "metrics"), "averageUtilization:50") {
				t.Errorf("Git asks in %s: metrics are %s", version, valueAt(live, "spec", "metrics"))
			}
			if labels := live.GetLabels(); labels["old"] != "" || labels["newer"] != "" {
				t.Errorf("Git asks in %s: labels are %v", version, labels)
			}
			for _, a := range w.apply(git) {
				if a.Changed {
					t.Errorf("Git asks in %s: a second apply changed it", version)
				}
			}
		}
	}
}

// An edit by kubectl in another version than ours is undone as well, and a death between the taking over and the apply
// is made up for by the next one.
func TestAnEditInAnotherVersionIsUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	git := w.set(gitAutoscaler("v2"))
	w.apply(git)
	id := ID{Group: "autoscaling", Kind: "HorizontalPodAutoscaler", Namespace: w.ns, Name: "agent"}
	w.applyIn("kubectl-edit", autoscalerV1)
	w.opts.Correct = true
	object := git.Objects()[0]
	there, err := w.client.find(w.ctx, object, nil, w.opts.Owner)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.client.fold(w.ctx, &there); err != nil { // and the process died here
		t.Fatal(err)
	}
	w.apply(git)
	live := w.live(id)
	w.nothingOfKubectl(live)
	if valueAt(live, "spec", "minReplicas") != "1" || valueAt(live, "spec", "maxReplicas") != "7" ||
		live.GetLabels()["old"] != "" {
		t.Errorf("spec %s, labels %v", valueAt(live, "spec"), live.GetLabels())
	}
}

// What another tool owns is not taken with it: the apply is refused with its name, as if kubectl had written in one
// version.
func TestTakingOverTwoVersionsOverrulesNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.applyIn("kubectl-client-side-apply", autoscalerV1)
	w.applyIn("other-tool", autoscalerV2)
	git := w.set(gitAutoscaler("v2"))
	_, err := w.client.Apply(w.ctx, git, w.opts)
	var conflict *Conflict
	if !errors.As(err, &conflict) || !strings.Contains(err.Error(), "other-tool") {
		t.Errorf("applied: %v", err)
	}
	id := ID{Group: "autoscaling", Kind: "HorizontalPodAutoscaler", Namespace: w.ns, Name: "agent"}
	if got := valueAt(w.live(id), "spec", "maxReplicas"); got != "6" {
		t.Errorf("maxReplicas is %s", got)
	}
}

const probeDefinition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: probes.NS.example.com}
spec:
  group: NS.example.com
  names: {kind: Probe, plural: probes}
  scope: Namespaced
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
  - {name: v1beta1, served: BETA, storage: false, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}`

func probe(version, fields string) string {
	return "apiVersion: NS.example.com/" + version + "\nkind: Probe\nmetadata: {name: a}\nspec: {" + fields + "}\n"
}

// So is what kubectl wrote in a version of a definition that is no longer served: its fields are taken for ours.
func TestWhatKubectlWroteInAVersionThatIsGoneIsTakenOver(t *testing.T) {
	t.Parallel()
	for _, served := range []string{"true", "false"} {
		w := newWorld(t)
		w.apply(w.set(strings.ReplaceAll(probeDefinition, "BETA", "true")))
		in := func(text string) string { return strings.ReplaceAll(text, "NS", w.ns) }
		w.applyIn("kubectl-client-side-apply", in(probe("v1beta1", `one: "1", two: "2"`)))
		w.applyIn("kubectl-client-side-apply", in(probe("v1", `two: "3", three: "3"`)))
		w.apply(w.set(strings.ReplaceAll(probeDefinition, "BETA", served)))
		gvk := schema.GroupVersionKind{Group: w.ns + ".example.com", Version: "v1beta1", Kind: "Probe"}
		w.served(gvk, served == "true")
		w.apply(w.set(probe("v1", `four: "4"`)))
		live := w.live(ID{Group: gvk.Group, Kind: "Probe", Namespace: w.ns, Name: "a"})
		w.nothingOfKubectl(live)
		if got := valueAt(live, "spec"); got != "map[four:4]" {
			t.Errorf("v1beta1 served %s: spec is %s", served, got)
		}
	}
}
