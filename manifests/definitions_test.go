package manifests

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// route is a definition with an object of its kind; GROUP keeps the tests' definitions apart.
const route = `
apiVersion: agents.GROUP/v1
kind: Route
metadata: {name: logs}
spec: {to: archive}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: routes.agents.GROUP}
spec:
  group: agents.GROUP
  scope: Namespaced
  names: {kind: Route, plural: routes, singular: route, listKind: RouteList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {to: {type: string}}}}`

func (w *world) route() string { return strings.ReplaceAll(route, "GROUP", w.ns+".example.com") }

// A definition and an object of its kind come in one commit: the dry run does not mind that the kind is not there yet,
// and the object is written as soon as the API server serves its kind.
func TestADefinitionAndItsObjectComeInOneSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.set(w.route())
	if at := s.Objects()[1].GetNamespace(); at != w.ns {
		t.Errorf("the custom object was resolved into namespace %q", at)
	}
	done := w.apply(s)
	if len(done) != 2 || done[1].Kind != "Route" || !done[1].Created {
		t.Fatalf("applied %v", done)
	}
	for _, a := range w.apply(w.set(w.route())) {
		if a.Changed {
			t.Errorf("%v", a)
		}
	}
}

// A definition that gets a field or a version comes together with an object that already uses it.
func TestAChangedDefinitionAndItsObjectComeInOneSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(w.set(w.route()))
	id := ID{Group: "agents." + w.ns + ".example.com", Kind: "Route", Namespace: w.ns, Name: "logs"}
	field := strings.NewReplacer("to: archive", "to: archive, via: relay", "to: {type: string}",
		"to: {type: string}, via: {type: string}").Replace(w.route())
	w.apply(w.set(field))
	if got := valueAt(w.live(id), "spec", "via"); got != "relay" {
		t.Errorf("via: %q", got)
	}
	schema := field[strings.Index(field, "    schema:"):]
	version := strings.Replace(field, "example.com/v1", "example.com/v2", 1) +
		"\n  - name: v2\n    served: true\n    storage: false\n" + schema
	for _, a := range w.apply(w.set(version)) {
		if a.Kind == "Route" && a.Version != "v2" {
			t.Errorf("applied %+v", a)
		}
	}
	// Without a change of the definition a misspelt field is refused as everywhere.
	err := w.client.DryRun(w.ctx, w.set(strings.Replace(version, "via: relay", "vai: relay", 1)), w.opts)
	var rejected *Rejected
	if !errors.As(err, &rejected) || rejected.Reason != ReasonInvalid || !strings.Contains(err.Error(), "vai") {
		t.Errorf("got %v", err)
	}
}

// A custom object for a namespace that nobody makes is refused, also when its definition is in the set.
func TestACustomObjectNeedsItsNamespace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(w.set(w.route()))
	err := w.client.DryRun(w.ctx, w.set(strings.Replace(w.route(), "name: logs", "name: logs, namespace: no-such-place",
		1)), w.opts)
	var rejected *Rejected
	if !errors.As(err, &rejected) || rejected.Reason != ReasonNotFound {
		t.Errorf("got %v", err)
	}
}

// A definition that others add is seen without a restart as soon as it is served, although the mapper had looked
// before.
func TestADefinitionOfOthersIsSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	parts := strings.SplitN(w.route(), "\n---\n", 2)
	_, err := w.client.Resolve(w.ctx, set(t, parts[0]), w.opts)
	var rejected *Rejected
	if !errors.As(err, &rejected) || rejected.Reason != ReasonUnknownKind {
		t.Fatalf("before the definition: %v", err)
	}
	t.Log(err)
	other, err := NewClient(w.config)
	if err != nil {
		t.Fatal(err)
	}
	definition, err := other.Resolve(w.ctx, set(t, parts[1]), w.opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Apply(w.ctx, definition, w.opts); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		_, err := w.kube.Discovery().ServerResourcesForGroupVersion("agents." + w.ns + ".example.com/v1")
		return err
	})
	if _, err := w.client.Resolve(w.ctx, set(t, parts[0]), w.opts); err != nil {
		t.Errorf("it is served by now: %v", err)
	}
}

