package manifests

import (
	"errors"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// create makes an object as kubectl's client-side apply does: an Update under its own name, which owns all it sets.
func (w *world) create(manager, text string) {
	w.t.Helper()
	o := object(w.t, strings.ReplaceAll(text, "NS", w.ns))
	if o.GetNamespace() == "" {
		o.SetNamespace(w.ns)
	}
	mapping, err := w.client.mapper.find(w.ctx, IDOf(o).groupKind(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = w.client.resource(target{id: IDOf(o), mapping: mapping}).Create(w.ctx, o,
		metav1.CreateOptions{FieldManager: manager})
	if err != nil {
		w.t.Fatal(err)
	}
}

const byHand = `
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: agent
  annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers: [{name: agent, image: "registry.example.com/agent:0", env: [{name: OLD, value: "1"}]}]`

const restart = `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-11-24T01:00:00Z"}}}}}`

const restartedAt = "kubectl.kubernetes.io/restartedAt"

// An agent that was installed with kubectl apply moves to Git without force and without a conflict, and what Git does
// not name goes: nothing of kubectl's ownership is left.
func TestAnObjectOfKubectlApplyIsTakenOver(t *testing.T) {
	t.Parallel()
	for _, manager := range []string{"kubectl-client-side-apply", "kubectl-create", "kubectl"} {
		t.Run(manager, func(t *testing.T) {
			w := newWorld(t)
			// Everything that Git names has the same value already: nothing conflicts.
			w.create(manager, strings.Replace(byHand, "agent:0", "agent:1", 1))
			w.apply(w.set(agent))
			live := w.live(w.id("DaemonSet", "agent"))
			containers := valueAt(live, "spec", "template", "spec", "containers")
			if strings.Contains(containers, "OLD") || !strings.Contains(containers, "agent:1") {
				t.Errorf("containers: %s", containers)
			}
			if _, left := live.GetAnnotations()["kubectl.kubernetes.io/last-applied-configuration"]; left {
				t.Error("kubectl's annotation is left")
			}
			if managers := managersOf(live); slices.Contains(managers, manager) {
				t.Errorf("managers: %v", managers)
			}
		})
	}
}

// An object of `kubectl apply --server-side` is taken over too: its manager is kubectl by an Apply entry.
func TestAnObjectOfServerSideKubectlIsTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.patch("kubectl", w.id("DaemonSet", "agent"), types.ApplyPatchType, string(asJSON(t, byHand)))
	w.apply(w.set(agent))
	if containers := valueAt(w.live(w.id("DaemonSet", "agent")), "spec", "template", "spec",
		"containers"); strings.Contains(containers, "OLD") {
		t.Errorf("containers: %s", containers)
	}
}

// An object whose managedFields somebody cleared has no owners at all, and is taken over as well.
func TestAnObjectWithoutManagedFieldsIsTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create("some-installer", byHand)
	w.by("some-installer", w.id("DaemonSet", "agent"), `{"metadata":{"managedFields":[{}]}}`)
	w.apply(w.set(agent))
	if containers := valueAt(w.live(w.id("DaemonSet", "agent")), "spec", "template", "spec",
		"containers"); strings.Contains(containers, "OLD") {
		t.Errorf("containers: %s", containers)
	}
}

// kubectl edit on a managed object is drift in the way of the next apply: it is undone without force.
func TestAnEditByKubectlIsUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(w.set(agent))
	id := w.id("ConfigMap", "agent")
	w.by("kubectl-edit", id, `{"data":{"level":"debug","extra":"yes"}}`)
	w.apply(w.set(agent))
	live := w.live(id)
	if valueAt(live, "data", "level") != "info" || valueAt(live, "data", "extra") != "" {
		t.Errorf("data: %s", valueAt(live, "data"))
	}
}

// What kubectl adds beside the fields of Git is left alone by an apply that it does not disturb.
func TestAnAnnotationByKubectlIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(w.set(agent))
	id := w.id("ConfigMap", "agent")
	w.by("kubectl-annotate", id, `{"metadata":{"annotations":{"note":"see ticket 7"}}}`)
	w.apply(w.set(strings.Replace(agent, "level: info", "level: warn", 1)))
	w.opts.Correct = true
	for _, a := range w.apply(w.set(strings.Replace(agent, "level: info", "level: warn", 1))) {
		if a.Changed {
			t.Errorf("%s was changed by a correction where nothing had drifted", a.ID)
		}
	}
	if note := w.live(id).GetAnnotations()["note"]; note != "see ticket 7" {
		t.Errorf("note: %q", note)
	}
}

// kubectl rollout undo puts an old template back, with fields that Git no longer names and without fields that Git
// does. Correction restores exactly what Git says, although nothing of the latter conflicts.
func TestARollbackByKubectlIsCorrectedWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	withEnv := strings.Replace(agent, "image: ", "env: [{name: NEW, value: x}], image: ", 1)
	w.apply(w.set(withEnv))
	id := w.id("DaemonSet", "agent")
	w.patch("kubectl", id, types.StrategicMergePatchType,
		`{"spec":{"template":{"spec":{"containers":[{"name":"agent","env":[{"name":"NEW","$patch":"delete"},{"name":"OLD","value":"1"}]}]}}}}`)
	w.opts.Correct = true
	w.apply(w.set(withEnv))
	if containers := valueAt(w.live(id), "spec", "template", "spec", "containers"); strings.Contains(containers,
		"OLD") || !strings.Contains(containers, "NEW") {
		t.Errorf("containers: %s", containers)
	}
}

