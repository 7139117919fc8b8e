package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Law 9: outside its windows a commit waits, until a person says of the head, with a reason, that it may start. The history
// and an Event say who and why. The next commit waits again.
func TestAPersonOverridesTheWindows(t *testing.T) {
	s, cluster, dir := beginHookStory(t)
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
		r := daemongate(t, "", append(args, "-n", "platform", "--kubeconfig", cluster.Kubeconfig)...)
		return r.stdout + r.stderr
	}
	asked := func(what string, says []string, args ...string) {
		t.Helper()
		until(t, 2*time.Minute, what, func() (string, bool) {
			said := ask(args...)
			return said, !slices.ContainsFunc(says, func(text string) bool { return !strings.Contains(said, text) })
		})
	}
	asked("the first commit to wait", []string{"held"}, "status", "agents")

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
	asked("the history to say so", []string{"the agent leaks memory"}, "log", "agents")

	s.push("1")
	asked("the next commit to wait", []string{"1 commit held", "Complete"}, "status", "agents")
}
