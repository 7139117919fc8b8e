package render_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/daemongate/daemongate/render"
)

// many are so many ConfigMaps in one list.
func many(objects int) string {
	list := "apiVersion: v1\nkind: List\nitems:\n"
	for i := range objects {
		list += fmt.Sprintf("- {apiVersion: v1, kind: ConfigMap, metadata: {name: n%d}}\n", i)
	}
	return list
}

// A prefix stands in every reference to an object: one that makes no name is refused, and so are many that make none
// together.
func TestPrefixesThatMakeNoNameAreRefused(t *testing.T) {
	long := strings.Repeat("x", 254)
	for field, line := range map[string]string{"namePrefix": "line 2: namePrefix: xxxx",
		"nameSuffix": "line 2: nameSuffix: xxxx", "namespace": "line 2: namespace: xxxx"} {
		files := fstest.MapFS{"prod/kustomization.yaml": file("resources: [many.yaml]\n" + field + ": " + long + "\n"),
			"prod/many.yaml": file(many(1))}
		refusedCheaply(t, files, 10, line, "253 characters")
	}
	plugin := "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: t}\nprefix: " + long +
		"\nfieldSpecs: [{path: metadata/name}]\n"
	refusedCheaply(t, fstest.MapFS{"prod/kustomization.yaml": file("resources: [many.yaml]\ntransformers:\n- |\n" +
		indented(plugin)), "prod/many.yaml": file(many(1))}, 10, "prod/kustomization.yaml", "253 characters")
	files := fstest.MapFS{"prod/kustomization.yaml": file("resources: [../layer1]\n"), "many.yaml": file(many(1))}
	for i := range 6 {
		files[fmt.Sprintf("layer%d/kustomization.yaml", i+1)] = file(fmt.Sprintf("resources: "+
			"[../layer%d]\nnamePrefix: %s\n", i+2, long[:50]))
	}
	files["layer7/kustomization.yaml"] = file("resources: [../many.yaml]\n")
	refusedCheaply(t, files, 10, "layer6/kustomization.yaml", "253 characters")
	side := ""
	for i := range 6 {
		files[fmt.Sprintf("layer%d/kustomization.yaml", i+1)] = file(fmt.Sprintf("resources: "+
			"[../layer7]\nnamePrefix: %s%d\n", long[:50], i))
		side += fmt.Sprintf("../layer%d, ", i+1)
	}
	files["prod/kustomization.yaml"] = file("resources: [" + side + "]\n")
	if result := build(t, files, "prod"); len(result.Objects) != 6 {
		t.Errorf("%d objects of kustomizations side by side", len(result.Objects))
	}
}

// Patches with targets, large and for few objects, are everyday.
func TestALargePatchForFewObjectsIsRendered(t *testing.T) {
	patch := "- {op: add, path: /data, value: {a: " + strings.Repeat("x", 1<<18) + "}}\n"
	for _, target := range []string{"{kind: Secret}", "{kind: ConfigMap, name: n7}", "{kind: ConfigMap, name: a-n7}",
		"{group: apps}", "{version: v1beta1}"} {
		files := fstest.MapFS{
			"prod/kustomization.yaml": file("resources: [../base]\npatches: [{path: p.yaml, target: " + target +
				"}]\n"),
			"base/kustomization.yaml": file("resources: [many.yaml]\nnamePrefix: a-\n"),
			"base/many.yaml":          file(many(500)), "prod/p.yaml": file(patch),
		}
		if result := build(t, files, "prod"); len(result.Objects) != 500 {
			t.Errorf("%s: %d objects", target, len(result.Objects))
		}
	}
}

// What makes objects long one by one, here the names of images, ends before all of them are written out.
func TestObjectsAreWrittenOutWithinTheLimit(t *testing.T) {
	pods := ""
	for i := range 20 {
		pods += fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata: {name: n%d}\nspec: {containers: [%s{image: "+
			"a}]}\n", i, strings.Repeat("{image: a},", 399))
	}
	long := strings.Repeat("x", 500)
	files := fstest.MapFS{
		"prod/kustomization.yaml": file("resources: [pods.yaml]\nimages: [{name: a, newName: " + long + "}]\n"),
		"prod/pods.yaml":          file(pods),
	}
	_, err := render.Build(context.Background(), files, "prod", render.Options{TotalSize: 1 << 20})
	if err == nil || !strings.Contains(err.Error(), "prod: Pod n10: with it the objects come to more than 2097152 "+
		"bytes: render less, or raise render.maxTotalSize") {
		t.Error(err)
	}
}
