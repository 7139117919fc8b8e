package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/daemongate/daemongate/manifests/clustertest"
)

// Law 9: outside its windows a commit waits, until a person says of the head, with a reason, that it may start. The history
// and an Event say who and why. The next commit waits again.
func TestAPersonOverridesTheWindows(t *testing.T) {
	cluster := clustertest.Start(t, clustertest.Options{Nodes: 1})
	kube, err := kubernetes.NewForConfig(cluster.Config)
	check(t, err)
	dir := t.TempDir()
	s := &hookStory{t: t, kube: kube, repo: filepath.Join(dir, "fleet")}
	s.push("0")
	write(t, filepath.Join(dir, "sync.yaml"), `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: agents, namespace: platform}
spec:
  source: {url: `+s.repo+`, interval: 1s}
  apply: {targetNamespace: platform}
  windows: [{deny: "0 0 * * *", duration: 24h}, {deny: "0 12 * * *", duration: 24h}]
`)
	controller(t, "-f", filepath.Join(dir, "sync.yaml"), "--data-dir", filepath.Join(dir, "data"), "--kubeconfig", cluster.Kubeconfig)
	ask := func(args ...string) string {
		var out bytes.Buffer
		if err := run(t.Context(), append(append([]string{"daemongate"}, args...), "-n", "platform", "--kubeconfig", cluster.Kubeconfig), nil, &out, &out); err != nil {
			return err.Error()
		}
		return out.String()
	}
	until(t, "the first commit to wait", func() bool { return strings.Contains(ask("status", "agents"), "held") })

	if said := ask("sync", "agents", "--override-window"); !strings.Contains(said, "--reason") {
		t.Errorf("without a reason it says %q", said)
	}
	seen := s.watch()
	if said := ask("sync", "agents", "--override-window", "--reason", "the agent leaks memory"); !strings.Contains(said, "may start outside the windows, once") {
		t.Fatalf("it says %q", said)
	}
	s.await(seen, "0")
	said := s.event("the agent leaks memory")
	if !strings.Contains(said, "started outside the windows by ") || strings.Contains(said, "somebody") {
		t.Errorf("the Event says %q", said)
	}
	until(t, "the history to say so", func() bool { return strings.Contains(ask("log", "agents"), "the agent leaks memory") })

	s.push("1")
	until(t, "the next commit to wait", func() bool {
		said := ask("status", "agents")
		return strings.Contains(said, "1 commit held") && strings.Contains(said, "Complete")
	})
}

// until waits until something holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
