package sync

import (
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/render/child/childtest"
	"github.com/daemongate/daemongate/sync/gate"
)

// What kustomize drops is a warning of the commit, and where the Sync asks for it, the commit is Failed before the
// cluster is asked about it.
func TestWhatKustomizeDropsFailsAStrictSync(t *testing.T) {
	w := newGit(t)
	base := w.push("base", map[string]string{"kustomization.yaml": "resources: [a.yaml]",
		"a.yaml": configMap("a", "1")})
	patched := w.push("patched", map[string]string{"kustomization.yaml": "resources: [a.yaml]\npatches:\n- {path: " +
		"p.yaml, target: {kind: ConfigMap, name: b}}\n",
		"p.yaml": "- {op: add, path: /data/b, value: c}\n"})
	for strict, want := range map[bool]gate.Outcome{false: gate.Unavailable, true: gate.Invalid} {
		l := w.flyingLoop(t, base)
		l.sync.Spec.Render.Strict = strict
		l.Controller = &Controller{Connect: noCluster{}, Renders: childtest.Runner(t), Now: time.Now}
		r := l.preparation().prepare(t.Context(), patched)
		if r.Outcome != want {
			t.Errorf("strict %t: %v: %s", strict, r.Outcome, r.Problem.Private)
		}
		said := strings.Join(r.warnings, "\n")
		if strict {
			said = r.Problem.Private
		}
		if !strings.Contains(said, "kustomization.yaml: line 3: patches: its target (kind ConfigMap, name b) is no "+
			"object") {
			t.Errorf("strict %t: says %q", strict, said)
		}
	}
}
