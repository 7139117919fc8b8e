package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"sigs.k8s.io/yaml"

	"github.com/daemongate/daemongate/gitsource/gittest"
)

// manFolder keeps the manual pages: make man.
var manFolder = flag.String("man", "", "folder for the manual pages (default: one that is removed)")

// Every command that people call has a manual page, with what it is for.
func TestEveryCommandHasAManualPage(t *testing.T) {
	folder := *manFolder
	if folder == "" {
		folder = t.TempDir()
	}
	root := newRoot("daemongate")
	root.DisableAutoGenTag = true
	at := time.Unix(0, 0)
	check(t, doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "Daemongate", Manual: "Daemongate", Date: &at}, folder))
	pages := 0
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		text, err := os.ReadFile(filepath.Join(folder, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"))
		if err != nil || !strings.Contains(string(text), ".SH SYNOPSIS") || len(c.Short) == 0 {
			t.Errorf("%s: %v", c.CommandPath(), err)
		}
		pages++
		for _, below := range c.Commands() {
			if below.IsAvailableCommand() {
				look(below)
			}
		}
	}
	look(root)
	if pages < 15 {
		t.Errorf("only %d pages", pages)
	}
}

// As a plugin of kubectl every example calls the program as its user does.
func TestExamplesCallThePluginAsTheUserDoes(t *testing.T) {
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		for _, line := range strings.Split(c.Example, "\n") {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "daemongate ") || strings.Contains(line, "| daemongate ") {
				t.Errorf("%s: %s", c.CommandPath(), line)
			}
		}
		for _, below := range c.Commands() {
			look(below)
		}
	}
	look(newRoot("kubectl-daemongate"))
}

// Where no cluster answers, completing a name offers nothing, soon, and writes no error into the command line. The
// script for kubectl hands its arguments on.
func TestCompletionOfNamesIsSilentWithoutACluster(t *testing.T) {
	deaf, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	check(t, err)
	defer deaf.Close()
	kubeconfig := kubeconfigOf(t, "http://"+deaf.Addr().String())
	for _, command := range []string{"explain", "status"} {
		began := time.Now()
		args := append([]string{"__complete"}, strings.Fields(command)...)
		r := daemongate(t, "", append(args, "--kubeconfig", kubeconfig, "")...)
		if r.code != 0 || !strings.HasPrefix(r.stdout, ":") || strings.Contains(r.stderr, "rror") {
			t.Errorf("%s: exit code %d\n%s%s", command, r.code, r.stdout, r.stderr)
		}
		if took := time.Since(began); took > 5*time.Minute {
			t.Errorf("%s: took %s", command, took)
		}
	}
	if r := daemongate(t, "", "completion", "kubectl"); !strings.HasPrefix(r.stdout, "#!/bin/sh\n") ||
		!strings.Contains(r.stdout, `kubectl-daemongate __complete "$@"`) {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
}

// kubeconfigOf leads to an API server that asks for no credentials.
func kubeconfigOf(t *testing.T, server string) string {
	t.Helper()
	kubeconfig := filepath.Join(t.TempDir(), "config")
	check(t, os.WriteFile(kubeconfig, fmt.Appendf(nil, `{apiVersion: v1, kind: Config, current-context: c,
  clusters: [{name: c, cluster: {server: %q}}], contexts: [{name: c, context: {cluster: c, user: u}}],
  users: [{name: u, user: {}}]}`, server), 0o600))
	return kubeconfig
}

// Who is new asks in the wrong place, and is told where to look instead: there is no Sync of that name in this
// namespace, or none at all, or the cluster knows of no Syncs, or there is no cluster.
func TestWhoIsNewIsToldWhereToLook(t *testing.T) {
	answers := map[string]string{
		"/apis/daemongate.io/v1alpha1/namespaces/logging/syncs/agents": `{"kind": "Status", "status": "Failure",
			"reason": "NotFound", "code": 404, "details": {"name": "agents", "group": "daemongate.io", "kind": "syncs"}}`,
		"/apis/daemongate.io/v1alpha1/namespaces/logging/syncs": `{"apiVersion": "daemongate.io/v1alpha1",
			"kind": "SyncList", "metadata": {"resourceVersion": "1"}, "items": []}`,
		"/apis/daemongate.io/v1alpha1/syncs": `{"apiVersion": "daemongate.io/v1alpha1", "kind": "SyncList",
			"metadata": {"resourceVersion": "1"}, "items": []}`,
	}
	installed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := answers[r.URL.Path]
		w.Header().Set("Content-Type", "application/json")
		if !known || strings.Contains(answer, "404") {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, answer)
	}))
	defer installed.Close()
	bare := httptest.NewServer(http.NotFoundHandler())
	defer bare.Close()
	there, without := kubeconfigOf(t, installed.URL), kubeconfigOf(t, bare.URL)
	for _, a := range []asked{
		{there, "get", 0, []string{"there is no Sync in namespace logging: -A lists those of all namespaces"}},
		{there, "get -A", 0, []string{"there is no Sync in the cluster"}},
		{there, "get -o json", 0, []string{"[]"}},
		{there, "get agents", 1, []string{"Sync logging/agents", "`daemongate get -A`", "with -n"}},
		{there, "status agents", 1, []string{"`daemongate get -A`", "with -n"}},
		{there, "watch agents --plain", 1, []string{"`daemongate get -A`", "with -n"}},
		{without, "explain agents", 1, []string{"not installed in this cluster", "`daemongate explain ds/NAME`"}},
		{without, "get", 1, []string{"not installed in this cluster", "`daemongate rollout status ds/NAME`"}},
	} {
		a.ask(t)
	}
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	if r := daemongate(t, "", "explain", "ds/agent"); r.code != 1 ||
		!strings.Contains(r.stderr, "there is no kubeconfig file") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}

