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

// What the API server would refuse is not printed: the error names each field that is wrong, and no value of it.
func TestCreateSyncPrintsNothingThatIsRefused(t *testing.T) {
	t.Parallel()
	const agents = "create sync agents --export --url "
	const url = "https://git.invalid/fleet.git "
	for args, says := range map[string]string{
		agents + "fleet": "spec.source.url: must be https://host/path",
		agents + "https://ada:hunter2@git.invalid/x":                      "spec.source.url: must hold neither a password nor a token",
		agents + url + "--interval soon":                                  "spec.source.interval: must be a length of time such as 30s",
		agents + url + "--interval 0s":                                    "spec.source.interval: must be a length of time such as 30s",
		agents + url + "--branch a..b":                                    "spec.source.ref.branch: must be the name of a branch",
		agents + url + "--semver latest":                                  "spec.source.ref.semver: must be",
		agents + url + "--path ../x":                                      "spec.source.path: must be a folder of the repository",
		agents + url + "--secret A_b":                                     "spec.source.secretRef.name: must be the name of an object",
		agents + url + "--service-account A_b":                            "spec.apply.serviceAccountName: must be the name of a Serv",
		agents + url + "--on-stuck Never":                                 "spec.gate.onStuck: must be one of Release, Hold, Rollback",
		agents + url + "--deletion-policy No":                             "spec.deletionPolicy: must be one of Prune, Orphan",
		agents + url + "--report Post":                                    "spec.report.provider: must be one of None, Notes, GitHub",
		agents + url + "--report GitHub":                                  "spec.report.secretRef: must name the Secret with the token",
		agents + url + "-n Platform":                                      `"Platform" is no name of a namespace`,
		strings.Replace(agents+url, "agents", strings.Repeat("a", 64), 1): "metadata.name must have at most 63 characters",
	} {
		r := daemongate(t, "", strings.Fields(args)...)
		if r.code != 2 || r.stdout != "" || !strings.Contains(r.stderr, says) || strings.Contains(r.stderr, "hunter2") {
			t.Errorf("%s: exit code %d\n%s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	r := daemongate(t, "", strings.Fields(agents+url+"--interval soon --on-stuck Never")...)
	if !strings.Contains(r.stderr, "spec.source.interval") || !strings.Contains(r.stderr, "spec.gate.onStuck") {
		t.Errorf("of two mistakes one is not told: %s", r.stderr)
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
		{agents, 1, "", "is there already"},
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
