package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/cmd/daemongate/page/browsertest"
	"github.com/daemongate/daemongate/gitsource/gittest"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// browser is the Chromium of this package's tests.
var browser browsertest.Shared

// Somebody has the page open in a browser while they push: an agent takes over three nodes; the next one too;
// then one whose image is mistyped is stuck, and the cause stands there with what to do; the fix completes. The
// page is never loaded anew.
func TestSomebodyWatchesInABrowser(t *testing.T) {
	t.Parallel()
	cluster, dir := shared.Start(t), t.TempDir()
	tab := browser.Start(t).Tab(t, browsertest.Look{})
	defer tab.Close()
	repo := filepath.Join(dir, "fleet")
	push := func(image string) string {
		gittest.Commit(t, repo, "agent.yaml", strings.NewReplacer("agent:v1", "agent:"+image,
			`, resources: {requests: {cpu: "2"}}`, "").Replace(strings.Split(agent, "---")[0]))
		return api.Short(strings.TrimSpace(gittest.Run(t, repo, "rev-parse", "HEAD")))
	}
	first := push("v1")
	gittest.Write(t, filepath.Join(dir, "sync.yaml"), `apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata: {name: agents, namespace: browsed}
spec:
  source: {url: `+repo+`, interval: 1s}
  apply: {targetNamespace: browsed}
  rollout: {settle: 1s, proof: 0s, after: {ImagePull: 3s}}
`)
	_, err := installSync(t.Context(), cluster.Config, filepath.Join(dir, "sync.yaml"), "browsed")
	check(t, err)
	address, _ := dashboard(t, "agents", "-n", "browsed", "--kubeconfig", cluster.Kubeconfig)
	tab.Open(address)
	tab.UntilText("browsed/agents", "the repository has not been polled yet")

	startController(t, "--namespaces", "browsed", "--data-dir", filepath.Join(dir, "data"), "--lease-namespace", "browsed",
		"--kubeconfig", cluster.Kubeconfig)
	settles := func(commit string) {
		t.Helper()
		tab.Until(commit+" to be complete", fmt.Sprintf(`document.getElementById("verdict").innerText.includes("Complete") &&
			document.getElementById("verdict").innerText.includes(%q)`, commit))
	}
	settles(first)
	tab.Until("three settled nodes", `document.querySelectorAll("#grid i.s").length === 3`)
	tab.Eval(`document.documentElement.dataset.stays = "yes"`, nil)
	settles(push("v2"))
	tab.Until("three settled nodes again", `document.querySelectorAll("#grid i.s").length === 3`)

	third := push("latset")
	tab.UntilText("ImagePull", `image "registry.local/agent:latset" cannot be pulled`, "Push registry.local/agent:latset")
	tab.Until(third+" to be stuck", `document.getElementById("verdict").innerText.includes("Stuck")`)
	tab.Until("a failing node", `document.querySelectorAll("#grid i.f").length > 0`)
	settles(push("v3"))
	tab.Until("nothing to be done any more", `!document.getElementById("causes").innerText.includes("ImagePull")`)
	tab.Until("the page not to have been loaded anew", `document.documentElement.dataset.stays === "yes"`)
}
