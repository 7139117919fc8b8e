package render_test

import (
	"context"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/render"
	"github.com/daemongate/daemongate/render/rendertest"
)

// A patch, a transformer or a generator without a name is told with its file and line, which kustomize does not name.
func TestWhatHasNoNameIsFound(t *testing.T) {
	agent := "-- base/kustomization.yaml --\nresources: [ds.yaml]\n-- base/ds.yaml --\napiVersion: apps/v1\nkind: " +
		"DaemonSet\nmetadata: {name: agent}\n"
	nameless := "-- prod/p.yaml --\n# no name\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {labels: {a: b}}\n"
	for name, files := range map[string]string{
		"a patch of old": "resources: [../base]\npatchesStrategicMerge: [p.yaml]\n" + nameless,
		"a patch":        "resources: [../base]\npatches: [{path: p.yaml, target: {kind: DaemonSet}}]\n" + nameless,
		"a transformer": "resources: [../base]\ntransformers: [p.yaml]\n-- prod/p.yaml --\n# no name\napiVersion: " +
			"builtin\nkind: LabelTransformer\nlabels: {a: b}\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render.Build(context.Background(), rendertest.Tree(t, agent+"-- prod/kustomization.yaml --\n"+files), "prod",
				render.Options{})
			if err == nil || !strings.Contains(err.Error(), "prod/p.yaml: line 2: has no metadata.name") {
				t.Errorf("%v", err)
			}
		})
	}
}
