package sync

import (
	"os/exec"
	"strings"
	"testing"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Law 5: with onStuck: Hold a fix waits until a person releases the stuck commit, with the command that the Sync itself
// names.
func TestAStuckCommitHoldsUntilAPersonReleasesIt(t *testing.T) {
	w := newWorld(t)
	t.Parallel() // it mostly waits
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1")})
	w.create(func(s *api.SyncSpec) { s.Gate.OnStuck = api.OnStuckHold })
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	broken := w.push("broken", map[string]string{"agent.yaml": crashing(agent("v2"))})
	w.waitFor(broken, api.Stuck)
	fix := w.push("fix", map[string]string{"agent.yaml": agent("v3")})
	if r := w.waitFor(fix, api.Held); !strings.Contains(r.Message.Private, "daemongate release") {
		t.Errorf("it is held with %q", r.Message.Private)
	}
	if image := w.image(); !strings.HasSuffix(image, ":v2") {
		t.Errorf("while it is held the agent is %s", image)
	}
	binary, err := binaryOnce()
	w.check(err)
	out, err := exec.Command(binary, "release", "agents", "-n", w.namespace, "--kubeconfig",
		w.cluster.Kubeconfig).CombinedOutput()
	if err != nil || !strings.Contains(string(out), api.Short(broken)) {
		t.Fatalf("release says %q, %v", out, err)
	}
	w.waitFor(fix, api.Complete)
	w.told(fix, "success")
}

// Law 5, of another kind: a Deployment is rolled back too, although it goes on saying for a while that it is past its
// deadline, which is what it said of the broken template.
func TestADeploymentIsRolledBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1"), "shop.yaml": deployment("shop", "v1",
		"  progressDeadlineSeconds: 15\n")})
	w.create(rolling)
	w.controller(shared.Config, t.TempDir())
	w.waitFor(v1, api.Complete)
	broken := w.push("broken", map[string]string{"shop.yaml": deployment("shop", "v2", "      nodeSelector: "+
		"{nowhere: \"true\"}\n  progressDeadlineSeconds: 15\n")})
	w.says(broken, api.Stuck, "rolling back to "+api.Short(v1))
	w.says(broken, api.Stuck, "rolled back to "+api.Short(v1))
	for _, r := range w.status().History {
		if strings.Contains(r.Message.Private, "stuck too") {
			t.Errorf("%s: %s", api.Short(r.Commit), r.Message.Private)
		}
	}
	w.told(broken, "rolled back to "+api.Short(v1))
}
