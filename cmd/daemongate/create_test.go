package main

import (
	"strings"
	"testing"

	"github.com/daemongate/daemongate/manifests/install"
)

// What create sync prints is a Sync with the fields that were asked for and no other, and asks no cluster.
func TestCreateSyncPrintsASync(t *testing.T) {
	t.Parallel()
	r := daemongate(t, "", "create", "sync", "agents", "-n", "platform", "--kubeconfig", "/nowhere", "--url",
		"https://git.example.com/fleet.git", "--semver", ">=1", "--path", "agents", "--service-account", "deployer",
		"--report", "Gitea", "--report-secret", "gitea", "--export")
	want := `---
apiVersion: daemongate.io/v1alpha1
kind: Sync
metadata:
  name: agents
  namespace: platform
spec:
  apply:
    serviceAccountName: deployer
  report:
    provider: Gitea
    secretRef:
      name: gitea
  source:
    path: agents
    ref:
      semver: '>=1'
    url: https://git.example.com/fleet.git
`
	if r.code != 0 || r.stdout != want || r.stderr != "" {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	for args, says := range map[string]string{
		"create sync agents": "--url is missing",
		"create sync Agents_1 --url https://git.invalid/x.git": "no name of a Sync",
		"create sync a --url x --branch b --tag t":             "--branch, --tag and --semver: give one of them",
		"create thing": `unknown command "thing"`,
	} {
		if r := daemongate(t, "", strings.Fields(args)...); r.code != 2 || !strings.Contains(r.stderr, says) {
			t.Errorf("%s: exit code %d\n%s%s", args, r.code, r.stdout, r.stderr)
		}
	}
}

// A Sync is created as the API server takes it, once, and what it refuses is not: the error names the field. Before
// Daemongate is installed the error says so.
func TestCreateSyncCreates(t *testing.T) {
	cluster := shared.Start(t)
	run := func(args string) result {
		return daemongate(t, "", append(strings.Fields(args), "--kubeconfig", cluster.Kubeconfig)...)
	}
	crd, err := install.CRD()
	check(t, err)
	check(t, install.Apply(t.Context(), cluster.Config, crd))
	const agents = "create sync created --url https://git.invalid/fleet.git"
	for _, c := range []struct {
		args         string
		code         int
		stdout, says string
	}{
		{agents + " --interval soon", 1, "", "spec.source.interval"},
		{agents + " --on-stuck Never", 1, "", "spec.gate.onStuck"},
		{agents + " --report Post", 1, "", "spec.report.provider"},
		{agents + " --report GitHub", 1, "", "spec.report"},
		{"get created", 1, "", "created"},
		{agents + " --interval 5m --on-stuck Hold --suspend", 0, "created Sync default/created; next: daemongate status created",
			"names no ServiceAccount"},
		{agents, 1, "", "is there already: `kubectl -n default edit sync created`"},
		{"get created -o yaml", 0, "interval: 5m0s", ""},
		{"get created -o yaml", 0, "onStuck: Hold", ""},
		{"get created", 0, "suspended", ""},
		{agents + " -n nowhere", 1, "", "nowhere"},
	} {
		if r := run(c.args); r.code != c.code || !strings.Contains(r.stdout, c.stdout) || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%s: exit code %d\n%s%s", c.args, r.code, r.stdout, r.stderr)
		}
	}
}
