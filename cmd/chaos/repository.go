package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// repository is where a run's commits are pushed, and the Git server by which the controllers read them.
type repository struct {
	bare, work string
	url        string
	down       atomic.Bool
	server     *server
}

// newRepository makes an empty one of the cluster's, behind a server of its own that can be down. asks is told of all
// that is asked of it, and returns whether it was forwarded.
func newRepository(ctx context.Context, gitURL, bare, work string, asks func(step, func()) bool) (*repository, error) {
	r := &repository{bare: bare, work: work}
	target, err := url.Parse(gitURL)
	if err != nil {
		return nil, err
	}
	proxy := &httputil.ReverseProxy{ErrorLog: quiet, Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }}
	r.server, err = serve(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if r.down.Load() {
			http.Error(w, "the Git server is down", http.StatusBadGateway)
			return
		}
		if !asks(gitStepOf(q), func() { proxy.ServeHTTP(w, q) }) {
			http.Error(w, "nobody is there", http.StatusBadGateway)
		}
	}))
	if err != nil {
		return nil, err
	}
	r.url = r.server.url + "/" + filepath.Base(bare)
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, err
	}
	_, err = r.git(ctx, "init", "-q", "-b", "main")
	return r, err
}

// push commits the files, in the place of the last commit if that is rewritten, and returns the commit's hash.
func (r *repository) push(ctx context.Context, f *files, c commit) (string, error) {
	if _, err := r.git(ctx, "rm", "-rqf", "--ignore-unmatch", "."); err != nil {
		return "", err
	}
	for name, text := range f.texts() {
		if err := os.WriteFile(filepath.Join(r.work, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	commit := []string{"commit", "-q", "--allow-empty", "-m", c.subject}
	if c.rewrite {
		commit = append(commit, "--amend")
	}
	for _, args := range [][]string{{"add", "-A"}, commit, {"push", "-q", "--force", r.bare, "main"}} {
		if _, err := r.git(ctx, args...); err != nil {
			return "", err
		}
	}
	return r.git(ctx, "rev-parse", "HEAD")
}

// git runs git in the work tree, untouched by the configuration of who runs this.
func (r *repository) git(ctx context.Context, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "git", args...)
	c.Dir = r.work
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada",
		"GIT_COMMITTER_EMAIL=ada@example.com")
	out, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w\n%s", args[0], err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
