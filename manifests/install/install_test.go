package install

import (
	"fmt"
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
