//go:build linux

package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// Somebody watches a Sync on a terminal of 80 by 24: an agent takes over three nodes; the next one crashes, and the
// cause stands there with what to do; a fix is held back because the Sync was suspended from there, after a question.
// What scripts are told at the end has the same counts and causes as explain.
func TestSomebodyWatchesARollout(t *testing.T) {
	cluster, dir := shared.Start(t), t.TempDir()
	repo := filepath.Join(dir, "fleet")
	push := func(version, behaviour string) string {
		gittest.Commit(t, repo, "agent.yaml", strings.NewReplacer("{app: agent}}\n    spec: ", "{app: agent}, annotations: "+
			"{devcluster.daemongate.io/behaviour: '"+behaviour+"'}}\n    spec: ", "agent:v1", "agent:"+version,
			`, resources: {requests: {cpu: "2"}}`, "").Replace(strings.Split(agent, "---")[0]))
		return api.Short(strings.TrimSpace(gittest.Run(t, repo, "rev-parse", "HEAD")))
	}
	first := push("v1", "")
	gittest.Write(t, filepath.Join(dir, "sync.yaml"), `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: agents, namespace: watched}
spec:
  source: {url: `+repo+`, interval: 1s}
  apply: {targetNamespace: watched}
  rollout: {settle: 1s, proof: 0s}
`)
	startController(t, "-f", filepath.Join(dir, "sync.yaml"), "--data-dir", filepath.Join(dir, "data"),
		"--lease-namespace", "watched", "--kubeconfig", cluster.Kubeconfig)
	where := []string{"-n", "watched", "--kubeconfig", cluster.Kubeconfig}
	clustertest.Until(t, 2*time.Minute, "the Sync to be there", func() (string, bool) {
		r := daemongate(t, "", append([]string{"status", "agents"}, where...)...)
		return r.stderr, r.code == 0
	})

	w := onTerminal(t, 80, 24, append([]string{"watch", "agents"}, where...)...)
	w.until("watched/agents  ✓ Complete "+first, "✓ complete            "+first, "■ 3 settled", "■ node-001 "+first)
	second := push("v2", "crash")
	w.until("✗ Stuck "+second, "CrashLoop on node-", "do:   Read why in its log", "✗ stuck               "+second)
	w.press("e")
	w.until("watched/agents  explain")
	w.press("\x1b[F") // End
	w.until("Next:", "kubectl -n watched logs agent-")
	w.press("x")
	w.until("CrashLoop on node-")
	w.press("p")
	w.until("Suspend watched/agents: no poll, no apply, no prune, no correction? y/n")
	w.press("y")
	w.until("* suspended: nothing is polled or applied")
	compareWithExplain(t, where)
	w.press("q")
	w.ends()
	w.recorded.keep(t, "daemongate watch")
}

// compareWithExplain holds what watch tells scripts against what explain tells them of the same moment.
func compareWithExplain(t *testing.T, where []string) {
	t.Helper()
	clustertest.Until(t, time.Minute, "watch and explain to agree", func() (string, bool) {
		watched := daemongate(t, "", append([]string{"watch", "agents", "-o", "json"}, where...)...)
		explained := daemongate(t, "", append([]string{"explain", "agents", "-o", "json"}, where...)...)
		var v view.View
		var r report.Report
		check(t, json.Unmarshal([]byte(watched.stdout), &v))
		check(t, json.Unmarshal([]byte(explained.stdout), &r))
		d := r.DaemonSets[0]
		same := v.Counts == view.Counts{Desired: d.Desired, Updated: d.Updated, Settled: d.Settled} &&
			len(v.Causes) == len(d.Causes) && len(v.DaemonSets[0].Classes) == len(d.Nodes) && len(v.Nodes) == d.Eligible
		return watched.stdout + explained.stdout, same && watched.code == int(stuck) && explained.code == int(stuck)
	})
}
