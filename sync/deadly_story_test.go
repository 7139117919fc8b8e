package sync

import (
	"strings"
	"testing"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// deadly is a commit that asks for gigabytes in few bytes: a variable of a mebibyte, in thousands of places. It takes a
// Sync that allows so much to be written out.
func deadly() map[string]string {
	return map[string]string{
		"kustomization.yaml": "resources: [agent.yaml, big.yaml, many.yaml]\n" +
			"vars:\n- name: BIG\n  objref: {apiVersion: v1, kind: ConfigMap, name: big}\n  fieldref: {fieldpath: " +
			"data.big}\n",
		"big.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {big: " +
			strings.Repeat("x", 1<<20) + "}\n",
		"many.yaml": "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: many}\nspec: {template: {spec: " +
			"{containers: [{name: a, args: [\"" +
			strings.Repeat("$(BIG)", 8000) + "\"]}]}}}\n",
	}
}

// A commit whose render takes more memory than it may is Failed at once. The process that looks after everything else
// goes on, nothing that runs is touched, and the commit after it passes.
func TestARenderThatTakesAllMemoryIsFailed(t *testing.T) {
	w := newWorld(t)
	t.Parallel()
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1"), "kustomization.yaml": "resources: [agent.yaml]\n"})
	w.create(func(s *api.SyncSpec) { s.Render.MaxTotalSize, s.Render.MaxMemory = "100Gi", "256Mi" })
	p := w.process("--render-max-total-size=100Gi")
	w.waitFor(v1, api.Complete)

	bad := w.push("deadly", deadly())
	failed := func(s api.SyncStatus) (message string) {
		for _, r := range s.History {
			if r.Commit == bad && r.State == api.Failed {
				message = r.Message.Private
			}
		}
		return message
	}
	s := w.wait("the deadly commit to be Failed", func(s api.SyncStatus) bool { return failed(s) != "" })
	if message := failed(s); !strings.Contains(message, "rendering took more than 256 MiB of memory") ||
		!strings.Contains(message, "render.maxMemory") {
		t.Error(message)
	}
	if s.LastComplete != v1 {
		t.Errorf("%s is complete, not v1", s.LastComplete)
	}
	fix := w.push("fix", map[string]string{"kustomization.yaml": "resources: [agent.yaml]\n",
		"agent.yaml": agent("v2")})
	w.waitFor(fix, api.Complete)
	select {
	case <-p.ended:
		t.Error("the controller's process ended")
	default:
	}
}
