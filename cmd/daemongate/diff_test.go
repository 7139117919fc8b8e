package main

import (
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/daemongate/daemongate/gitsource/gittest"
)

// A new user compares a folder with a cluster that knows nothing of Daemongate: all is new, nothing is written, and the
// exit code says that there is something, if it is asked for. What is not committed counts where that is asked for.
func TestDiffBeforeAnythingIsInstalled(t *testing.T) {
	cluster := shared.Start(t)
	kube, err := kubernetes.NewForConfig(cluster.Config)
	check(t, err)
	_, err = kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: "compared"}}, metav1.CreateOptions{})
	check(t, err)
	dir := t.TempDir()
	gittest.Commit(t, dir, "agent.yaml", agent)
	run := func(args string) result {
		return daemongate(t, "", append(strings.Fields("diff "+dir+" -n compared --kubeconfig "+cluster.Kubeconfig), strings.Fields(args)...)...)
	}
	if r := run(""); r.code != 0 || !strings.Contains(r.stdout, "+++ MERGED/apps.v1.DaemonSet.compared.agent\n") ||
		!strings.Contains(r.stdout, "image: registry.local/agent:v1\n") ||
		!strings.Contains(r.stderr, "2 objects would be created, 0 changed, 0 pruned") {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r := run("--exit-code"); r.code != 3 {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
	gittest.Write(t, filepath.Join(dir, "agent.yaml"), strings.Replace(agent, "agent:v1", "agent:v2", 1))
	if r := run("--worktree"); r.code != 0 || !strings.Contains(r.stdout, "agent:v2") {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	for args, says := range map[string]string{"--sync agents": "agents", "--commit 0000000": "0000000"} {
		if r := run(args); r.code != 1 || !strings.Contains(r.stderr, says) {
			t.Errorf("%s: exit code %d\n%s", args, r.code, r.stderr)
		}
	}
	if r := daemongate(t, "", "diff", "HEAD~1", "--sync", "others", "-n", "compared", "--kubeconfig",
		cluster.Kubeconfig); r.code != 1 || !strings.Contains(r.stderr, "Sync compared/others") {
		t.Errorf("a commit of a Sync that is not there: exit code %d: %s", r.code, r.stderr)
	}
	if r := daemongate(t, "", "diff", "HEAD~1", "--sync", "others", "--commit", "HEAD~2"); r.code != 2 {
		t.Errorf("two commits: exit code %d: %s", r.code, r.stderr)
	}
}
