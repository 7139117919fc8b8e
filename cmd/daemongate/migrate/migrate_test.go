package migrate

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/manifests/install"
	"github.com/daemongate/daemongate/manifests/storage"
)

var shared = &clustertest.Shared{Options: clustertest.Options{Nodes: -1}}

func TestMain(m *testing.M) {
	flag.Parse()
	clustertest.Quiet()
	defer shared.Stop()
	m.Run()
}

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1",
	Resource: "customresourcedefinitions"}

// world is an API server with a definition and objects of it.
type world struct {
	*testing.T
	config *rest.Config
	client dynamic.Interface
	kind   schema.GroupResource
}

func newWorld(t *testing.T, kind schema.GroupResource) *world {
	cluster := shared.Start(t)
	w := &world{T: t, config: cluster.Config, kind: kind}
	var err error
	w.client, err = dynamic.NewForConfig(cluster.Config)
	w.check(err)
	return w
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) objects(version string) dynamic.ResourceInterface {
	return w.client.Resource(w.kind.WithVersion(version)).Namespace("default")
}

// define makes or changes the definition, and waits until the API server goes by it: it serves these versions, and not
// the one that is gone.
func (w *world) define(definition *unstructured.Unstructured, gone string, versions ...string) error {
	w.Helper()
	all := w.client.Resource(definitions)
	next := definition.DeepCopy()
	if live, err := all.Get(w.Context(), next.GetName(), metav1.GetOptions{}); err == nil {
		next.SetResourceVersion(live.GetResourceVersion())
		if _, err := all.Update(w.Context(), next, metav1.UpdateOptions{}); err != nil {
			return err
		}
	} else if _, err := all.Create(w.Context(), next, metav1.CreateOptions{}); err != nil {
		return err
	}
	clustertest.Until(w, time.Minute, "the API server to go by the definition", func() (string, bool) {
		serves := func(version string) bool { // then the object is missed, else the resource
			_, err := w.objects(version).Get(w.Context(), "nobody", metav1.GetOptions{})
			return apierrors.IsNotFound(err) && strings.Contains(err.Error(), "nobody")
		}
		return fmt.Sprintf("%s is to be gone, %q to be served", gone, versions),
			(gone == "" || !serves(gone)) && !slices.ContainsFunc(versions, func(v string) bool { return !serves(v) })
	})
	return nil
}

// stored is status.storedVersions of the definition.
func (w *world) stored() []string {
	w.Helper()
	d, err := w.client.Resource(definitions).Get(w.Context(), w.kind.String(), metav1.GetOptions{})
	w.check(err)
	stored, _, err := unstructured.NestedStringSlice(d.Object, "status", "storedVersions")
	w.check(err)
	return stored
}

// say has the definition say that so much is stored, whatever is.
func (w *world) say(versions string) {
	w.Helper()
	_, err := w.client.Resource(definitions).Patch(w.Context(), w.kind.String(), types.MergePatchType,
		[]byte(`{"status":{"storedVersions":`+versions+`}}`), metav1.PatchOptions{}, "status")
	w.check(err)
}

// all are the objects by name, as a version shows them.
func (w *world) all(version string) map[string]*unstructured.Unstructured {
	w.Helper()
	list, err := w.objects(version).List(w.Context(), metav1.ListOptions{})
	w.check(err)
	all := map[string]*unstructured.Unstructured{}
	for i := range list.Items {
		all[list.Items[i].GetName()] = &list.Items[i]
	}
	return all
}

// written are the names of the objects that were stored anew between two looks.
func written(before, after map[string]*unstructured.Unstructured) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if after[name] == nil || before[name].GetResourceVersion() != after[name].GetResourceVersion() {
			names = append(names, name)
		}
	}
	return names
}

// content is what of an object must stay, whatever version it is stored in.
func content(o *unstructured.Unstructured) map[string]any {
	c := o.DeepCopy()
	c.SetManagedFields(nil)
	c.SetResourceVersion("")
	c.SetAPIVersion("")
	return c.Object
}

// with gives a definition further versions, made from its first one, of which the last is stored.
func with(definition *unstructured.Unstructured, names ...string) *unstructured.Unstructured {
	d := definition.DeepCopy()
	versions, _, _ := unstructured.NestedSlice(d.Object, "spec", "versions")
	first, _ := versions[0].(map[string]any)
	all := []any{}
	for i, name := range names {
		v := (&unstructured.Unstructured{Object: first}).DeepCopy().Object
		v["name"], v["served"], v["storage"] = name, true, i == len(names)-1
		all = append(all, v)
	}
	_ = unstructured.SetNestedSlice(d.Object, all, "spec", "versions")
	return d
}

