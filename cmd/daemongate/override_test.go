package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
)

// Law 9: outside its windows a commit waits, until a person says of the head, with a reason, that it may start. The
// history and an Event say who and why. The next commit waits again.
func TestAPersonOverridesTheWindows(t *testing.T) {
	cluster, dir := shared.Start(t), t.TempDir()
	kube, err := kubernetes.NewForConfig(cluster.Config)
	check(t, err)
	repo := filepath.Join(dir, "fleet")
	push := func(value string) {
		gittest.Commit(t, repo, "map.yaml",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata: {value: '"+value+"'}\n")
	}
	push("0")
	gittest.Write(t, filepath.Join(dir, "sync.yaml"), `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: agents, namespace: platform}
spec:
  source: {url: `+repo+`, interval: 1s}
  apply: {targetNamespace: platform}
  windows: [{deny: "0 0 * * *", duration: 24h}, {deny: "0 12 * * *", duration: 24h}]
`)
	startController(t, "-f", filepath.Join(dir, "sync.yaml"), "--data-dir", filepath.Join(dir, "data"),
		"--lease-namespace", "platform", "--kubeconfig", cluster.Kubeconfig)
	ask := func(args ...string) string {
		r := daemongate(t, "", append(args, "-n", "platform", "--kubeconfig", cluster.Kubeconfig)...)
		return r.stdout + r.stderr
	}
	asked := func(what string, says []string, args ...string) {
		t.Helper()
		clustertest.Until(t, 2*time.Minute, what, func() (string, bool) {
			said := ask(args...)
			return said, !slices.ContainsFunc(says, func(text string) bool { return !strings.Contains(said, text) })
		})
	}
	asked("the first commit to wait", []string{"held"}, "status", "agents")

	if said := ask("sync", "agents", "--override-window"); !strings.Contains(said, "--reason") {
		t.Errorf("without a reason it says %q", said)
	}
	if said := ask("sync", "agents", "--override-window", "--reason", "the agent leaks memory"); !strings.Contains(said,
		"may start outside the windows, once") {
		t.Fatalf("it says %q", said)
	}
	clustertest.Until(t, time.Minute, "the first commit to be applied", func() (string, bool) {
		m, err := kube.CoreV1().ConfigMaps("platform").Get(t.Context(), "config", metav1.GetOptions{})
		return fmt.Sprint(err), err == nil && m.Data["value"] == "0"
	})
	clustertest.Until(t, time.Minute, "an Event that says who and why", func() (string, bool) {
		list, err := kube.CoreV1().Events("platform").List(t.Context(), metav1.ListOptions{})
		check(t, err)
		var all []string
		for _, e := range list.Items {
			all = append(all, e.Message)
		}
		said := strings.Join(all, "\n")
		return said, strings.Contains(said, "started outside the windows; who asked says to be ") &&
			strings.Contains(said, ": the agent leaks memory") &&
			strings.Contains(said, "(field manager ")
	})
	asked("the history to say so", []string{"the agent leaks memory"}, "log", "agents")

	push("1")
	asked("the next commit to wait", []string{"1 commit held", "Complete"}, "status", "agents")
}
