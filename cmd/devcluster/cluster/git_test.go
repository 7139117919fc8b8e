package cluster

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// A repository is made, pushed to and cloned over http, also with a pack so large that git sends it in chunks.
func TestPushAndClone(t *testing.T) {
	folder := newFolder(t)
	url, err := serveGit(t.Context(), folder.Repositories())
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.CreateRepository(t.Context(), "fleet"); err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	git(t, work, "init", "-q", "-b", "main")
	large := make([]byte, 3<<20)
	_, _ = rand.Read(large)
	if err := os.WriteFile(filepath.Join(work, "large"), large, 0o600); err != nil {
		t.Fatal(err)
	}
	git(t, work, "add", ".")
	git(t, work, "commit", "-q", "-m", "first")
	git(t, work, "push", "-q", url+"/fleet.git", "main")
	clone := filepath.Join(t.TempDir(), "clone")
	git(t, "", "clone", "-q", url+"/fleet.git", clone)
	if got, want := git(t, clone, "rev-parse", "HEAD"), git(t, work, "rev-parse", "HEAD"); got != want {
		t.Errorf("cloned %s, pushed %s", got, want)
	}
	if branch := git(t, clone, "branch", "--show-current"); branch != "main" {
		t.Errorf("the branch is %q, want main", branch)
	}
}

// A repository that is there already is not overwritten, and a name cannot lead out of the folder.
func TestRepositoryNames(t *testing.T) {
	folder := newFolder(t)
	for name, ok := range map[string]bool{"fleet": true, "../fleet": false, "": false, "a/b": false, ".git": false} {
		if err := folder.CreateRepository(t.Context(), name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := folder.CreateRepository(t.Context(), "fleet"); err == nil {
		t.Error("made twice")
	}
}