// syncs is how many there are: more than are read at once.
const syncs = 60

// makeSyncs makes Syncs as a team applies them, with a status as the controller writes it.
func (w *world) makeSyncs() {
	w.Helper()
	for i := range syncs {
		w.check(w.applySync("v1alpha1", fmt.Sprintf("s%02d", i), `, path: clusters/prod`))
	}
	status := []byte(`{"status":{"observedGeneration":7}}`)
	_, err := w.objects("v1alpha1").Patch(w.Context(), "s00", types.MergePatchType, status,
		metav1.PatchOptions{FieldManager: "controller"}, "status")
	w.check(err)
}

func (w *world) applySync(version, name, more string) error {
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(`
apiVersion: daemongate.io/`+version+`
kind: Sync
metadata: {name: `+name+`}
spec: {source: {url: "https://git.example.com/platform/fleet.git"`+more+`}}`), &o.Object); err != nil {
		return err
	}
	_, err := w.objects(version).Apply(w.Context(), name, o, metav1.ApplyOptions{FieldManager: "team"})
	return err
}

// migrates runs the command, and returns what it printed.
func (w *world) migrates(config *rest.Config, dryRun bool) (string, error) {
	var out strings.Builder
	err := run(w.Context(), &out, config, dryRun)
	return out.String(), err
}

// Syncs of v1alpha1 become Syncs of v1beta1: an interrupted migration is gone on with, a Sync that somebody writes at
// the same moment keeps what was written, all else stays as it is, and afterwards v1alpha1 can be taken out of the
// definition. Without the migration no Sync could be read then.
func TestSyncsMoveToAnotherVersion(t *testing.T) {
	w := newWorld(t, schema.GroupResource{Group: "daemongate.io", Resource: "syncs"})
	crd, err := install.CRD()
	w.check(err)
	w.check(w.define(crd[0], "", "v1alpha1"))
	w.makeSyncs()
	two := with(crd[0], "v1alpha1", "v1beta1")
	w.check(w.define(two, "", "v1alpha1", "v1beta1"))
	one := with(crd[0], "v1beta1")
	if err := w.define(one, "v1alpha1"); err == nil || !strings.Contains(err.Error(), "storedVersions") {
		t.Fatalf("the API server lets v1alpha1 go, of which Syncs are stored: %v", err)
	}
	w.cannotBeReadWithout(two, one)

	before := w.all("v1beta1")
	if len(before) != syncs {
		t.Fatalf("there are %d Syncs", len(before))
	}
	w.changesNothingOnTrial(before)
	w.isInterrupted(before, 53)
	half := w.all("v1beta1")
	w.goesOn(half, syncs-53)
	after := w.all("v1beta1")
	if seven, _, _ := unstructured.NestedInt64(after["s00"].Object, "status", "observedGeneration"); seven != 7 {
		t.Errorf("the status is %v", after["s00"].Object["status"])
	}
	for name, o := range before {
		if name == "s59" { // which somebody labels at the same moment
			o.SetLabels(map[string]string{"team": "x"})
		}
		if !reflect.DeepEqual(content(o), content(after[name])) {
			t.Errorf("%s was\n%v, is\n%v", name, content(o), content(after[name]))
		}
	}
	w.check(w.define(one, "v1alpha1", "v1beta1"))
	if got := written(after, w.all("v1beta1")); len(got) > 0 {
		t.Errorf("without v1alpha1 they are not the same: %q", got)
	}
	// Who has applied in v1alpha1 goes on in v1beta1, and still owns what was applied then.
	w.check(w.applySync("v1beta1", "s00", ""))
	s, err := w.objects("v1beta1").Get(w.Context(), "s00", metav1.GetOptions{})
	w.check(err)
	if _, found, _ := unstructured.NestedString(s.Object, "spec", "source", "path"); found {
		t.Error("what was applied in v1alpha1 and is no longer is still there")
	}
	text, err := w.migrates(w.config, false)
	if err != nil || !strings.Contains(text, "60 stored so already") || !strings.Contains(text, "nothing to migrate") {
		t.Errorf("once more: %v\n%s", err, text)
	}
}

