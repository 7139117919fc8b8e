// Package gittest gives tests real Git repositories, and servers of them over http and ssh.
package gittest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Write makes a file with its folders.
func Write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Run runs git in a folder, with no configuration but the repository's own, and returns what it prints.
func Run(t testing.TB, dir string, args ...string) string {
	t.Helper()
	c := exec.Command("git", args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Commit writes a file of a repository, which is made if it is missing, commits all that changed, and returns the
// commit.
func Commit(t testing.TB, repo, file, text string) (commit string) {
	t.Helper()
	Write(t, filepath.Join(repo, file), text)
	Run(t, repo, "init", "-q", "-b", "main")
	Run(t, repo, "add", "-A")
	Run(t, repo, "commit", "-q", "-m", "change "+file)
	return Run(t, repo, "rev-parse", "HEAD")
}
