package main

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/manifests/install"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A Sync is suspended and resumed by its name, get says so, and sync of a suspended one explains why nothing would come
// of it. A Sync that was stored before the schema knew better, and of which a field has a value that is none, spoils no
// list: the others are shown, and it is named.
func TestSyncsAreSuspendedAndListed(t *testing.T) {
	t.Parallel()
	cluster := clustertest.Start(t, clustertest.Options{})
	crd, err := install.CRD()
	check(t, err)
	old := crd[0].DeepCopy()
	clustertest.WithoutRules(old.Object)
	check(t, install.Apply(t.Context(), cluster.Config, []*unstructured.Unstructured{old}))
	client, err := dynamic.NewForConfig(cluster.Config)
	check(t, err)
	for name, interval := range map[string]string{"agents": "1m", "broken": "soon", "other": "1m"} {
		s := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"source": map[string]any{
			"url": "https://git.invalid/fleet.git", "interval": interval}}}}
		s.SetGroupVersionKind(api.Kind)
		s.SetName(name)
		_, err := client.Resource(api.Resource).Namespace("default").Create(t.Context(), s, metav1.CreateOptions{})
		check(t, err)
	}
	check(t, install.Apply(t.Context(), cluster.Config, crd))
	run := func(args string) result {
		return daemongate(t, "", append(strings.Fields(args), "--kubeconfig", cluster.Kubeconfig)...)
	}
	for _, c := range []struct {
		args         string
		code         int
		stdout, says string
	}{
		{"suspend agents other", 0, "Sync default/agents suspended\nSync default/other suspended\n", ""},
		{"suspend agents", 0, "Sync default/agents was suspended already\n", ""},
		{"get agents", 0, "suspended\n", ""},
		{"sync agents", 1, "", "is suspended, so nothing is polled or applied: `daemongate resume agents -n default` first"},
		{"resume agents", 0, "Sync default/agents resumed\n", ""},
		{"resume agents", 0, "was resumed already", ""},
		{"sync agents", 0, "asked for Sync default/agents", ""},
		{"suspend nobody", 1, "", "nobody"},
		{"suspend", 2, "", "at least 1 arg"},
		{"get agents nobody", 1, "agents", "nobody"},
		{"get -A agents", 2, "", "not both"},
		{"get -A", 0, "agents", ""},
		{"get -A", 0, "broken", ""},
		{"get -A", 0, "the Sync cannot be read", ""},
		{"get other -o json", 0, "https://git.invalid/fleet.git", ""},
	} {
		if r := run(c.args); r.code != c.code || !strings.Contains(r.stdout, c.stdout) ||
			!strings.Contains(r.stderr, c.says) {
			t.Errorf("%s: exit code %d\n%s%s", c.args, r.code, r.stdout, r.stderr)
		}
	}
}
