package controller

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1api "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/manifests/install"
	"github.com/daemongate/daemongate/render/child"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/lease"
)

// shared is the cluster of all tests of this package. Each has a namespace of its own in it.
var shared = clustertest.Shared{Options: clustertest.Options{Nodes: 2}}

func TestMain(m *testing.M) {
	if child.Asked(os.Args) { // renders have processes of their own
		os.Exit(child.Serve(os.Stdin, os.Stdout, os.Stderr))
	}
	code := m.Run()
	shared.Stop()
	distant.Stop()
	os.Exit(code)
}

// place is a test's own namespace on the shared cluster, and a folder.
type place struct {
	t         testing.TB
	cluster   *clustertest.Cluster
	kube      kubernetes.Interface
	namespace string
	dir       string
	installed bool // the Sync resource, by this test
}

func newPlace(t testing.TB) *place {
	t.Helper()
	p := &place{t: t, cluster: shared.Start(t), dir: t.TempDir()}
	var err error
	p.kube, err = kubernetes.NewForConfig(p.cluster.Config)
	check(t, err)
	namespace, err := p.kube.CoreV1().Namespaces().Create(t.Context(),
		&corev1api.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "place-"}}, metav1.CreateOptions{})
	check(t, err)
	p.namespace = namespace.Name
	return p
}

// sync makes the Sync agents with a spec, after the Sync resource is installed.
func (p *place) sync(spec string) {
	p.t.Helper()
	p.named("agents", spec)
}

// named makes a Sync of a name with a spec.
func (p *place) named(name, spec string) {
	p.t.Helper()
	if !p.installed {
		crd, err := install.CRD()
		check(p.t, err)
		check(p.t, install.Apply(p.t.Context(), p.cluster.Config, crd))
		p.installed = true
	}
	client, err := dynamic.NewForConfig(p.cluster.Config)
	check(p.t, err)
	u := &unstructured.Unstructured{}
	check(p.t, yaml.Unmarshal([]byte(spec), &u.Object))
	u.SetAPIVersion(api.GroupVersion.String())
	u.SetKind(api.Kind.Kind)
	u.SetName(name)
	_, err = client.Resource(api.Resource).Namespace(p.namespace).Create(p.t.Context(), u, metav1.CreateOptions{})
	check(p.t, err)
}

// secret makes a Secret.
func (p *place) secret(name string, data map[string]string) *corev1api.Secret {
	p.t.Helper()
	secret := &corev1api.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: data}
	_, err := p.kube.CoreV1().Secrets(p.namespace).Create(p.t.Context(), secret, metav1.CreateOptions{})
	check(p.t, err)
	return secret
}

// run has a controller of this process look after the place until the test ends. It holds a Lease of its own.
func (p *place) run(o Options) {
	p.t.Helper()
	o.Namespaces, o.DataDir, o.Out, o.Log = []string{p.namespace}, filepath.Join(p.dir, "data"), io.Discard, quiet()
	o.Workers = cmp.Or(o.Workers, 2)
	o.Lease = lease.Options{Namespace: p.namespace, Name: "daemongate", Duration: 15 * time.Second,
		Tell: func(string) {}}
	c, err := New(p.cluster.Config, o)
	check(p.t, err)
	ended := make(chan error, 1)
	ctx := p.t.Context() // which ends before the cleanup
	go func() { ended <- c.Run(ctx) }()
	p.t.Cleanup(func() {
		if err := <-ended; err != nil {
			p.t.Errorf("the controller ended with %v", err)
		}
	})
}

// event waits for an Event that says something, and returns what it says.
func (p *place) event(text string) (said string) {
	p.t.Helper()
	clustertest.Until(p.t, time.Minute, fmt.Sprintf("an Event that says %q", text), func() (string, bool) {
		list, err := p.kube.CoreV1().Events(p.namespace).List(p.t.Context(), metav1.ListOptions{})
		check(p.t, err)
		var all []string
		for _, e := range list.Items {
			if all = append(all, e.Message); strings.Contains(e.Message, text) {
				said = e.Message
			}
		}
		return fmt.Sprintf("%q", all), said != ""
	})
	return said
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
