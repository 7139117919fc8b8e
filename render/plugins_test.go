package render_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/rendertest"
)

const sharedImages = `
-- overlay/kustomization.yaml --
resources: [../base]
transformers: [../images]
-- images/image.yaml --
apiVersion: builtin
kind: ImageTagTransformer
metadata: {name: t}
imageTag: {name: registry.example.com/agent, newTag: v2}
-- images/more.yaml --
apiVersion: builtin
kind: NamespaceTransformer
metadata: {name: n, namespace: first}
fieldSpecs: [{path: metadata/namespace, create: true}]
---
apiVersion: builtin
kind: LabelTransformer
metadata: {name: l}
labels: {team: platform}
fieldSpecs: [{path: metadata/labels, create: true}]
-- base/kustomization.yaml --
resources: [ds.yaml]
-- base/ds.yaml --
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: logging}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers: [{name: agent, image: "registry.example.com/agent:v1"}]
-- part/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: [../images/more.yaml]
-- below/kustomization.yaml --
namespace: deep
resources: [../images/image.yaml, ../images/more.yaml]
`

// A folder of transformers may have fields that only name or mark its objects: what comes out is kustomize's own.
func TestFolderOfTransformersWithHarmlessFields(t *testing.T) {
	for _, fields := range []string{
		"", "namespace: second\n", "namePrefix: a-\nnameSuffix: -b\n", "commonLabels: {a: b}\n",
		"commonAnnotations: {a: b}\n",
		"labels: [{pairs: {a: b}, includeSelectors: true}]\n",
		"images: [{name: registry.example.com/agent, newTag: v3}]\n",
		"generatorOptions: {disableNameSuffixHash: true}\n",
		"sortOptions: {order: fifo}\nbuildMetadata: [originAnnotations]\n", "metadata: {name: x}\n",
	} {
		for _, lists := range []string{"resources: [image.yaml]\n", "resources: [image.yaml, more.yaml]\n",
			"resources: [image.yaml]\ncomponents: [../part]\n", "resources: [../below]\n"} {
			files := rendertest.Tree(t, sharedImages[1:]+"-- images/kustomization.yaml --\n"+fields+lists)
			want, err := kustomize(filesys.MakeFsOnDisk(), filepath.Join(onDisk(t, files), "overlay"))
			if err != nil {
				t.Fatalf("%s%s: kustomize: %v", fields, lists, err)
			}
			got, err := render.Build(context.Background(), files, "overlay", render.Options{})
			if err != nil {
				t.Errorf("%s%s: %v", fields, lists, err)
			} else if text := printed(t, got.Objects); text != string(want) || !strings.Contains(text, "agent:v2") {
				t.Errorf("%s%s:\n%s\n--- kustomize:\n%s", fields, lists, text, want)
			}
		}
	}
}

// What could put together a plugin that stands in no file is refused by its name and line, in a folder, in one below it
// and in a component; kustomize would run it.
func TestFolderOfTransformersThatAssembles(t *testing.T) {
	for _, story := range []struct{ fields, want string }{
		{"namespace: a\npatches: [{patch: '[]', target: {}}]\n", "line 2: patches: is refused"},
		{"patchesStrategicMerge: [../images/image.yaml]\n", "line 1: patchesStrategicMerge: is refused"},
		{"patchesJson6902: [{path: ../images/image.yaml, target: {kind: a, name: b}}]\n",
			"line 1: patchesJson6902: is refused"},
		{"replacements: [{path: ../images/image.yaml}]\n", "line 1: replacements: is refused"},
		{"generators: [../images/image.yaml]\n", "line 1: generators: is refused"},
		{"transformers: [../images/image.yaml]\n", "line 1: transformers: is refused"},
		{"validators: [../images/image.yaml]\n", "line 1: validators: is refused"},
		{"configMapGenerator: [{name: a}]\n", "line 1: configMapGenerator: is refused"},
		{"secretGenerator: [{name: a}]\n", "line 1: secretGenerator: is refused"},
		{"configurations: [../images/image.yaml]\n", "line 1: configurations: is refused"},
		{"crds: [../images/image.yaml]\n", "line 1: crds: is refused"},
		{"openapi: {path: ../images/image.yaml}\n", "line 1: openapi: is refused"},
		{"helmCharts: [{name: a}]\n", "line 1: helmCharts: is refused"},
		{"labels: [{pairs: {path: http}, fields: [{path: /, create: true}]}]\n", "line 1: labels: is refused"},
		{"commonAnnotations:\n  config.kubernetes.io/function: '{exec: {path: a}}'\n",
			"line 1: commonAnnotations: is refused"},
		{"namePrefix: " + strings.Repeat("a", 300) + "\n", "line 1: namePrefix"},
	} {
		for place, lists := range map[string]string{
			"images": "", "below": "-- images/kustomization.yaml --\nresources: [../below]\n",
			"part": "-- images/kustomization.yaml --\ncomponents: [../part]\n",
		} {
			kind := ""
			if place == "part" {
				kind = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
			}
			files := rendertest.Tree(t, sharedImages[1:]+lists)
			dangerous := rendertest.Tree(t, "-- "+place+"/kustomization.yaml --\n"+story.fields+
				"resources: [../images/image.yaml]\n"+kind)
			files[place+"/kustomization.yaml"] = dangerous[place+"/kustomization.yaml"]
			_, err := render.Build(context.Background(), files, "overlay", render.Options{})
			if err == nil || !strings.Contains(err.Error(), place+"/kustomization.yaml: "+story.want) {
				t.Errorf("%s: %s: %v", place, story.fields, err)
			}
		}
	}
}
