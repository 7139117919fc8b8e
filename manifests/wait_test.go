package manifests

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func annotated(apiVersion, kind, wait string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind}}
	o.SetName("it")
	if wait != "" {
		o.SetAnnotations(map[string]string{WaitAnnotation: wait, OriginAnnotation: "it.yaml"})
	}
	return o
}

// A commit waits for what runs, for new kinds, and for what its author says; a value that says neither is refused, with
// the object.
func TestWhatACommitWaitsFor(t *testing.T) {
	for _, c := range []struct {
		apiVersion, kind, annotation string
		waits                        bool
		refused                      string
	}{
		{"apps/v1", "DaemonSet", "", true, ""},
		{"apps/v1", "DaemonSet", "true", true, ""},
		{"apps/v1", "DaemonSet", "false", false, "DaemonSet it: annotation daemongate.io/wait: a DaemonSet is always " +
			"waited for (it.yaml)"},
		{"apps/v1", "Deployment", "", true, ""},
		{"apps/v1", "Deployment", "false", false, ""},
		{"apps/v1", "StatefulSet", "", true, ""},
		{"batch/v1", "Job", "", true, ""},
		{"batch/v1", "CronJob", "", false, ""},
		{"apiextensions.k8s.io/v1", "CustomResourceDefinition", "", true, ""},
		{"apiregistration.k8s.io/v1", "APIService", "", true, ""},
		{"v1", "ConfigMap", "", false, ""},
		{"example.com/v1", "Cache", "", false, ""},
		{"example.com/v1", "Cache", "true", true, ""},
		{"example.com/v1", "Cache", "yes", false,
			`Cache it: annotation daemongate.io/wait is "yes": write "true" or "false" (it.yaml)`},
	} {
		o := annotated(c.apiVersion, c.kind, c.annotation)
		s, err := NewSet([]*unstructured.Unstructured{o})
		if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s %q: %v, want %q", c.kind, c.annotation, err, c.refused)
		}
		if err == nil && s.Awaited()[IDOf(o)] != c.waits {
			t.Errorf("%s %q: waits %v", c.kind, c.annotation, !c.waits)
		}
	}
}
