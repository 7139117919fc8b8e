package manifests

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
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
	if outdated, err := m.outdated(w.ctx, first); outdated || err != nil || find("v2") != first {
		t.Errorf("it is served where it was, whatever was said of one object: outdated %v, %v", outdated, err)
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

// asAdmin is a client that knows nothing of what others have asked.
func (w *world) asAdmin() *Client {
	w.t.Helper()
	c, err := NewClient(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// routes is the definition of routes.
func (w *world) routes() ID {
	return ID{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition",
		Name: "routes.agents." + w.ns + ".example.com"}
}

// redefine has somebody else change the definition of routes, and waits until the API server serves them in versions,
// and in no other.
func (w *world) redefine(change func(definition map[string]any), versions ...string) {
	w.t.Helper()
	id, admin := w.routes(), w.asAdmin()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		t, err := admin.entry(w.ctx, Entry{ID: id, Version: "v1"})
		if err != nil {
			return err
		}
		live, err := admin.read(w.ctx, t)
		if err != nil {
			return err
		}
		change(live.Object)
		_, err = admin.resource(t).Update(w.ctx, live, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.servesRoutes(versions...)
}

// servesRoutes waits until the API server serves routes in these versions, and in no other.
func (w *world) servesRoutes(versions ...string) {
	w.t.Helper()
	kind := schema.GroupKind{Group: "agents." + w.ns + ".example.com", Kind: "Route"}
	eventually(w.t, func() error {
		for _, version := range []string{"v1", "v2"} {
			m := w.asAdmin().mapper
			_, err := m.deferred.RESTMappingWithContext(w.ctx, kind, version)
			if is := err == nil; is != slices.Contains(versions, version) {
				return fmt.Errorf("%s is served: %v", version, is)
			}
			there, err := m.served(w.ctx, kind.WithVersion(version))
			if is := there != nil; err != nil || is != slices.Contains(versions, version) {
				return fmt.Errorf("%s is served: %v, %w", version, is, err)
			}
		}
		return nil
	})
}

// An object whose version others have taken out of its definition is not gone: it is read, and pruned, in another
// version. However many look at once, the definitions are read once more.
func TestAnObjectIsNotGoneWithAVersionOfItsKind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := w.route()
	both := text + "\n  - name: v2\n    served: true\n    storage: false\n" + text[strings.Index(text, "    schema:"):]
	inv := w.appliedRoutes(both)
	w.servesRoutes("v1", "v2")
	w.client.mapper.reset(w.ctx)
	if w.live(inv[0].ID) == nil || inv[0].Version != "v1" {
		t.Fatalf("recorded %+v", inv)
	}
	if _, err := w.client.entry(w.ctx, inv[0]); err != nil {
		t.Fatal(err)
	}
	w.redefine(func(definition map[string]any) { servesTheSecondOnly(t, definition) }, "v2")
	_, looks := w.client.mapper.known(versionedKind{})
	var looking sync.WaitGroup
	for range 8 {
		looking.Go(func() {
			goes, _, err := w.client.Prunable(w.ctx, inv, w.opts.Owner)
			if err != nil || len(goes) != 1 || goes[0].GroupVersionKind().Version != "v2" {
				t.Errorf("%v would go: %v", goes, err)
			}
		})
	}
	looking.Wait()
	if _, now := w.client.mapper.known(versionedKind{}); now != looks+1 {
		t.Errorf("the definitions were read %d times", now-looks)
	}
	gone, kept, err := w.client.Prune(w.ctx, inv, w.opts)
	if err != nil || len(gone) != 1 || len(kept) > 0 {
		t.Errorf("gone %v, kept %v: %v", gone, kept, err)
	}
	if left, err := w.asAdmin().Get(w.ctx, inv[0].ID); err != nil || left != nil {
		t.Errorf("it is still there: %v, %v", left, err)
	}
}

// appliedRoutes applies objects, and returns the routes among them.
func (w *world) appliedRoutes(text string) (inv Inventory) {
	w.t.Helper()
	for _, a := range w.apply(w.set(text)) {
		if a.Kind == "Route" {
			inv = append(inv, Recorded([]Applied{a})...)
		}
	}
	return inv
}

// servesTheSecondOnly has a definition of two versions serve and store the second alone.
func servesTheSecondOnly(t *testing.T, definition map[string]any) {
	t.Helper()
	versions, _, _ := unstructured.NestedSlice(definition, "spec", "versions")
	for i, is := range []bool{false, true} {
		version, _ := versions[i].(map[string]any)
		version["served"], version["storage"] = is, is
	}
	if err := unstructured.SetNestedSlice(definition, versions, "spec", "versions"); err != nil {
		t.Error(err)
	}
}

// A kind whose definition others have deleted and made anew, in another scope and by another plural, is written there
// as soon as its commit is tried again: nothing waits for a restart.
func TestAKindThatWasMadeAnewIsFoundAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	parts := strings.SplitN(w.route(), "\n---\n", 2)
	w.apply(w.set(parts[1]))
	w.apply(w.set(parts[0]))
	admin := w.asAdmin()
	definition := w.routes()
	at, err := admin.entry(w.ctx, Entry{ID: definition, Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.resource(at).Delete(w.ctx, definition.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.servesRoutes()
	paths := strings.NewReplacer("scope: Namespaced", "scope: Cluster", "routes", "paths").Replace(parts[1])
	anew, err := admin.Resolve(w.ctx, set(t, paths), w.opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Apply(w.ctx, anew, w.opts); err != nil {
		t.Fatal(err)
	}
	w.servesRoutes("v1")
	err = w.client.DryRun(w.ctx, w.set(parts[0]), w.opts)
	if !Temporary(err) || !strings.Contains(err.Error(), "Route "+w.ns+"/logs") {
		t.Errorf("the first time: %v", err)
	}
	if done := w.apply(w.set(parts[0])); len(done) != 1 || !done[0].Created || done[0].Namespace != "" {
		t.Errorf("applied %+v", done)
	}
}
