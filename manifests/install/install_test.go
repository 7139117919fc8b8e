package install

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests"
)

// What is embedded can be read, is one set, and names the image that was asked for.
func TestEmbeddedManifestsAreASet(t *testing.T) {
	objects, err := All(Options{Image: "example.com/daemongate:v1"})
	if err != nil {
		t.Fatal(err)
	}
	set, err := manifests.NewSet(objects)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, o := range set.Objects() {
		if o.GetKind() != "Deployment" {
			continue
		}
		template := o.Object["spec"].(map[string]any)["template"].(map[string]any)
		container := template["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
		found = container["image"] == "example.com/daemongate:v1"
	}
	if !found {
		t.Error("no Deployment with the image that was asked for")
	}
}

// The page is served where it is asked for, and does something where that is asked for, too. It takes no right that a
// controller without it does not have.
func TestThePageIsInstalledWhereItIsAskedFor(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, "--metrics-auth]"},
		{Options{Page: true}, "--metrics-auth --http=:8080]"},
		{Options{Page: true, PageActions: true}, "--metrics-auth --http=:8080 --http-actions]"},
	} {
		objects, err := All(c.o)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, u := range objects {
			found[u.GetKind()+" "+u.GetName()] = true
			if u.GetKind() == "Deployment" && !strings.Contains(fmt.Sprint(u.Object), c.want) {
				t.Errorf("%+v: the arguments are not %s", c.o, c.want)
			}
		}
		if found["Service daemongate-page"] != c.o.Page || found["NetworkPolicy daemongate-page"] != c.o.Page {
			t.Errorf("%+v: %v", c.o, found)
		}
		if without, _ := All(Options{}); roles(objects) != roles(without) {
			t.Errorf("%+v: %d roles and bindings, not %d", c.o, roles(objects), roles(without))
		}
	}
}

func roles(objects []*unstructured.Unstructured) int {
	n := 0
	for _, u := range objects {
		if strings.Contains(u.GetKind(), "Role") {
			n++
		}
	}
	return n
}

// No namespace is named twice: kustomize and Helm would take none of what is made of it.
func TestNamespacesAreNamedOnce(t *testing.T) {
	for names, want := range map[string]bool{"a": true, "a b": true, "a b a": false, "a B": false} {
		if err := CheckNamespaces(strings.Fields(names)); (err == nil) != want {
			t.Errorf("namespaces %s: %v", names, err)
		}
	}
}

// An image is what the kubelet takes for the name of one, and nothing that only looks like it.
func TestAnImageHasAName(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]bool{
		"i": true, "daemongate": true, "daemongate:v1": true, "registry.example.com/platform/daemongate:v1.2.3": true,
		"localhost:5000/a__b/c--d.e@sha256:" + strings.Repeat("0a", 32): true, "[2001:db8::1]:5000/a:V_1": true,
		"Registry.Example.com/a": true, "10.0.0.1/a": true, "a:" + strings.Repeat("v", 128): true,
		"": false, "a b": false, " a": false, "a\n": false, "a\n        command: [sh]": false, `a"`: false, "a: b": false,
		"A": false, "https://registry.example.com/a": false, "a/": false, "a:": false, "a:v1:v2": false, "a@sha256:12": false,
		"a//b": false, "a/B": false, "-a": false, "a:" + strings.Repeat("v", 129): false, "IMAGE": false,
	} {
		if err := CheckImage(image); (err == nil) != want {
			t.Errorf("image %q: %v", image, err)
		}
	}
}

// Whatever the values are, they are values: the objects are the same ones, and nothing else of them changes.
func TestNoValueIsYAML(t *testing.T) {
	t.Parallel()
	plain, err := All(Options{Image: "i", ClusterName: "c", Namespaces: []string{"n"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, evil := range []string{"a\" b: c", "a\n        command: [sh]\n#", "CLUSTER", "\n---\nkind: Pod\n", "*replicas"} {
		objects, err := All(Options{Image: evil, ClusterName: evil, Namespaces: []string{evil},
			Resources: Resources{CPURequest: evil, MemoryRequest: evil, MemoryLimit: evil}})
		if err != nil || len(objects) != len(plain) {
			t.Fatalf("%q: %d objects, not %d: %v", evil, len(objects), len(plain), err)
		}
		for i, u := range objects {
			container, is := containerOf(u)
			switch {
			case u.GetKind() == "RoleBinding" && u.GetNamespace() == evil:
			case !is && !reflect.DeepEqual(u, plain[i]):
				t.Errorf("%q: %s %s is another one", evil, u.GetKind(), u.GetName())
			case is:
				hasValues(t, container, evil)
			}
		}
	}
}

// hasValues holds that a container has a text as each of its values, and no command of that text's.
func hasValues(t *testing.T, container map[string]any, text string) {
	t.Helper()
	requests, _, _ := unstructured.NestedStringMap(container, "resources", "requests")
	limits, _, _ := unstructured.NestedStringMap(container, "resources", "limits")
	args, _, _ := unstructured.NestedStringSlice(container, "args")
	if container["image"] != text || container["command"] != nil || requests["cpu"] != text ||
		requests["memory"] != text || limits["memory"] != text ||
		!slices.Contains(args, "--cluster-name="+text) || !slices.Contains(args, "--namespaces="+text) {
		t.Errorf("%q: the container is %q", text, container)
	}
}

// containerOf is the container of the controller, in its Deployment.
func containerOf(u *unstructured.Unstructured) (map[string]any, bool) {
	if u.GetKind() != "Deployment" {
		return nil, false
	}
	containers, _, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
	container, is := containers[0].(map[string]any)
	return container, is
}
