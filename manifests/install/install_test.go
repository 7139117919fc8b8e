package install

import (
	"testing"

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
