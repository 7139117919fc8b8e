package manifests

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests/fields"
)

const rolling = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, annotations: {team: nodes}}
spec:
  updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: "10%"}}
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers: [{name: agent, image: "registry.example.com/agent:1"}]`

var pulled = Brake{Commit: "9f3e2d1c0b5a49788f6e5d4c3b2a190817263544", Nodes: []string{"node-2", "node-1"}}

func (w *world) brake(s Set) Applied {
	w.t.Helper()
	a, err := w.client.Brake(w.ctx, s.Objects()[0], pulled, w.opts)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// The brake turns the rollout off and changes nothing else; its record is on the object; releasing it brings back the
// strategy that Git asks for, whether Git names one or leaves it to the defaults.
func TestBrakeAndRelease(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"strategy named": rolling,
		"strategy defaulted": strings.Replace(rolling, "  updateStrategy: {type: RollingUpdate, rollingUpdate: "+
			"{maxUnavailable: \"10%\"}}\n", "", 1),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.set(text)
			before := w.apply(s)[0].Object
			a := w.brake(s)
			if got := valueAt(a.Object, "spec", "updateStrategy", "type"); got != "OnDelete" || !a.Changed ||
				a.UID != before.GetUID() {
				t.Errorf("braked: %s, %v", got, a)
			}
			if b, found := ReadBrake(a.Object); !found || b.Commit != pulled.Commit ||
				!slices.Equal(b.Nodes, []string{"node-1", "node-2"}) {
				t.Errorf("record: %+v", b)
			}
			for _, d := range fields.Differences(before, a.Object) {
				if d.Path != "spec.updateStrategy.type" && !strings.Contains(d.Path, BrakeAnnotation) {
					t.Errorf("the brake changed %s", d.Path)
				}
			}
			if w.brake(s).Changed {
				t.Error("braking twice changed it twice")
			}
			released := w.apply(s)[0].Object
			if left := fields.Differences(before, released); len(left) != 0 {
				t.Errorf("after the release: %v", left)
			}
			if _, found := ReadBrake(released); found {
				t.Error("the record is left")
			}
		})
	}
}

// Somebody who holds the update strategy does not keep the brake from being pulled; whoever holds another field does,
// as with every apply, and is named.
func TestBrakeForcesTheStrategyAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.set(rolling)
	w.apply(s)
	id := w.id("DaemonSet", "agent")
	w.patch("strategist", id, types.ApplyPatchType,
		`{"apiVersion":"apps/v1","kind":"DaemonSet","spec":{"updateStrategy":{"type":"RollingUpdate"}}}`)
	if got := valueAt(w.brake(s).Object, "spec", "updateStrategy", "type"); got != "OnDelete" {
		t.Errorf("strategy: %s", got)
	}
	w.by("strategist", id, `{"metadata":{"annotations":{"team":"others"}},"spec":{"updateStrategy":{"type":"RollingUpdate"}}}`)
	_, err := w.client.Brake(w.ctx, s.Objects()[0], pulled, w.opts)
	var conflict *Conflict
	if !errors.As(err, &conflict) || conflict.Manager != "strategist" {
		t.Errorf("got %v", err)
	}
	if got := valueAt(w.live(id), "spec", "updateStrategy", "type"); got != "RollingUpdate" {
		t.Errorf("an apply with another conflict was forced: %s", got)
	}
}

// What kubectl changed in passing does not hold the brake back.
func TestBrakeFoldsKubectlIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.set(rolling)
	w.apply(s)
	w.by("kubectl-edit", w.id("DaemonSet", "agent"),
		`{"metadata":{"annotations":{"team":"others"}},"spec":{"updateStrategy":{"rollingUpdate":{"maxUnavailable":5}}}}`)
	a := w.brake(s)
	if got := valueAt(a.Object, "spec", "updateStrategy"); got != "map[rollingUpdate:map[maxSurge:0 "+
		"maxUnavailable:10%] type:OnDelete]" || a.Object.GetAnnotations()["team"] != "nodes" {
		t.Errorf("strategy %s, annotations %v", got, a.Object.GetAnnotations())
	}
}

// What is not there, not a DaemonSet or not ours cannot be braked.
func TestBrakeRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.client.Brake(w.ctx, w.set(rolling).Objects()[0], pulled, w.opts); err == nil ||
		!strings.Contains(err.Error(), "is gone") {
		t.Errorf("missing: %v", err)
	}
	if _, err := w.client.Brake(w.ctx, w.set(agent).Objects()[0], pulled, w.opts); err == nil ||
		!strings.Contains(err.Error(), "only a DaemonSet") {
		t.Errorf("a ServiceAccount: %v", err)
	}
	s := w.set(rolling)
	w.apply(s)
	w.opts.Owner.Name = "others"
	if _, err := w.client.Brake(w.ctx, s.Objects()[0], pulled, w.opts); err == nil || !strings.Contains(err.Error(),
		"belongs to Sync") {
		t.Errorf("another Sync's: %v", err)
	}
}

// The record is readable, sorted, and bounded on a fleet of any size.
func TestBrakeRecord(t *testing.T) {
	many := Brake{Commit: "c"}
	for range 5000 {
		many.Nodes = append(many.Nodes, strings.Repeat("n", 200)+string(rune('a'+len(many.Nodes)%26))+
			strings.Repeat("x", len(many.Nodes)%50))
	}
	if text := many.String(); len(text) > 200<<10 {
		t.Errorf("the record takes %d bytes", len(text))
	}
	o := Braked(object(t, rolling), pulled)
	if got := o.GetAnnotations()[BrakeAnnotation]; got != pulled.Commit+" node-1,node-2" {
		t.Errorf("record %q", got)
	}
	if _, found := ReadBrake(object(t, rolling)); found {
		t.Error("found a brake where there is none")
	}
}

// What Daemongate alone writes on a DaemonSet is refused in Git, with the file: it would be taken for a brake or a pace.
func TestRecordsOfDaemongateAreRefusedInGit(t *testing.T) {
	object := func(kind, name, annotation string) *unstructured.Unstructured {
		u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": kind}}
		if kind == "DaemonSet" {
			u.Object["apiVersion"] = "apps/v1"
		}
		u.SetNamespace("ns")
		u.SetName(name)
		u.SetAnnotations(map[string]string{OriginAnnotation: name + ".yaml", annotation: "9f3e2d1 canary"})
		return u
	}
	err := CheckRecords([]*unstructured.Unstructured{object("DaemonSet", "a", PacedAnnotation),
		object("DaemonSet", "b", BrakeAnnotation), object("DaemonSet", "c", "daemongate.io/replaces"),
		object("ConfigMap", "d", PacedAnnotation)})
	for _, says := range []string{"ns/a (a.yaml): the annotation daemongate.io/paced", "ns/b (b.yaml)", "take it out of Git"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v says nothing of %q", err, says)
		}
	}
	if err != nil && (strings.Contains(err.Error(), "ns/c") || strings.Contains(err.Error(), "ns/d")) {
		t.Errorf("too much: %v", err)
	}
}