// krewPlugin is what krew reads of a manifest.
type krewPlugin struct {
	APIVersion string                `json:"apiVersion"`
	Kind       string                `json:"kind"`
	Metadata   struct{ Name string } `json:"metadata"`
	Spec       struct {
		Version, ShortDescription, Description, Homepage, Caveats string
		Platforms                                                 []struct {
			URI, SHA256, Bin string
			Selector         struct{ MatchLabels map[string]string }
		}
	} `json:"spec"`
}

// The manifest keeps the rules by which krew takes a plugin (internal/index/validation of kubernetes-sigs/krew: they
// cannot be imported) and those of its index (docs/NAMING_GUIDE, plugin manifest best practices): no field that krew
// does not know, a short description of one line, 50 characters at most, a version with a v, a checksum per archive.
func TestKrewTakesTheManifest(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"linux_amd64", "darwin_arm64"} {
		check(t, os.WriteFile(filepath.Join(folder, "daemongate_"+name+".tar.gz"), []byte(name), 0o600))
	}
	text, err := exec.CommandContext(t.Context(), filepath.Join("..", "..", ".ci", "krew-manifest"), "v1.2.3",
		"https://git.example.com/releases/v1.2.3/", folder).Output()
	check(t, err)
	var p krewPlugin
	check(t, yaml.UnmarshalStrict(text, &p))
	if p.APIVersion != "krew.googlecontainertools.github.com/v1alpha2" || p.Kind != "Plugin" ||
		!regexp.MustCompile(`^[a-z][a-z-]+$`).MatchString(p.Metadata.Name) {
		t.Errorf("%+v", p)
	}
	_, err = semver.StrictNewVersion(strings.TrimPrefix(p.Spec.Version, "v"))
	if short := p.Spec.ShortDescription; err != nil || p.Spec.Version[0] != 'v' || short == "" || len(short) > 50 ||
		strings.ContainsAny(short, "\r\n") || strings.HasSuffix(short, ".") || strings.Contains(p.Spec.Homepage, "master") {
		t.Errorf("%+v %v", p.Spec, err)
	}
	takesPlatforms(t, p)
	if err := exec.CommandContext(t.Context(), filepath.Join("..", "..", ".ci", "krew-manifest"), "v1.2.3", "https://x",
		t.TempDir()).Run(); err == nil {
		t.Error("a manifest without archives")
	}
}

// The version that make gives the plugin is one that krew takes, with a tag and without one. A bare hash is none, and is
// refused before there is a manifest with it.
func TestKrewTakesTheVersion(t *testing.T) {
	ci, err := filepath.Abs(filepath.Join("..", "..", ".ci"))
	check(t, err)
	folder := t.TempDir()
	check(t, os.WriteFile(filepath.Join(folder, "daemongate_linux_amd64.tar.gz"), []byte("archive"), 0o600))
	dir := t.TempDir()
	hash := gittest.Commit(t, dir, "a.txt", "1")
	takes := func(begins, ends string) {
		t.Helper()
		c := exec.CommandContext(t.Context(), filepath.Join(ci, "version"))
		c.Dir = dir
		out, err := c.Output()
		check(t, err)
		version := strings.TrimSpace(string(out))
		if !strings.HasPrefix(version, begins) || !strings.HasSuffix(version, ends) {
			t.Errorf("%s, want %s…%s", version, begins, ends)
		}
		if _, err := semver.StrictNewVersion(strings.TrimPrefix(version, "v")); err != nil {
			t.Errorf("%s: %v", version, err)
		}
		if err := exec.CommandContext(t.Context(), filepath.Join(ci, "krew-manifest"), version, "https://x",
			folder).Run(); err != nil {
			t.Errorf("%s: %v", version, err)
		}
	}
	takes("v0.0.0-20", "-"+hash[:12])
	gittest.Write(t, filepath.Join(dir, "a.txt"), "2")
	takes("v0.0.0-20", "-"+hash[:12]+"-dirty")
	gittest.Commit(t, dir, "a.txt", "3")
	gittest.Run(t, dir, "tag", "vnext")
	gittest.Run(t, dir, "tag", "v1")
	takes("v0.0.0-20", "")
	gittest.Run(t, dir, "tag", "v1.2.3")
	takes("v1.2.3", "v1.2.3")
	hash = gittest.Commit(t, dir, "a.txt", "4")
	takes("v1.2.3-1-g"+hash[:7], "")
	for _, version := range []string{hash, hash[:7], "1.2.3", "v1.2", "unknown"} {
		if err := exec.CommandContext(t.Context(), filepath.Join(ci, "krew-manifest"), version, "https://x",
			folder).Run(); err == nil {
			t.Errorf("a manifest of version %s", version)
		}
	}
}

// takesPlatforms holds what is said of each archive against krew's rules.
func takesPlatforms(t *testing.T, p krewPlugin) {
	t.Helper()
	if len(p.Spec.Platforms) != 2 {
		t.Fatalf("%+v", p.Spec.Platforms)
	}
	for _, one := range p.Spec.Platforms {
		labels := one.Selector.MatchLabels
		if len(labels) != 2 || !strings.HasSuffix(one.URI, "/v1.2.3/daemongate_"+labels["os"]+"_"+labels["arch"]+".tar.gz") ||
			!regexp.MustCompile(`^[a-f0-9]{64}$`).MatchString(one.SHA256) || one.Bin != "kubectl-daemongate" {
			t.Errorf("%+v", one)
		}
	}
}
