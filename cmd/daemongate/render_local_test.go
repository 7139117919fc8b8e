package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource/gittest"
)

// Every way in which git names a commit of a local repository does.
func TestRenderFindsALocalCommitByAnyRevision(t *testing.T) {
	dir, first, second := fleet(t)
	for revision, image := range map[string]string{
		"HEAD": "agent:v2", "HEAD~1": "agent:v1", "main^": "agent:v1", "v1": "agent:v1", "@": "agent:v2",
		first[:7]: "agent:v1", second[:10]: "agent:v2", "refs/heads/main": "agent:v2", first: "agent:v1",
	} {
		for _, flag := range []string{"--commit", "--ref"} {
			r := renderCommand(t, dir, "--path", "prod", flag, revision)
			if r.code != 0 || !strings.Contains(r.stdout, image) {
				t.Errorf("%s %s: exit code %d, %s", flag, revision, r.code, r.stderr)
			}
		}
	}
}

// A folder of a work tree stands for that folder of the newest commit, so that its bases beside it are found. What is
// not committed is read where that is asked for.
func TestRenderTakesAFolderOfAWorkTree(t *testing.T) {
	dir, _, second := fleet(t)
	folder := filepath.Join(dir, "prod")
	overlay := filepath.Join(folder, "kustomization.yaml")
	text, err := os.ReadFile(overlay)
	check(t, err)
	gittest.Write(t, overlay, strings.Replace(string(text), "newTag: v2", "newTag: v3", 1))
	if r := renderCommand(t, folder); r.code != 0 || !strings.Contains(r.stdout, "agent:v2") ||
		!strings.Contains(r.stderr, second) {
		t.Errorf("the commit: exit code %d, %s", r.code, r.stderr)
	}
	if r := renderCommand(t, folder, "--worktree"); r.code != 0 || !strings.Contains(r.stdout, "agent:v3") {
		t.Errorf("the work tree: exit code %d, %s", r.code, r.stderr)
	}
	if r := renderCommand(t, dir, "--worktree", "--path", "prod"); r.code != 0 ||
		!strings.Contains(r.stdout, "agent:v3") {
		t.Errorf("the work tree by its root: exit code %d, %s", r.code, r.stderr)
	}
	link := filepath.Join(t.TempDir(), "link")
	check(t, os.Symlink(folder, link))
	if r := renderCommand(t, link); r.code != 0 || !strings.Contains(r.stdout, "agent:v2") {
		t.Errorf("by a link: exit code %d, %s", r.code, r.stderr)
	}
	check(t, os.Mkdir(filepath.Join(dir, "new"), 0o700))
	if r := renderCommand(t, filepath.Join(dir, "new")); r.code != 1 || !strings.Contains(r.stderr, "--worktree") {
		t.Errorf("a folder without a commit: exit code %d, %s", r.code, r.stderr)
	}
	if r := renderCommand(t, dir, "--worktree", "--commit", "HEAD"); r.code != 2 {
		t.Errorf("both at once: exit code %d, %s", r.code, r.stderr)
	}
}

// clonesOf are clones of a repository, of every kind that a CI job may have.
func clonesOf(t *testing.T, origin string) map[string]string {
	t.Helper()
	gittest.Run(t, origin, "config", "uploadpack.allowFilter", "true")
	folder, clones := t.TempDir(), map[string]string{}
	for name, args := range map[string][]string{
		"blobless": {"--filter=blob:none"}, "treeless": {"--filter=tree:0"}, "shallow": {"--depth=1"},
		"shallow and blobless": {"--depth=1", "--filter=blob:none"}, "sparse": {"--filter=blob:none", "--sparse"},
		"bare": {"--bare"}, "shared": {"--shared"},
	} {
		clones[name] = filepath.Join(folder, name)
		gittest.Run(t, folder, append(append([]string{"clone", "-q"}, args...), "file://"+origin, clones[name])...)
	}
	gittest.Run(t, clones["sparse"], "sparse-checkout", "set", "--cone", "base", "prod")
	return clones
}

// A clone of any kind is rendered as long as it has the files of the commit that is asked for.
func TestRenderOfAnyClone(t *testing.T) {
	origin, _, second := fleet(t)
	for name, clone := range clonesOf(t, origin) {
		r := renderCommand(t, clone, "--path", "prod")
		if r.code != 0 || !strings.Contains(r.stdout, "agent:v2") || !strings.Contains(r.stderr, second) {
			t.Errorf("%s: exit code %d: %s", name, r.code, r.stderr)
		}
	}
}

// A clone that lacks the commit, or files of it, is said to, with what brings them; and that does.
func TestRenderOfWhatACloneLacks(t *testing.T) {
	origin, first, _ := fleet(t)
	clones := clonesOf(t, origin)
	for _, name := range []string{"blobless", "treeless", "sparse"} {
		r := renderCommand(t, clones[name], "--path", "prod", "--commit", first)
		if r.code != 1 || !strings.Contains(r.stderr, "partial clone") || !strings.Contains(r.stderr, "--refetch") {
			t.Errorf("%s: exit code %d: %s", name, r.code, r.stderr)
		}
		gittest.Run(t, clones[name], "fetch", "-q", "--refetch", "--no-filter")
		if r := renderCommand(t, clones[name], "--path", "prod", "--commit", first); r.code != 0 {
			t.Errorf("%s, after what was advised: exit code %d: %s", name, r.code, r.stderr)
		}
	}
	for _, name := range []string{"shallow", "shallow and blobless"} {
		if r := renderCommand(t, clones[name], "--commit", "HEAD~1"); r.code != 1 ||
			!strings.Contains(r.stderr, "shallow") {
			t.Errorf("%s: exit code %d: %s", name, r.code, r.stderr)
		}
	}
	for _, name := range []string{"bare", "shared"} {
		if r := renderCommand(t, clones[name], "--path", "prod", "--commit", first); r.code != 0 ||
			!strings.Contains(r.stdout, "agent:v1") {
			t.Errorf("%s: exit code %d: %s", name, r.code, r.stderr)
		}
	}
}

// A repository in which nothing was committed yet is said to be one.
func TestRenderOfARepositoryWithoutACommit(t *testing.T) {
	dir := t.TempDir()
	gittest.Run(t, dir, "init", "-q")
	if r := renderCommand(t, dir); r.code != 1 || !strings.Contains(r.stderr, "has no commit on its branch yet") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}
