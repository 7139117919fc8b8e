package proven

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/clustertest"
)

var shared clustertest.Shared

func TestMain(m *testing.M) {
	flag.Parse()
	clustertest.Quiet()
	code := m.Run()
	shared.Stop()
	os.Exit(code)
}

// world is a namespace with the objects of one Sync, and a client whose requests are counted.
type world struct {
	t       testing.TB
	ctx     context.Context
	client  *manifests.Client
	others  dynamic.Interface
	ns      string
	options manifests.Options
	memory  *Memory
	counted *requests
}

var namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

func newWorld(t testing.TB) *world {
	t.Helper()
	cluster := shared.Start(t)
	w := &world{t: t, ctx: t.Context(), memory: &Memory{}, counted: &requests{}}
	config := rest.CopyConfig(cluster.Config)
	config.Wrap(w.counted.wrap)
	w.client = must(manifests.NewClient(config))(t)
	w.others = must(dynamic.NewForConfig(cluster.Config))(t)
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"generateName": "proven-"}}}
	created := must(w.others.Resource(namespaces).Create(w.ctx, namespace, metav1.CreateOptions{}))(t)
	w.ns = created.GetName()
	t.Cleanup(func() {
		_ = w.others.Resource(namespaces).Delete(context.Background(), w.ns, metav1.DeleteOptions{})
	})
	w.options = manifests.Options{Owner: manifests.Owner{Namespace: w.ns, Name: "agents"}, DefaultNamespace: w.ns}
	return w
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// requests are those that one client makes, by what they do.
type requests struct {
	mu  sync.Mutex
	all []string
}

func (r *requests) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		r.mu.Lock()
		r.all = append(r.all, verbOf(request))
		r.mu.Unlock()
		return next.RoundTrip(request)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func verbOf(r *http.Request) string {
	switch {
	case r.Method == http.MethodPatch && r.URL.Query().Has("dryRun"):
		return "dry run"
	case r.Method == http.MethodPatch:
		return "apply"
	case r.Method == http.MethodGet && r.URL.Query().Has("labelSelector"):
		return "list"
	}
	return strings.ToLower(r.Method)
}

// during are the requests that something makes, in the order of their names.
func (r *requests) during(do func()) []string {
	r.mu.Lock()
	r.all = nil
	r.mu.Unlock()
	do()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(slices.Values(r.all))
}

// commit prepares and applies a set as a Sync does that knows what it has applied.
func (w *world) commit(set manifests.Set) (applied []manifests.Applied, left manifests.Inventory) {
	w.t.Helper()
	memory := w.memory.For("", time.Now())
	must(memory.Preview(w.ctx, w.client, set, w.options))(w.t)
	applied, left, err := memory.Apply(w.ctx, w.client, set, w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	return applied, left
}

// set are objects of YAML documents, resolved.
func (w *world) set(objects ...*unstructured.Unstructured) manifests.Set {
	w.t.Helper()
	return must(w.client.Resolve(w.ctx, must(manifests.NewSet(objects))(w.t), w.options))(w.t)
}

// configMaps are n of them, all with one value, but for those that are named.
func configMaps(n int, value string, others map[int]string) (list []*unstructured.Unstructured) {
	for i := range n {
		v := value
		if other, named := others[i]; named {
			v = other
		}
		list = append(list, configMap(fmt.Sprintf("cm%04d", i), v))
	}
	return list
}

func configMap(name, value string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": name}, "data": map[string]any{"key": value, "other": "as ever"}}}
}

var configMapResource = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// by has another field manager patch an object.
func (w *world) by(manager string, resource schema.GroupVersionResource, name, patch string) {
	w.t.Helper()
	_, err := w.others.Resource(resource).Namespace(w.ns).Patch(w.ctx, name, types.MergePatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: manager})
	if err != nil {
		w.t.Fatal(err)
	}
}

// applyBy has another field manager apply an object.
func (w *world) applyBy(manager string, o *unstructured.Unstructured) {
	w.t.Helper()
	_, err := w.others.Resource(configMapResource).Namespace(w.ns).Apply(w.ctx, o.GetName(), o,
		metav1.ApplyOptions{FieldManager: manager, Force: true})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) value(name string) string {
	w.t.Helper()
	o := must(w.others.Resource(configMapResource).Namespace(w.ns).Get(w.ctx, name, metav1.GetOptions{}))(w.t)
	v, _, _ := unstructured.NestedString(o.Object, "data", "key")
	return v
}

// managersOf are the field managers of a field of an object, which is named as managedFields have it.
func (w *world) managersOf(name, field string) (managers []string) {
	w.t.Helper()
	o := must(w.others.Resource(configMapResource).Namespace(w.ns).Get(w.ctx, name, metav1.GetOptions{}))(w.t)
	for _, e := range o.GetManagedFields() {
		if strings.Contains(e.FieldsV1.GetRawString(), `"`+field+`"`) {
			managers = append(managers, e.Manager)
		}
	}
	return managers
}
