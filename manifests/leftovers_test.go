package manifests

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests/fields"
)

// byTool is an agent that another tool installed, with more than Git asks for.
const byTool = `
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: agent
  labels: {app.kubernetes.io/managed-by: tool}
  annotations: {tool.example.com/release: agent}
  finalizers: [tool.example.com/mine]
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      serviceAccountName: agent
      hostNetwork: true
      nodeSelector: {tier: gold}
      securityContext: {}
      containers:
      - {name: agent, image: "registry.example.com/agent:0", env: [{name: OLD, value: hidden-value}], imagePullPolicy: Always}
      - {name: sidecar, image: "registry.example.com/sidecar:1"}`

var fieldsOfTool = []string{
	"metadata.annotations.tool.example.com/release",
	"metadata.finalizers[…]",
	"metadata.labels.app.kubernetes.io/managed-by",
	"spec.template.spec.containers[name=agent].env[name=OLD]",
	"spec.template.spec.containers[name=agent].imagePullPolicy",
	"spec.template.spec.containers[name=sidecar]",
	"spec.template.spec.hostNetwork",
	"spec.template.spec.nodeSelector",
}

// leftoversOfApply applies a set by force and returns what it says of the DaemonSet.
func (w *world) leftoversOfApply(s Set) []fields.Leftovers {
	w.t.Helper()
	w.opts.Force = true
	done := w.apply(s)
	return done[slices.IndexFunc(done, func(a Applied) bool { return a.Kind == "DaemonSet" })].Leftovers
}

// Of an object that is taken from another tool by force it is said what of the tool's stays although Git does not ask
// for it: by name alone, an element of a list once, and without what the API server fills in by itself. It makes no
// difference whether the tool updates or applies.
func TestLeftoversOfAnotherToolAreNamed(t *testing.T) {
	for name, install := range map[string]func(*world){
		"updates": func(w *world) { w.create("tool", byTool) },
		"applies": func(w *world) {
			w.patch("tool", w.id("DaemonSet", "agent"), types.ApplyPatchType, string(asJSON(w.t, byTool)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			install(w)
			defer func() { w.by("tool", w.id("DaemonSet", "agent"), `{"metadata":{"finalizers":null}}`) }()
			found := w.leftoversOfApply(w.set(agent))
			if len(found) != 1 || found[0].Manager != "tool" || !slices.Equal(found[0].Fields, fieldsOfTool) ||
				found[0].Count != len(fieldsOfTool) {
				t.Fatalf("%+v", found)
			}
			if again := w.leftoversOfApply(w.set(agent)); again != nil {
				t.Errorf("nothing was taken any more, and yet: %+v", again)
			}
		})
	}
}

// Each tool is named for itself, and one of which nothing was taken not at all. The same leftovers have the same digest
// when the tool is overruled once more, others another one.
func TestLeftoversOfSeveralTools(t *testing.T) {
	w := newWorld(t)
	w.apply(w.set(agent))
	id := w.id("DaemonSet", "agent")
	w.by("bystander", id, `{"metadata":{"annotations":{"bystander":"1"}}}`)
	w.by("a-tool", id, `{"spec":{"minReadySeconds":30},"metadata":{"annotations":{"a":"1"}}}`)
	w.by("b-tool", id, `{"spec":{"revisionHistoryLimit":3,"template":{"spec":{"priority":null,"hostPID":true}}}}`)
	w.by("c-tool", id, `{"spec":{"updateStrategy":{"rollingUpdate":{"maxUnavailable":2}}}}`)
	change := w.set(strings.Replace(agent, "spec:\n  selector", "spec:\n  minReadySeconds: 1\n  "+
		"revisionHistoryLimit: 5\n  updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1}}\n  "+
		"selector", 1))
	first := w.leftoversOfApply(change)
	if len(first) != 2 || first[0].Manager != "a-tool" || !slices.Equal(first[0].Fields,
		[]string{"metadata.annotations.a"}) ||
		first[1].Manager != "b-tool" || !slices.Equal(first[1].Fields, []string{"spec.template.spec.hostPID"}) {
		t.Fatalf("%+v", first)
	}
	w.by("a-tool", id, `{"spec":{"minReadySeconds":30}}`)
	if again := w.leftoversOfApply(change); len(again) != 1 || again[0].Digest != first[0].Digest {
		t.Errorf("%+v, before %+v", again, first[0])
	}
	w.by("a-tool", id, `{"spec":{"minReadySeconds":30},"metadata":{"annotations":{"more":"1"}}}`)
	if more := w.leftoversOfApply(change); len(more) != 1 || more[0].Count != 2 || more[0].Digest == first[0].Digest {
		t.Errorf("%+v", more)
	}
}

// What kubectl held is folded into ours and goes: nothing of it is left over. What the control plane notes is nobody's.
func TestKubectlLeavesNothingOver(t *testing.T) {
	w := newWorld(t)
	w.create("kubectl-client-side-apply", byHand)
	id := w.id("DaemonSet", "agent")
	w.by("kube-controller-manager", id, `{"spec":{"template":{"metadata":{"labels":{"app":"agent","by":"control-plane"}}},"minReadySeconds":7}}`)
	change := w.set(strings.Replace(agent, "spec:\n  selector", "spec:\n  minReadySeconds: 1\n  selector", 1))
	if found := w.leftoversOfApply(change); found != nil {
		t.Errorf("%+v", found)
	}
}
