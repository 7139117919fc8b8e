package render_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/rendertest"
)

// What people do with replacements renders: a host put together for every Ingress, many of them, beside large objects
// that no replacement has to do with.
func TestOrdinaryReplacementsAreNotRefused(t *testing.T) {
	ingresses := rendertest.Each(40, func(i int) string {
		return fmt.Sprintf("---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i%d}\nspec: "+
			"{rules: [{host: app.example.com}], tls: [{hosts: [app.example.com]}]}\n", i)
	})
	rules := rendertest.Each(60, func(i int) string {
		return fmt.Sprintf("- source: {kind: ConfigMap, name: settings, fieldPath: data.domain}\n  targets:\n  - "+
			"select: {kind: Ingress}\n    fieldPaths: [spec.rules.*.host, spec.tls.*.hosts.*]\n    options: "+
			"{delimiter: '.', index: %d}\n", i%3)
	})
	files := fstest.MapFS{
		"prod/kustomization.yaml": file("resources: [ingresses.yaml, many.yaml]\nnamePrefix: prod-\nlabels: [{pairs: " +
			"{team: a}, includeSelectors: true, fields: [{path: spec/labels, create: " +
			"true}]}]\nconfigMapGenerator:\n- {name: settings, literals: [domain=example.org]}\n- {name: dashboards, " +
			"files: [dashboard.json]}\nreplacements:\n" + rules),
		"prod/ingresses.yaml": file(ingresses), "prod/many.yaml": file(many(300)),
		"prod/dashboard.json": file(`{"a": "` + strings.Repeat("x", 900<<10) + `"}`),
	}
	if result := build(t, files, "prod"); len(result.Objects) != 342 {
		t.Errorf("%d objects", len(result.Objects))
	}
}

// Files count once, although they are gone through twice where there are replacements, and patches more often.
func TestFilesCountOnceBesideReplacements(t *testing.T) {
	files := fstest.MapFS{
		"prod/kustomization.yaml": file("resources: [a.yaml]\nconfigMapGenerator: [{name: big, files: " +
			"[big]}]\nreplacements:\n" + rendertest.Replacement("data.x", "data.y", "create: true")),
		"prod/a.yaml": file(rendertest.Word), "prod/big": file(strings.Repeat("x", 700<<10)),
	}
	patched := fstest.MapFS{
		"prod/kustomization.yaml": file("resources: [a.yaml]\npatches: [{path: big.yaml, target: {kind: ConfigMap}}]\n"),
		"prod/a.yaml":             file(rendertest.Word), "prod/big.yaml": file("- {op: add, path: /data/big, value: " +
			strings.Repeat("x", 700<<10) + "}\n"),
	}
	for name, files := range map[string]fstest.MapFS{"data": files, "a patch": patched} {
		if _, err := render.Build(context.Background(), files, "prod", render.Options{TotalSize: 1 << 20}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