// The annotation of kubectl rollout restart survives every apply, takeover included: removing it would roll every pod
// again.
func TestARestartSurvives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.id("DaemonSet", "agent")
	check := func(story string) {
		t.Helper()
		live := w.live(id)
		if at := valueAt(live, "spec", "template", "metadata", "annotations", restartedAt); at == "" {
			t.Errorf("%s: the restart's annotation is gone", story)
		}
		if managers := managersOf(live); !slices.Contains(managers, "kubectl-rollout") {
			t.Errorf("%s: kubectl-rollout was folded in: %v", story, managers)
		}
	}
	w.create("kubectl-client-side-apply", byHand)
	w.by("kubectl-rollout", id, restart)
	w.apply(w.set(agent))
	check("taken over")
	w.by("kubectl-edit", id, `{"metadata":{"annotations":{"note":"x"}},"spec":{"minReadySeconds":3}}`)
	w.opts.Correct = true
	w.apply(w.set(strings.Replace(agent, "spec:\n  selector", "spec:\n  minReadySeconds: 1\n  selector", 1)))
	check("corrected")
	for _, a := range w.apply(w.set(strings.Replace(agent, "spec:\n  selector", "spec:\n  minReadySeconds: 1\n  "+
		"selector", 1))) {
		if a.Changed {
			t.Errorf("%s: the same set changed it", a.ID)
		}
	}
	check("applied again")
}

// Also where kubectl owns everything, the restart's annotation included, as on an object without managedFields.
func TestARestartSurvivesWhereverItIsWritten(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]string{"without managedFields": "", "by kubectl patch": "kubectl-patch"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := w.id("DaemonSet", "agent")
			w.create("kubectl-client-side-apply", byHand)
			w.by("kubectl-patch", id, restart)
			if by == "" {
				w.by("x", id, `{"metadata":{"managedFields":[{}]}}`)
			}
			w.apply(w.set(agent))
			if at := valueAt(w.live(id), "spec", "template", "metadata", "annotations", restartedAt); at == "" {
				t.Error("the restart's annotation is gone")
			}
		})
	}
}

// kubectl scale writes through the scale subresource; it gives way like any other kubectl command.
func TestAScaleByKubectlIsUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	deployment := strings.Replace(strings.Replace(agent[strings.LastIndex(agent, "---")+4:], "DaemonSet", "Deployment",
		1), "spec:\n  selector", "spec:\n  replicas: 2\n  selector", 1)
	w.apply(w.set(deployment))
	_, err := w.kube.AppsV1().Deployments(w.ns).Patch(w.ctx, "agent", types.MergePatchType,
		[]byte(`{"spec":{"replicas":5}}`),
		metav1.PatchOptions{FieldManager: "kubectl"}, "scale")
	if err != nil {
		t.Fatal(err)
	}
	w.apply(w.set(deployment))
	if replicas := valueAt(w.live(w.id("Deployment", "agent")), "spec", "replicas"); replicas != "2" {
		t.Errorf("replicas: %s", replicas)
	}
}

// Where another controller stands in the way too, nothing at all is written: kubectl's hold is left as it was.
func TestAConflictLeavesKubectlAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(w.set(agent))
	id := w.id("ConfigMap", "agent")
	w.by("kubectl-edit", id, `{"data":{"level":"debug"}}`)
	w.by("tuner", id, `{"data":{"buffer":"8"}}`)
	change := w.set(strings.Replace(agent, "data: {level: info}", "data: {level: info, buffer: '4'}", 1))
	before := w.live(id).GetResourceVersion()
	_, err := w.client.Apply(w.ctx, change, w.opts)
	var conflict *Conflict
	if !errors.As(err, &conflict) {
		t.Fatalf("got %v", err)
	}
	if w.live(id).GetResourceVersion() != before {
		t.Error("the object was written")
	}
}

// Another controller's hold on a field is respected: the error names it, the field and what to do, nothing is written;
// apply.force takes the field over.
func TestAConflictNamesManagerAndField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(w.set(agent))
	id := w.id("DaemonSet", "agent")
	w.by("vertical-scaler", id, `{"spec":{"minReadySeconds":30}}`)
	change := w.set(strings.Replace(strings.Replace(agent, "spec:\n  selector", "spec:\n  minReadySeconds: 1\n  "+
		"selector", 1), "level: info", "level: warn", 1))
	err := w.client.DryRun(w.ctx, change, w.opts)
	var conflict *Conflict
	if !errors.As(err, &conflict) {
		t.Fatalf("got %v", err)
	}
	t.Log(err)
	if conflict.Manager != "vertical-scaler" || !slices.Equal(conflict.Fields, []string{".spec.minReadySeconds"}) ||
		conflict.Object != id {
		t.Errorf("conflict: %+v", conflict)
	}
	if Temporary(err) || !strings.Contains(err.Error(), "apply.force") {
		t.Errorf("the error does not help: %v", err)
	}
	if _, err := w.client.Apply(w.ctx, change, w.opts); !errors.As(err, &conflict) {
		t.Errorf("apply without force: %v", err)
	}
	w.opts.Force = true
	w.apply(change)
	if got := valueAt(w.live(id), "spec", "minReadySeconds"); got != "1" {
		t.Errorf("minReadySeconds: %s", got)
	}
}
