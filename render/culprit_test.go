package render_test

import (
	"context"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/rendertest"
)

// What kustomize gives up on in a panic is told with its file and the object, patch or replacement, wherever it stands.
func TestWhatKustomizeGivesUpOnIsNamed(t *testing.T) {
	good, list := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n",
		"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad, annotations: [a]}\n"
	for name, story := range map[string]struct{ files, want string }{
		"an object": {"-- prod/kustomization.yaml --\nresources: [a.yaml]\n-- prod/a.yaml --\n" + good + list,
			"prod/a.yaml: line 5: ConfigMap bad: "},
		"an object of a base": {
			"-- prod/kustomization.yaml --\nresources: [../base]\nnamePrefix: a-\n-- base/kustomization.yaml " +
				"--\nresources: [b.yaml, a.yaml]\n-- base/b.yaml --\n" + good + "-- base/a.yaml --\n" + list[4:],
			"base/a.yaml: line 1: ConfigMap bad: kustomize gave up",
		},
		"a replacement": {
			"-- prod/kustomization.yaml --\nresources: [a.yaml]\nreplacements:\n- {source: {kind: ConfigMap, name: " +
				"good}, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.a], options: {create: true}}]}\n- " +
				"{source: {kind: ConfigMap, name: good}, targets: [null]}\n-- prod/a.yaml --\n" + good,
			"prod/kustomization.yaml: replacements[1]: kustomize gave up",
		},
	} {
		_, err := render.Build(context.Background(), rendertest.Tree(t, story.files), "prod", render.Options{})
		if err == nil || !strings.HasPrefix(err.Error(), story.want) || !strings.Contains(err.Error(), "panic") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
