package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// repository is the work tree of the person who pushes.
type repository struct{ dir, url string }

// clone makes the work tree of an empty repository.
func clone(ctx context.Context, url, dir string) (*repository, error) {
	r := &repository{dir: dir, url: url}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"remote", "add", "origin", url}} {
		if _, err := r.git(ctx, args...); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// push commits the files and pushes them. It returns the commit's hash.
func (r *repository) push(ctx context.Context, f *files, subject string) (string, error) {
	if err := f.write(r.dir); err != nil {
		return "", err
	}
	for _, args := range [][]string{{"add", "-A"}, {"commit", "-q", "--allow-empty", "-m", subject},
		{"push", "-q", "origin", "main"}} {
		if _, err := r.git(ctx, args...); err != nil {
			return "", err
		}
	}
	return r.git(ctx, "rev-parse", "HEAD")
}

// noted is what the repository's notes say about a commit.
func noted(ctx context.Context, r *repository, commit string) (string, error) {
	if _, err := r.git(ctx, "fetch", "-q", "origin", "+refs/notes/*:refs/notes/*"); err != nil {
		return "", err
	}
	return r.git(ctx, "log", "-1", "--notes=daemongate/*", "--format=%N", commit)
}

// printNotes prints the history with its notes.
func printNotes(ctx context.Context, p *player, out io.Writer) error {
	log, err := p.repo.git(ctx, "log", "--notes=daemongate/*", "--format=%h %s%n%N")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\n── git log --notes='daemongate/*'\n%s\n", log)
	return err
}

// git runs git in the work tree, untouched by the configuration of who runs the demo.
func (r *repository) git(ctx context.Context, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "git", args...)
	c.Dir = r.dir
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada",
		"GIT_COMMITTER_EMAIL=ada@example.com")
	out, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w\n%s", args[0], err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
