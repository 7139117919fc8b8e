package render_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/rendertest"
)

// archive is a story's files from testdata.
func archive(t testing.TB, name string) fstest.MapFS {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return rendertest.Tree(t, string(data))
}

// onDisk writes a story's files into a folder, as a checkout would.
func onDisk(t testing.TB, files fstest.MapFS) string {
	t.Helper()
	dir := t.TempDir()
	for name, file := range files {
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if file.Mode&os.ModeSymlink != 0 {
			err = os.Symlink(string(file.Data), to)
		} else {
			err = os.WriteFile(to, file.Data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// kustomize is what krusty itself makes of a folder, as YAML.
func kustomize(disk filesys.FileSystem, dir string) ([]byte, error) {
	o := krusty.MakeDefaultOptions()
	o.LoadRestrictions = types.LoadRestrictionsNone
	resources, err := krusty.MakeKustomizer(o).Run(disk, dir)
	if err != nil {
		return nil, err
	}
	return resources.AsYaml()
}

// printed is a set as kustomize prints one.
func printed(t testing.TB, objects []*unstructured.Unstructured) string {
	t.Helper()
	var out bytes.Buffer
	for i, o := range objects {
		text, err := yaml.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			out.WriteString("---\n")
		}
		out.Write(text)
	}
	return out.String()
}

func build(t testing.TB, files fstest.MapFS, dir string) render.Result {
	t.Helper()
	result, err := render.Build(context.Background(), files, dir, render.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return result
}
