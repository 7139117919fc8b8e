package render_test

import (
	"testing"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/rendertest"
)

// An error is for people, and the same at each try: objects have their names, and neither addresses of memory nor whole
// objects are in it. Kustomize prints both into what it says of generators.
func TestErrorsOfGeneratorsAreForPeople(t *testing.T) {
	const object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
	generates := func(generator string) string {
		return "-- prod/kustomization.yaml --\nresources: [a.yaml, ../base]\n" + generator +
			"\n-- prod/a.yaml --\n" + object +
			"-- base/kustomization.yaml --\nnamePrefix: x-\nresources: [a.yaml]\n-- base/a.yaml --\n" + object
	}
	for name, story := range map[string]struct{ files, want string }{
		"a merge with nothing": {generates("configMapGenerator: [{name: d, behavior: merge, literals: ['a=}: b']}]"),
			"prod: merging from generator: ConfigMap d does not exist; cannot merge or replace"},
		"a Secret in a namespace": {generates("secretGenerator: [{name: d, namespace: other, behavior: replace}]"),
			"prod: merging from generator: Secret other/d does not exist; cannot merge or replace"},
		"a new one that is there": {generates("configMapGenerator: [{name: x-c}]"), "prod: merging from generator: " +
			"ConfigMap x-c exists; can not use behavior: 'unspecified', behavior must be merge or replace"},
		"a merge with two": {generates("configMapGenerator: [{name: c, behavior: merge}]"), "prod: merging " +
			"from generator: found multiple objects that could accept merge of ConfigMap.v1.[noGrp]/c.[noNs]"},
		"a generator of its own file": {generates("generators: [g.yaml]\n-- prod/g.yaml --\napiVersion: builtin\n" +
			"kind: ConfigMapGenerator\nmetadata: {name: d}\nbehavior: merge\nliterals: [a=b]"),
			"prod: merging from generator: ConfigMap d does not exist; cannot merge or replace"},
		"one of a component": {generates("components: [part]\n-- prod/part/kustomization.yaml --\n" +
			"apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n" +
			"configMapGenerator: [{name: d, behavior: merge}]"),
			"prod: accumulating components: accumulateDirectory: recursed accumulation of path 'prod/part': merging " +
				"from generator: ConfigMap d does not exist; cannot merge or replace"},
	} {
		_, err := render.Build(t.Context(), rendertest.Tree(t, story.files), "prod", render.Options{})
		if err == nil || err.Error() != story.want {
			t.Errorf("%s:\n%v\nwant\n%s", name, err, story.want)
		}
	}
}
