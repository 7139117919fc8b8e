package render_test

import (
	"context"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/rendertest"
)

// A set that is moved to another namespace is what kustomize makes of the same files with that namespace: bindings,
// webhooks, API services and definitions follow, and what is not of the set stays where it was named.
func TestMovedSetIsWhatKustomizeMakesOfItsNamespace(t *testing.T) {
	for name, story := range map[string]struct{ before, after string }{
		"no kustomization file": {"", "resources: [all.yaml, hooks.yaml]\nnamespace: moved\n"},
		"no namespace": {"resources: [all.yaml, hooks.yaml] # both\n",
			"resources: [all.yaml, hooks.yaml]\nnamespace: moved\n"},
		"another namespace": {"namespace: first\nresources: [hooks.yaml, all.yaml]\n",
			"namespace: moved\nresources: [hooks.yaml, all.yaml]\n"},
		"an anchor": {"namespace: &n first\nnamePrefix: *n\nresources: [hooks.yaml, all.yaml]\n",
			"namespace: moved\nnamePrefix: moved\nresources: [hooks.yaml, all.yaml]\n"},
		"old fields": {
			"bases: [all.yaml, hooks.yaml]\nnamePrefix: a-\ncommonLabels: {a: b}\nnamespace: first\n",
			"resources: [all.yaml, hooks.yaml]\nnamePrefix: a-\ncommonLabels: {a: b}\nnamespace: moved\n",
		},
		"patches, a generator and replacements": {
			"resources: [all.yaml, hooks.yaml]\n" + movedMore, "resources: [all.yaml, hooks.yaml]\nnamespace: moved\n" +
				movedMore,
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := archive(t, "moved/set.txt"), archive(t, "moved/set.txt")
			if story.before != "" {
				before["agents/kustomization.yaml"] = &fstest.MapFile{Data: []byte(story.before)}
			}
			after["agents/kustomization.yaml"] = &fstest.MapFile{Data: []byte(story.after)}
			want, err := kustomize(filesys.MakeFsOnDisk(), filepath.Join(onDisk(t, after), "agents"))
			if err != nil {
				t.Fatal(err)
			}
			content := maps.Clone(before)
			result, err := render.Build(context.Background(), content, "agents", render.Options{Namespace: "moved"})
			if err != nil {
				t.Fatal(err)
			}
			if got := printed(t, result.Objects); got != string(want) {
				t.Errorf("%s\n--- kustomize:\n%s", got, want)
			}
		})
	}
}

const movedMore = `configMapGenerator: [{name: c, literals: [a=b]}]
patches:
- target: {kind: DaemonSet, name: agent, namespace: default}
  patch: "- {op: add, path: /spec/template/spec/containers/0/args, value: [--namespace=default]}"
replacements:
- source: {kind: ServiceAccount, name: agent, fieldPath: metadata.namespace}
  targets: [{select: {kind: DaemonSet}, fieldPaths: [spec.template.spec.containers.0.args.0], options: {delimiter: "=", index: 1}}]
`

// Two objects that a move would make one are named with their files.
func TestMoveThatWouldMakeTwoObjectsOne(t *testing.T) {
	files := rendertest.Tree(t, `-- a.yaml --
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: a}
stringData: {password: hunter2}
-- b.yaml --
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: b}
`)
	_, err := render.Build(context.Background(), files, ".", render.Options{Namespace: "moved"})
	if err == nil || !strings.Contains(err.Error(), "Secret moved/s: is there twice with that namespace: a.yaml "+
		"(line 1) and b.yaml (line 1)") || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}
