package dropped_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/render"
)

// tree reads a story's files: each begins with a line "-- path --".
func tree(t testing.TB, archive string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	var file *fstest.MapFile
	for line := range strings.Lines(archive) {
		if name, ok := strings.CutPrefix(line, "-- "); ok {
			file = &fstest.MapFile{Mode: 0o644}
			files[strings.TrimSuffix(strings.TrimSpace(name), " --")] = file
			continue
		}
		if file == nil {
			t.Fatalf("the archive begins with %q and not with a file name", line)
		}
		file.Data = append(file.Data, line...)
	}
	return files
}

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
