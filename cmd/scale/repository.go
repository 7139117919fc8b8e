package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// repository is one that Syncs follow.
type repository struct{ url, bare, work string }

// newRepository makes an empty one of the cluster's.
func (s *stage) newRepository(ctx context.Context, name string) (r repository, err error) {
	r = repository{bare: s.cluster.RepoPath(name), work: filepath.Join(s.dir, "work", name)}
	if r.url, err = s.cluster.CreateRepo(name); err != nil {
		return r, err
	}
	if err := os.MkdirAll(r.work, 0o755); err != nil {
		return r, err
	}
	return r, r.git(ctx, "init", "-q", "-b", "main")
}

// push commits files, by their paths, and pushes the commit, whose hash it returns.
func (r repository) push(ctx context.Context, files map[string]string) (commit string, err error) {
	for name, text := range files {
		path := filepath.Join(r.work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	for _, args := range [][]string{{"add", "-A"}, {"commit", "-q", "-m", "change"}, {"push", "-q", r.bare, "main"}} {
		if err := r.git(ctx, args...); err != nil {
			return "", err
		}
	}
	head, err := os.ReadFile(filepath.Join(r.work, ".git", "refs", "heads", "main"))
	return strings.TrimSpace(string(head)), err
}

// git runs git in the work tree, untouched by the configuration of who runs this.
func (r repository) git(ctx context.Context, args ...string) error {
	c := exec.CommandContext(ctx, "git", append([]string{"-c", "gc.auto=0"}, args...)...)
	c.Dir = r.work
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada",
		"GIT_COMMITTER_EMAIL=ada@example.com")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w\n%s", args[0], err, out)
	}
	return nil
}
