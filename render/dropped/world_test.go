package dropped_test

import (
	"context"
	"testing"
	"testing/fstest"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/render"
)

// build renders a folder, as what is dropped is found in a render.
func build(t testing.TB, files fstest.MapFS, dir string) render.Result {
	t.Helper()
	result, err := render.Build(context.Background(), files, dir, render.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// printed is an object as YAML.
func printed(t testing.TB, o *unstructured.Unstructured) string {
	t.Helper()
	text, err := yaml.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
