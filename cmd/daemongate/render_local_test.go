package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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

// A folder of a work tree stands for that folder of the newest commit, so that its bases beside it are found. What is not
// committed is read where that is asked for.
func TestRenderTakesAFolderOfAWorkTree(t *testing.T) {
	dir, _, second := fleet(t)
	folder := filepath.Join(dir, "prod")
	overlay := filepath.Join(folder, "kustomization.yaml")
	text, err := os.ReadFile(overlay)
	check(t, err)
	write(t, overlay, strings.Replace(string(text), "newTag: v2", "newTag: v3", 1))
	if r := renderCommand(t, folder); r.code != 0 || !strings.Contains(r.stdout, "agent:v2") || !strings.Contains(r.stderr, second) {
		t.Errorf("the commit: exit code %d, %s", r.code, r.stderr)
	}
	if r := renderCommand(t, folder, "--worktree"); r.code != 0 || !strings.Contains(r.stdout, "agent:v3") {
		t.Errorf("the work tree: exit code %d, %s", r.code, r.stderr)
	}
	if r := renderCommand(t, dir, "--worktree", "--path", "prod"); r.code != 0 || !strings.Contains(r.stdout, "agent:v3") {
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

// A partial clone is rendered as long as it has the files of the commit that is asked for, shallow or not.
func TestRenderOfAPartialClone(t *testing.T) {
	origin, first, second := fleet(t)
	git(t, origin, "config", "uploadpack.allowFilter", "true")
	clones := t.TempDir()
	for name, args := range map[string][]string{
		"blobless": {"--filter=blob:none"}, "treeless": {"--filter=tree:0"}, "shallow": {"--depth=1"},
		"shallow and blobless": {"--depth=1", "--filter=blob:none"}, "sparse": {"--filter=blob:none", "--sparse"},
		"bare": {"--bare"}, "shared": {"--shared"},
	} {
		t.Run(name, func(t *testing.T) {
			clone := filepath.Join(clones, name)
			git(t, clones, append(append([]string{"clone", "-q"}, args...), "file://"+origin, clone)...)
			if name == "sparse" {
				git(t, clone, "sparse-checkout", "set", "--cone", "base", "prod")
			}
			r := renderCommand(t, clone, "--path", "prod")
			if r.code != 0 || !strings.Contains(r.stdout, "agent:v2") || !strings.Contains(r.stderr, second) {
				t.Errorf("exit code %d: %s", r.code, r.stderr)
			}
			r = renderCommand(t, clone, "--path", "prod", "--commit", first)
			switch partial, shallow := strings.Contains(name, "blobless") || name == "treeless" || name == "sparse", strings.Contains(name, "shallow"); {
			case shallow:
				if r = renderCommand(t, clone, "--commit", "HEAD~1"); r.code != 1 || !strings.Contains(r.stderr, "shallow") {
					t.Errorf("a commit that is not there: exit code %d: %s", r.code, r.stderr)
				}
			case !partial:
				if r.code != 0 || !strings.Contains(r.stdout, "agent:v1") {
					t.Errorf("the first commit: exit code %d: %s", r.code, r.stderr)
				}
			case r.code != 1 || !strings.Contains(r.stderr, "partial clone") || !strings.Contains(r.stderr, "--refetch"):
				t.Errorf("a commit whose files are not there: exit code %d: %s", r.code, r.stderr)
			default:
				git(t, clone, "fetch", "-q", "--refetch", "--no-filter")
				if r := renderCommand(t, clone, "--path", "prod", "--commit", first); r.code != 0 {
					t.Errorf("after what was advised: exit code %d: %s", r.code, r.stderr)
				}
			}
		})
	}
}
