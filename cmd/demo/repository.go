package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
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
	for _, args := range [][]string{{"add", "-A"}, {"commit", "-q", "--allow-empty", "-m", subject}, {"push", "-q", "origin", "main"}} {
		if _, err := r.git(ctx, args...); err != nil {
			return "", err
		}
	}
	return r.git(ctx, "rev-parse", "HEAD")
}

// notes returns what Daemongate wrote about the commits into the repository, once it says that the last one is done.
func (r *repository) notes(ctx context.Context, last string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		note := ""
		if _, err := r.git(ctx, "fetch", "-q", "origin", "+refs/notes/*:refs/notes/*"); err == nil {
			note, _ = r.git(ctx, "notes", "--ref=daemongate", "show", last)
		}
		if strings.Contains(note, "success") {
			return r.git(ctx, "log", "--notes=daemongate", "--format=%h %s%n%N")
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("refs/notes/daemongate does not say what became of %s: %q", last, note)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// git runs git in the work tree, untouched by the configuration of who runs the demo.
func (r *repository) git(ctx context.Context, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "git", args...)
	c.Dir = r.dir
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com")
	out, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w\n%s", args[0], err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
