package manifests

import (
	"context"
	"flag"
	"fmt"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

// cluster is the API server of all tests of this package, or why there is none; neither under -short.
var (
	cluster    *clustertest.Cluster
	clusterErr error
)

func TestMain(m *testing.M) {
	flag.Parse()
	clustertest.Quiet()
	_ = flag.Set("test.parallel", "8") // they wait for the API server more than they work
	if !testing.Short() {
		var stop func()
		cluster, stop, clusterErr = clustertest.StartMain()
		defer stop()
	}
	m.Run()
}

// world is one namespace of the cluster with the client under test and its Sync.
type world struct {
	t      testing.TB
	ctx    context.Context
	config *rest.Config
	kube   kubernetes.Interface
	client *Client
	ns     string
	opts   Options
}

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// newWorld gives the test a namespace of its own. Tests that need a cluster skip under -short only.
func newWorld(t testing.TB) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	if clusterErr != nil {
		t.Fatal(clusterErr)
	}
	config := cluster.Config
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Trim(unfit.ReplaceAllString(strings.ToLower(t.Name()), "-"), "-")
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: name[:min(len(name), 40)] + "-"}}
	namespace, err = kube.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &world{
		t: t, ctx: t.Context(), config: config, kube: kube, client: client, ns: namespace.Name,
		opts: Options{Owner: Owner{Namespace: namespace.Name, Name: "agents"}, DefaultNamespace: namespace.Name},
	}
}

// set makes a set of YAML documents, in which NS stands for the test's namespace, and resolves it.
func (w *world) set(text string) Set {
	w.t.Helper()
	s, err := w.client.Resolve(w.ctx, set(w.t, strings.ReplaceAll(text, "NS", w.ns)), w.opts)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// apply dry-runs and applies a set as Daemongate does.
func (w *world) apply(s Set) []Applied {
	w.t.Helper()
	if err := w.client.DryRun(w.ctx, s, w.opts); err != nil {
		w.t.Fatalf("dry run: %v", err)
	}
	done, err := w.client.Apply(w.ctx, s, w.opts)
	if err != nil {
		w.t.Fatalf("apply: %v", err)
	}
	return done
}

// live reads an object; nil if it is not there.
func (w *world) live(id ID) *unstructured.Unstructured {
	w.t.Helper()
	o, err := w.client.Get(w.ctx, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

// by writes a merge patch under a field manager, as kubectl and people do.
func (w *world) by(manager string, id ID, patch string) {
	w.t.Helper()
	w.patch(manager, id, types.MergePatchType, patch)
}

func (w *world) patch(manager string, id ID, kind types.PatchType, patch string) {
	w.t.Helper()
	mapping, err := w.client.mapper.find(w.ctx, id.groupKind(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = w.client.resource(target{id: id, mapping: mapping}).Patch(w.ctx, id.Name, kind, []byte(patch),
		metav1.PatchOptions{FieldManager: manager})
	if err != nil {
		w.t.Fatalf("%s writes %s: %v", manager, id, err)
	}
}

// as is a client with another identity's rights.
func (w *world) as(user string) *Client {
	w.t.Helper()
	config := rest.CopyConfig(w.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	client, err := NewClient(config)
	if err != nil {
		w.t.Fatal(err)
	}
	return client
}

func (w *world) id(kind, name string) ID {
	group := ""
	if kind == "DaemonSet" || kind == "Deployment" {
		group = "apps"
	}
	return ID{Group: group, Kind: kind, Namespace: w.ns, Name: name}
}

// valueAt reads a nested value as text; "" if it is absent.
func valueAt(o *unstructured.Unstructured, path ...string) string {
	value, found, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
	if !found {
		return ""
	}
	return fmt.Sprint(value)
}

// managersOf are the field managers of an object.
func managersOf(o *unstructured.Unstructured) []string {
	var names []string
	for _, e := range o.GetManagedFields() {
		names = append(names, e.Manager)
	}
	return names
}

func asJSON(t testing.TB, text string) []byte {
	t.Helper()
	data, err := object(t, text).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return data
}
