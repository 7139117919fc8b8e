package install

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The controller's container has what was asked for, and the defaults otherwise, in the manifests as they stand.
func TestTheControllerGetsTheResourcesThatAreAskedFor(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Resources{
		"50m 128Mi 1536Mi": {},
		"1 640Mi 2Gi":      {CPURequest: "1", MemoryRequest: "640Mi", MemoryLimit: "2Gi"},
		"50m 256Mi 1536Mi": {MemoryRequest: "256Mi"},
	} {
		objects, err := All(Options{Image: "i", Resources: r})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range objects {
			if u.GetKind() != "Deployment" {
				continue
			}
			containers, _, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
			has, _ := containers[0].(map[string]any)["resources"].(map[string]any)
			requests, _ := has["requests"].(map[string]any)
			limits, _ := has["limits"].(map[string]any)
			if got := fmt.Sprint(requests["cpu"], " ", requests["memory"], " ", limits["memory"]); got != want {
				t.Errorf("%+v: got %s, want %s", r, got, want)
			}
		}
	}
}

// What is no quantity, or does not leave the controller what it needs, is refused with the flag to change.
func TestResourcesThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		r    Resources
		says string
	}{
		{Resources{}, ""},
		{Resources{CPURequest: "2", MemoryRequest: "640Mi", MemoryLimit: "2Gi"}, ""},
		{Resources{CPURequest: "much"}, `--request-cpu "much"`},
		{Resources{CPURequest: "0"}, `--request-cpu "0"`},
		{Resources{MemoryRequest: "-1Mi"}, `--request-memory "-1Mi"`},
		{Resources{MemoryRequest: "2Gi"}, "--request-memory 2Gi: is more than --limit-memory 1536Mi"},
		{Resources{MemoryLimit: "1Gi"}, "--limit-memory 1Gi: want 1152Mi at least, since renders may take 1024Mi"},
	} {
		err := c.r.Check(1<<30, 128<<20)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %q", c.r, err, c.says)
		}
	}
}