// cannotBeReadWithout is the danger: the older version is taken out by force, and put back.
func (w *world) cannotBeReadWithout(two, one *unstructured.Unstructured) {
	w.Helper()
	w.say(`["v1beta1"]`)
	w.check(w.define(one, "v1alpha1", "v1beta1"))
	clustertest.Until(w, time.Minute, "Syncs that cannot be read", func() (string, bool) {
		_, err := w.objects("v1beta1").List(w.Context(), metav1.ListOptions{})
		return fmt.Sprint(err), err != nil && strings.Contains(err.Error(), "invalid group/version")
	})
	w.check(w.define(two, "", "v1alpha1", "v1beta1"))
	w.say(`["v1alpha1","v1beta1"]`)
	clustertest.Until(w, time.Minute, "Syncs that can be read", func() (string, bool) {
		_, err := w.objects("v1beta1").List(w.Context(), metav1.ListOptions{})
		return fmt.Sprint(err), err == nil
	})
}

// changesNothingOnTrial: who may not write is told so before anything is written, and a dry run writes nothing.
func (w *world) changesNothingOnTrial(before map[string]*unstructured.Unstructured) {
	w.Helper()
	stranger := rest.CopyConfig(w.config)
	stranger.Impersonate = rest.ImpersonationConfig{UserName: "stranger"}
	if text, err := w.migrates(stranger, false); err == nil || !strings.Contains(err.Error(), "cannot get resource") {
		w.Errorf("a stranger migrates: %v\n%s", err, text)
	}
	text, err := w.migrates(w.config, true)
	if err != nil || !strings.Contains(text, "60 Syncs would be written") ||
		!strings.Contains(text, "v1alpha1 would be taken out of status.storedVersions") {
		w.Errorf("dry run: %v\n%s", err, text)
	}
	if got := written(before, w.all("v1beta1")); len(got) > 0 || !slices.Equal(w.stored(), []string{"v1alpha1", "v1beta1"}) {
		w.Errorf("a dry run has written %q, and the definition says %q", got, w.stored())
	}
}

// isInterrupted has the API server be away after so many writes.
func (w *world) isInterrupted(before map[string]*unstructured.Unstructured, after int32) {
	w.Helper()
	var puts atomic.Int32
	text, err := w.migrates(w.between(func(*http.Request) error {
		if puts.Add(1) > after {
			return errors.New("the network is down")
		}
		return nil
	}), false)
	if err == nil || !strings.Contains(err.Error(), "the network is down") {
		w.Fatalf("it is not interrupted: %v\n%s", err, text)
	}
	if got := written(before, w.all("v1beta1")); len(got) != int(after) {
		w.Errorf("written before the interruption: %q", got)
	}
	if !slices.Equal(w.stored(), []string{"v1alpha1", "v1beta1"}) {
		w.Errorf("the definition says of half a migration %q", w.stored())
	}
}

// goesOn runs it to the end, while somebody labels the last Sync.
func (w *world) goesOn(half map[string]*unstructured.Unstructured, left int) {
	w.Helper()
	labelled := false
	text, err := w.migrates(w.between(func(r *http.Request) error {
		if labelled || !strings.HasSuffix(r.URL.Path, "/s59") {
			return nil
		}
		labelled = true
		_, err := w.objects("v1beta1").Patch(w.Context(), "s59", types.MergePatchType,
			[]byte(`{"metadata":{"labels":{"team":"x"}}}`), metav1.PatchOptions{})
		return err
	}), false)
	if err != nil || !labelled || !strings.Contains(text, "53 stored so already, 0 refused") ||
		!strings.Contains(text, fmt.Sprintf("%d Syncs written", left)) {
		w.Fatalf("the second half: %v\n%s", err, text)
	}
	if got := written(half, w.all("v1beta1")); len(got) != left {
		w.Errorf("written in the second half: %q", got)
	}
	if !slices.Equal(w.stored(), []string{"v1beta1"}) {
		w.Errorf("the definition says %q", w.stored())
	}
}

// between is a connection on which something is done before each PUT is sent.
func (w *world) between(do func(*http.Request) error) *rest.Config {
	config := rest.CopyConfig(w.config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPut {
				if err := do(r); err != nil {
					return nil, err
				}
			}
			return next.RoundTrip(r)
		})
	})
	return config
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

const widgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}
  versions:
  - name: v1
    served: true
    storage: STORED
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {
      size: {type: integer}, color: {type: string}}}}}}
`

const widgetsV2 = `
  - name: v2
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {
      size: {type: integer}}}}}}
`

// A field that only the older version knows is not lost: the object is refused with the field's name, all others are
// written, and the definition keeps the version until the field is gone from the object.
func TestNoFieldIsLost(t *testing.T) {
	w := newWorld(t, schema.GroupResource{Group: "example.com", Resource: "widgets"})
	define := func(text string, versions ...string) {
		d := &unstructured.Unstructured{}
		w.check(yaml.Unmarshal([]byte(text), &d.Object))
		w.check(w.define(d, "", versions...))
	}
	define(strings.Replace(widgets, "STORED", "true", 1), "v1")
	for name, spec := range map[string]string{"red": `{"size":1,"color":"red"}`, "plain": `{"size":2}`} {
		o := &unstructured.Unstructured{}
		w.check(o.UnmarshalJSON([]byte(`{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"` + name +
			`"},"spec":` + spec + `}`)))
		_, err := w.objects("v1").Create(w.Context(), o, metav1.CreateOptions{})
		w.check(err)
	}
	define(strings.Replace(widgets, "STORED", "false", 1)+widgetsV2, "v1", "v2")

	migrate := func() (storage.Done, error) {
		return storage.Migrate(w.Context(), w.config, "widgets.example.com", storage.Options{})
	}
	done, err := migrate()
	if err == nil || !strings.Contains(err.Error(), "Widget default/red: version v2 has not .spec.color") ||
		done.Count[storage.Refused] != 1 || done.Count[storage.Written] != 1 || done.Trimmed {
		t.Errorf("the red one: %+v, %v", done, err)
	}
	if got := w.stored(); !slices.Equal(got, []string{"v1", "v2"}) {
		t.Errorf("the definition says %q", got)
	}
	red, err := w.objects("v1").Get(w.Context(), "red", metav1.GetOptions{})
	w.check(err)
	if color, _, _ := unstructured.NestedString(red.Object, "spec", "color"); color != "red" {
		t.Errorf("the color is %q", color)
	}

	// Half of the rights are not enough, and that is said before anything is written.
	reader, err := w.allow("reader", "get", "list")
	w.check(err)
	_, err = storage.Migrate(w.Context(), reader, "widgets.example.com", storage.Options{})
	if err == nil || !strings.Contains(err.Error(), "you may not update widgets.example.com, patch "+
		"customresourcedefinitions/status.apiextensions.k8s.io") {
		t.Errorf("a reader: %v", err)
	}

	_, err = w.objects("v1").Patch(w.Context(), "red", types.MergePatchType, []byte(`{"spec":{"color":null}}`),
		metav1.PatchOptions{})
	w.check(err)
	if done, err = migrate(); err != nil || !done.Trimmed || !slices.Equal(w.stored(), []string{"v2"}) {
		t.Errorf("without a color: %+v, %v, %q", done, err, w.stored())
	}
}

// allow lets somebody do this with all widgets, and read definitions. It returns when the API server knows.
func (w *world) allow(user string, verbs ...string) (as *rest.Config, err error) {
	roles := schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}
	bindings := roles
	bindings.Resource = "clusterrolebindings"
	for gvr, text := range map[schema.GroupVersionResource]string{roles: `
kind: ClusterRole
rules:
- {apiGroups: [example.com], resources: [widgets], verbs: [` + strings.Join(verbs, ", ") + `]}
- {apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: [get]}`, bindings: `
kind: ClusterRoleBinding
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ` + user + `}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ` + user + `}]`} {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
			return nil, err
		}
		o.SetAPIVersion("rbac.authorization.k8s.io/v1")
		o.SetName(user)
		if _, err := w.client.Resource(gvr).Create(context.WithoutCancel(w.Context()), o, metav1.CreateOptions{}); err != nil {
			return nil, err
		}
	}
	as = rest.CopyConfig(w.config)
	as.Impersonate = rest.ImpersonationConfig{UserName: user}
	client, err := dynamic.NewForConfig(as)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		_, err := client.Resource(definitions).Get(w.Context(), "widgets.example.com", metav1.GetOptions{})
		if !apierrors.IsForbidden(err) || time.Now().After(end) {
			return as, err
		}
	}
}
