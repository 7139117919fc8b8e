package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// result is what a person sees of one call of the program.
type result struct {
	code           int
	stdout, stderr string
}

// daemongate calls the whole program but for main, in this process.
func daemongate(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), append([]string{"daemongate"}, args...), strings.NewReader(stdin), &stdout, &stderr)
	code := conclude(err, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

// A command line that makes no sense exits 2, prints nothing to stdout, says what is wrong and where to read on.
func TestMisuseIsExplained(t *testing.T) {
	for _, c := range []struct {
		args string
		says []string
	}{
		{"explode", []string{`unknown command "explode"`, "See 'daemongate --help'"}},
		{"verzion", []string{"did you mean version?"}},
		{"--fast", []string{"unknown flag: --fast"}},
		{"render", []string{"accepts 1 arg(s), received 0: daemongate render", "See 'daemongate render --help'"}},
		{"watch", []string{"accepts 1 arg(s), received 0: daemongate watch NAME"}},
		{"watch ds/agent", []string{"ds/agent: is a DaemonSet, and this is about Syncs", "`daemongate explain ds/agent`"}},
		{"watch ds/agent -n logging", []string{"`daemongate explain ds/agent -n logging`", "`daemongate rollout status ds/agent -n logging`"}},
		{"status platform/agents", []string{"platform/agents: is no name of a Sync", "-n"}},
		{"get daemonset/agent", []string{"`daemongate rollout status daemonset/agent`"}},
		{"render . --ref main --commit " + strings.Repeat("a", 40), []string{"--ref and --commit: give one of them"}},
		{"suspend --all agents", []string{"name Syncs, or give --all, not both", "See 'daemongate suspend --help'"}},
		{"resume --all -n platform", []string{"--all is every Sync of the installation, whatever its namespace"}},
		{"suspend agents --reason tired", []string{"--reason goes with --all"}},
		{"explain", []string{"ds/NAME", "give a dump with -f", "kubectl get ds", "See 'daemongate explain --help'"}},
		{"explain -f - --at yesterday", []string{"--at yesterday", "want a time such as"}},
		{"run --log-level nonsense", []string{`--log-level "nonsense"`, "warning", "See 'daemongate run --help'"}},
		{"run --log-format yaml", []string{`--log-format "yaml"`, "text or json"}},
		{"run --advertise-address 10.0.0.7", []string{`--webhook-address "" names no port`, "See 'daemongate run --help'"}},
		{"version now", []string{`"now"`, "See 'daemongate version --help'"}},
		{"version -o toml", []string{`"toml"`, "want table, json or yaml"}},
		{"completion cobol", []string{`"cobol"`, "See 'daemongate completion --help'"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			r := daemongate(t, "", strings.Fields(c.args)...)
			if r.code != 2 || r.stdout != "" {
				t.Errorf("exit code %d, stdout %q", r.code, r.stdout)
			}
			for _, want := range c.says {
				if !strings.Contains(r.stderr, want) {
					t.Errorf("stderr does not say %s:\n%s", want, r.stderr)
				}
			}
		})
	}
}

// Without a command the program says what it can do, and that is fine.
func TestHelpNamesTheCommands(t *testing.T) {
	r := daemongate(t, "")
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("exit code %d, stderr %q", r.code, r.stderr)
	}
	for _, want := range []string{"explain", "render", "version", "completion",
		"Exit codes: 0 fine, 1 error, 2 usage, 3 stuck, 4 timed out"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("help does not name %q:\n%s", want, r.stdout)
		}
	}
}

// Installed as kubectl-daemongate it calls itself what the user typed.
func TestKubectlPluginKnowsItsName(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), []string{"/usr/bin/kubectl-daemongate", "version", "--help"}, nil, &stdout,
		&stderr); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(stdout.String(), "kubectl daemongate version [flags]") {
		t.Errorf("help:\n%s", stdout.String())
	}
}

// The version is for people and for scripts.
func TestVersion(t *testing.T) {
	if r := daemongate(t, "", "version"); r.code != 0 || !strings.HasPrefix(r.stdout, "daemongate ") {
		t.Errorf("version: %+v", r)
	}
	var b build
	r := daemongate(t, "", "version", "-o", "json")
	if err := json.Unmarshal([]byte(r.stdout), &b); err != nil || b.Version == "" || b.Go == "" || b.Platform == "" {
		t.Errorf("version -o json: %v in %s", err, r.stdout)
	}
	if r := daemongate(t, "", "version", "-o", "yaml"); !strings.Contains(r.stdout, "\nversion: ") {
		t.Errorf("version -o yaml: %s", r.stdout)
	}
}

// The shells that cobra knows get their completion script.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if r := daemongate(t, "", "completion", shell); r.code != 0 || !strings.Contains(r.stdout, "daemongate") {
			t.Errorf("completion %s: exit code %d, stderr %s", shell, r.code, r.stderr)
		}
	}
}

// Bounds of renders that are none are refused before anything is done.
func TestCeilingsOfRendersAreChecked(t *testing.T) {
	for flag, want := range map[string]string{
		"--render-timeout=11m": "want 1s to 10m0s", "--render-timeout=0s": "want 1s to 10m0s",
		"--render-max-objects=0": "want more than 0", "--render-max-total-size=0": "want more than 0",
		"--render-max-file-size=-1": "want more than 0", "--render-memory=64Mi": "want 128Mi at least",
		"--prepare-workers=0": "want 1 at least",
	} {
		o := &runOptions{}
		flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
		o.addTo(flags)
		if err := flags.Parse([]string{flag}); err != nil {
			t.Fatal(err)
		}
		if err := o.checkRenders(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", flag, err)
		}
	}
	o := &runOptions{}
	o.addTo(pflag.NewFlagSet("run", pflag.ContinueOnError))
	if err := o.checkRenders(); err != nil || o.Ceilings.Memory != 512<<20 || o.Ceilings.TotalSize != 256<<20 {
		t.Errorf("%+v %v", o.Ceilings, err)
	}
}

// --version says what the command version says.
func TestVersionIsAFlagToo(t *testing.T) {
	flag, command := daemongate(t, "", "--version"), daemongate(t, "", "version")
	if flag.code != 0 || flag.stdout == "" || flag.stdout != command.stdout {
		t.Errorf("%d: %q, and not %q", flag.code, flag.stdout, command.stdout)
	}
}
