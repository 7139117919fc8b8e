package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/clustertest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// hooked is an agent whose postStart hook says why it fails.
const hooked = `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: agent, image: "registry.local/agent:v2", lifecycle: {postStart: {exec: {command: [/agent, "false"]}}}}
`

// A Sync that tells counts alone breaks and is braked. Neither its status and its Events, nor the controller's log, nor what
// the repository and the readers of its status are told, names a node or repeats what the hook said; all say the cause
// and on how many nodes. explain says both to who may read them, and the controller goes on after a restart.
func TestCountsNameNoNodeAnywhere(t *testing.T) {
	t.Parallel()
	w := newLeaseWorldOn(t, shared.Start(t), "counts")
	file := filepath.Join(w.dir, "sync.yaml")
	text, err := os.ReadFile(file)
	check(t, err)
	gittest.Write(t, file, string(text)+"  report: {provider: Notes, inCluster: Counts}\n")
	args := []string{"--lease-name", w.namespace, "--namespace", w.namespace, "--log-level", "debug", "--kubeconfig",
		w.cluster.Kubeconfig}
	c := w.run("data", append([]string{"-f", file}, args...)...)
	w.waitState(w.push("v1"), api.Complete)
	v2 := gittest.Commit(t, filepath.Join(w.dir, "fleet"), "agent.yaml", hooked)
	w.waitState(v2, api.Stuck)
	nodes := w.brakedFor()
	told := w.toldOfCounts(t)
	told["the log"] = c.out.String()
	check(t, c.process.Signal(os.Interrupt))
	<-c.ended
	again := w.run("data", args...)
	w.waitLeads(again)
	w.waitState(gittest.Commit(t, filepath.Join(w.dir, "fleet"), "agent.yaml", strings.ReplaceAll(hooked, "v2", "v3")),
		api.Stuck)
	for where, text := range w.toldOfCounts(t) {
		told[where+", after a restart"] = text
	}
	told["the log, after a restart"] = again.out.String()
	for where, text := range told {
		for _, secret := range append(nodes, "node-00", "check failed", "backend not reachable") {
			if strings.Contains(text, secret) {
				t.Errorf("%s has %q:\n%s", where, secret, text)
			}
		}
		if !strings.Contains(text, "HookFailing") {
			t.Errorf("%s does not say the cause:\n%s", where, text)
		}
	}
	if text := told["status agents"]; !strings.Contains(text, "daemongate explain agents -n "+w.namespace+" does both") {
		t.Errorf("status does not say who names the nodes:\n%s", text)
	}
	// What a hook answers is to be read for a moment after each of its failures.
	clustertest.Until(t, 5*time.Minute, "explain to tell what its caller may read", func() (string, bool) {
		text := daemongate(t, "", "explain", "agents", "-n", w.namespace, "--kubeconfig", w.cluster.Kubeconfig).stdout
		return text, strings.Contains(text, "node-") && strings.Contains(text, "check failed")
	})
}

// brakedFor waits for the brake, and returns the nodes that it was pulled for.
func (w *leaseWorld) brakedFor() (nodes []string) {
	w.t.Helper()
	clustertest.Until(w.t, 2*time.Minute, "the brake", func() (string, bool) {
		d, err := w.kube.AppsV1().DaemonSets(w.namespace).Get(w.t.Context(), "agent", metav1.GetOptions{})
		check(w.t, err)
		words := strings.Fields(d.Annotations[manifests.BrakeAnnotation])
		if len(words) < 2 {
			return d.Annotations[manifests.BrakeAnnotation], false
		}
		nodes = words[1:]
		return "", true
	})
	return nodes
}

// toldOfCounts is what those are told who may read the Sync, or the repository.
func (w *leaseWorld) toldOfCounts(t *testing.T) map[string]string {
	t.Helper()
	told := map[string]string{}
	for _, command := range []string{"status agents", "status agents -o json", "log agents", "get", "get -o yaml"} {
		r := daemongate(t, "", append(strings.Fields(command), "-n", w.namespace, "--kubeconfig", w.cluster.Kubeconfig)...)
		told[command] = r.stdout + r.stderr
	}
	events, err := w.kube.CoreV1().Events(w.namespace).List(t.Context(),
		metav1.ListOptions{FieldSelector: "involvedObject.kind=Sync"})
	check(t, err)
	raw, err := json.Marshal(events)
	check(t, err)
	told["the Events of the Sync"] = string(raw)
	clustertest.Until(t, time.Minute, "the note", func() (string, bool) {
		text := gittest.Run(t, filepath.Join(w.dir, "fleet"), "log", "-p", "--all")
		told["the notes"] = ""
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "+") && strings.Contains(line, "daemongate/") {
				told["the notes"] += line
			}
		}
		return text, strings.Contains(told["the notes"], "HookFailing")
	})
	return told
}
