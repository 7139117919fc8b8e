package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource/gittest"
)

var update = flag.Bool("update", false, "rewrite the golden files: review the diff")

// golden compares with testdata/name, or rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("not as in %s:\n%s", path, got)
	}
}

// fleet is a repository with two commits on main, of which the first has the tag v1.
func fleet(t *testing.T) (dir, first, second string) {
	t.Helper()
	dir = t.TempDir()
	gittest.Run(t, dir, "init", "-q", "-b", "main")
	copyFleet(t, dir)
	gittest.Run(t, dir, "add", "-A")
	gittest.Run(t, dir, "commit", "-q", "-m", "agent: version 1")
	gittest.Run(t, dir, "tag", "v1")
	first = gittest.Run(t, dir, "rev-parse", "HEAD")
	overlay := filepath.Join(dir, "prod", "kustomization.yaml")
	text, err := os.ReadFile(overlay)
	if err != nil {
		t.Fatal(err)
	}
	gittest.Write(t, overlay, strings.Replace(string(text), "newTag: v1", "newTag: v2", 1))
	gittest.Run(t, dir, "commit", "-q", "-a", "-m", "agent: version 2")
	return dir, first, gittest.Run(t, dir, "rev-parse", "HEAD")
}

func copyFleet(t *testing.T, dir string) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS("testdata/fleet")); err != nil {
		t.Fatal(err)
	}
}

// renderCommand calls the command with a cache of its own.
func renderCommand(t *testing.T, args ...string) result {
	t.Helper()
	return daemongate(t, "", append([]string{"render", "--data-dir", t.TempDir()}, args...)...)
}

// The newest commit of a repository is printed in the order in which it would be applied, and which commit that was
// stands on stderr, out of the way of a pipe.
func TestRenderPrintsTheNewestCommit(t *testing.T) {
	dir, _, second := fleet(t)
	r := renderCommand(t, dir, "--path", "prod")
	if r.code != 0 {
		t.Fatal(r.stderr)
	}
	golden(t, "render-v2.yaml", r.stdout)
	if !strings.Contains(r.stderr, second) || !strings.Contains(r.stderr, "agent: version 2") {
		t.Errorf("stderr does not name the commit: %s", r.stderr)
	}
}

// What is changed in the work tree and not committed is not what daemongate run would apply, so it is not printed.
func TestRenderDoesNotReadTheWorkTree(t *testing.T) {
	dir, _, _ := fleet(t)
	gittest.Write(t, filepath.Join(dir, "prod", "kustomization.yaml"), "not: [even, yaml")
	if r := renderCommand(t, dir, "--path", "prod"); r.code != 0 {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}

// Every way to name a commit leads to it: branch, tag, full ref name and hash.
func TestRenderFindsTheCommitByAnyName(t *testing.T) {
	dir, first, second := fleet(t)
	for _, c := range []struct{ flag, name, image string }{
		{"--ref", "main", "agent:v2"},
		{"--ref", "v1", "agent:v1"},
		{"--ref", "refs/tags/v1", "agent:v1"},
		{"--ref", "refs/heads/main", "agent:v2"},
		{"--commit", first, "agent:v1"},
		{"--commit", second, "agent:v2"},
	} {
		r := renderCommand(t, dir, "--path", "prod", c.flag, c.name)
		if r.code != 0 || !strings.Contains(r.stdout, c.image) {
			t.Errorf("%s %s: exit code %d, %s", c.flag, c.name, r.code, r.stderr)
		}
	}
}

// A folder that is no repository is rendered as it is.
func TestRenderTakesAPlainFolder(t *testing.T) {
	dir := t.TempDir()
	copyFleet(t, dir)
	r := renderCommand(t, dir, "--path", "prod")
	if r.code != 0 || !strings.Contains(r.stdout, "agent:v1") || r.stderr != "" {
		t.Errorf("exit code %d, stderr %s", r.code, r.stderr)
	}
}

// What cannot be rendered exits 1, prints no half of it, and says where the trouble is and what there is instead.
func TestRenderExplainsWhatIsWrong(t *testing.T) {
	dir, _, _ := fleet(t)
	plain := t.TempDir()
	copyFleet(t, plain)
	broken := t.TempDir()
	gittest.Write(t, filepath.Join(broken, "agent.yaml"), "kind: DaemonSet\nmetadata: [")
	twice := t.TempDir()
	gittest.Write(t, filepath.Join(twice, "a.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
	gittest.Write(t, filepath.Join(twice, "b.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"missing path":     {[]string{dir, "--path", "staging"}, []string{"staging"}},
		"missing ref":      {[]string{dir, "--ref", "mian"}, []string{"mian does not exist", "main"}},
		"unknown hash":     {[]string{dir, "--commit", "abc"}, []string{"abc does not exist", "main"}},
		"no repository":    {[]string{filepath.Join(dir, "nowhere")}, []string{"nowhere"}},
		"ref of a folder":  {[]string{plain, "--ref", "main"}, []string{"no Git repository"}},
		"out of the tree":  {[]string{plain, "--path", "../"}, []string{"out of the tree"}},
		"broken YAML":      {[]string{broken}, []string{"agent.yaml"}},
		"duplicate object": {[]string{twice}, []string{"ConfigMap", "b.yaml"}},
		"secret in a URL":  {[]string{"http://me:hunter2@127.0.0.1:1/x.git"}, []string{"127.0.0.1:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := renderCommand(t, c.args...)
			if r.code != 1 || r.stdout != "" {
				t.Errorf("exit code %d, stdout %s", r.code, r.stdout)
			}
			for _, want := range c.says {
				if !strings.Contains(r.stderr, want) {
					t.Errorf("stderr does not say %q: %s", want, r.stderr)
				}
			}
			if strings.Contains(r.stderr, "hunter2") {
				t.Errorf("stderr holds the password: %s", r.stderr)
			}
		})
	}
}

// What kustomize drops is a warning, and an error with --strict: nothing is printed then.
func TestRenderSaysWhatKustomizeDrops(t *testing.T) {
	dir := t.TempDir()
	gittest.Write(t, filepath.Join(dir, "a.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
	gittest.Write(t, filepath.Join(dir, "kustomization.yaml"),
		"resources: [a.yaml]\npatches:\n- target: {kind: ConfigMap, name: b}\n  patch: |\n    - {op: add, path: "+
			"/data, value: {a: b}}\n")
	const said = "warning: kustomization.yaml: line 4: patches: its target (kind ConfigMap, name b) is no object"
	if r := renderCommand(t, dir); r.code != 0 || !strings.Contains(r.stderr, said) ||
		!strings.Contains(r.stdout, "ConfigMap") {
		t.Errorf("exit code %d, %s%s", r.code, r.stdout, r.stderr)
	}
	if r := renderCommand(t, dir, "--strict"); r.code != 1 || !strings.Contains(r.stderr, said) || r.stdout != "" {
		t.Errorf("strict: exit code %d, %s%s", r.code, r.stdout, r.stderr)
	}
}
