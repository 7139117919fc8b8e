package render_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/daemongate/daemongate/render"
)

// No kustomization file and no file beside it crash the process, go to the network, take for ever, or are refused
// without naming a place.
func FuzzKustomization(f *testing.F) {
	archives, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range archives {
		files := archive(f, filepath.Base(name))
		for path, file := range files {
			if strings.HasSuffix(path, "kustomization.yaml") {
				f.Add(file.Data, []byte(someObject))
			} else {
				f.Add([]byte("resources: [a.yaml]\nnamePrefix: a-\npatches: [{path: a.yaml}]\n"), file.Data)
			}
		}
	}
	for _, k := range []string{
		"resources: [a.yaml, https://example.com/a, git@github.com:a/b, ../../a, /etc]\n",
		"resources: &r [*r]\n", "transformers: [.]\n", "generators: ['*a & b']\n", "openapi: {path: a}\n",
		"patches:\n- patch: '[{op: remove, path: /metadata}]'\n  target: {}\nresources: [a.yaml]\n",
		"replacements: [{source: {}, targets: [null]}]\nresources: [a.yaml]\n",
		"configMapGenerator: [{files: [a.yaml, =, a=https://b], literals: [a], envs: [a.yaml]}]\n",
		"bases: [a.yaml]\nvars: [{name: A, objref: {kind: ConfigMap, name: a, apiVersion: v1}}]\n",
		"---\n---\n", "\xff\xfe", "? [a]\n: b\n", strings.Repeat("[", 9000), "a: !!int b\n",
	} {
		f.Add([]byte(k), []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: [x]}\n"))
		f.Add([]byte("resources: [a.yaml]\n"), []byte(k))
	}
	f.Fuzz(func(t *testing.T, kustomization, object []byte) {
		files := fstest.MapFS{
			"prod/kustomization.yaml": {Data: kustomization},
			"prod/a.yaml":             {Data: object},
			"base/kustomization.yaml": {Data: []byte("resources: [a.yaml]\n")},
			"base/a.yaml":             {Data: object},
		}
		start := time.Now()
		result, err := render.Build(context.Background(), files, "prod", render.Options{FileSize: 1 << 16})
		if took := time.Since(start); took > 5*time.Minute {
			t.Errorf("took %s", took)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "prod") && !strings.HasPrefix(err.Error(), "base") &&
			!strings.Contains(err.Error(), ": ") {
			t.Errorf("names no place: %v", err)
		}
		for _, o := range result.Objects {
			if o.GetKind() == "" || o.GetName() == "" || o.GetAPIVersion() == "" {
				t.Errorf("is no object: %v", o.Object)
			}
		}
	})
}