// A namespace and its content come in one commit.
func TestANamespaceAndItsContentComeInOneSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.opts.TargetNamespace = w.ns + "-new"
	done := w.apply(w.set(agent + "\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: NS-new}"))
	if done[0].Kind != "Namespace" || done[3].Kind != "DaemonSet" || done[3].Namespace != w.ns+"-new" {
		t.Errorf("applied %v", done)
	}
}

// Also in a namespace that is not there yet an invalid object is found before anything is written.
func TestAnInvalidObjectInANewNamespaceLeavesNothingWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.opts.TargetNamespace = w.ns + "-new"
	s := w.set(strings.Replace(agent, "matchLabels: {app: agent}", "matchLabels: {app: other}", 1) +
		"\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: NS-new}")
	err := w.client.DryRun(w.ctx, s, w.opts)
	var rejected *Rejected
	if !errors.As(err, &rejected) || rejected.Reason != ReasonInvalid || rejected.Object.Namespace != w.ns+"-new" {
		t.Errorf("got %v", err)
	}
	if strings.Contains(err.Error(), "default") {
		t.Errorf("the error speaks of another namespace: %v", err)
	}
	if w.live(ID{Kind: "Namespace", Name: w.ns + "-new"}) != nil {
		t.Error("the namespace was written")
	}
}

// What a cluster serves is looked up once for all who write there, in whoever's name.
func TestKindsAreLookedUpOnceForAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var asked atomic.Int64
	config := rest.CopyConfig(w.config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return counts{next, &asked} })
	own, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	kind := schema.GroupKind{Group: "apps", Kind: "DaemonSet"}
	if _, err := own.mapper.find(w.ctx, kind, "v1"); err != nil || asked.Load() == 0 {
		t.Fatalf("%d requests, %v", asked.Load(), err)
	}
	before := asked.Load()
	other, err := own.As("system:serviceaccount:" + w.ns + ":deployer")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.mapper.find(w.ctx, kind, "v1"); err != nil || asked.Load() != before {
		t.Errorf("%d requests more, %v", asked.Load()-before, err)
	}
	id := ID{Kind: "ConfigMap", Namespace: w.ns, Name: "config"}
	if _, err := other.Get(w.ctx, id); err == nil || !strings.Contains(err.Error(), "deployer") {
		t.Errorf("it asks in its own name, which may not read: %v", err)
	}
}

// What was found of a kind is handed out again until a definition is written, which may change it; also if it was looked
// for before that and is found only then. Versions of a kind are not mixed up, and what is not there is not kept.
func TestWhatWasFoundOfAKindIsKeptUntilADefinitionIsWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := newMapper(w.client.mapper.discovery.(*discovery.DiscoveryClient))
	find := func(version string) *meta.RESTMapping {
		t.Helper()
		found, err := m.find(w.ctx, schema.GroupKind{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}, version)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	first := find("v2")
	if again := find("v2"); again != first {
		t.Error("it was looked for again")
	}
	if other := find("v1"); other.Resource.Version != "v1" {
		t.Errorf("asked for v1, found %s", other.Resource)
	}
	if preferred := find(""); preferred.Resource.Version != "v2" {
		t.Errorf("the server prefers v2, found %s", preferred.Resource)
	}
	_, looks := m.known(versionedKind{})
	m.reset(w.ctx)
	late := versionedKind{GroupKind: schema.GroupKind{Kind: "Late"}}
	if m.keep(late, first, looks); find("v2") == first {
		t.Error("it was kept when the definitions had changed")
	}
	if known, _ := m.known(late); known != nil {
		t.Error("what was found before the definitions changed is kept after it")
	}
	unknown := schema.GroupKind{Group: "apps", Kind: "Unknown"}
	if _, err := m.find(w.ctx, unknown, "v1"); !meta.IsNoMatchError(err) {
		t.Errorf("an unknown kind is %v", err)
	}
	if known, _ := m.known(versionedKind{unknown, "v1"}); known != nil {
		t.Error("an unknown kind is known")
	}
}
