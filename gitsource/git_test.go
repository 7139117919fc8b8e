package gitsource_test

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
)

// work is a repository with a worktree, driven by git itself.
type work struct {
	testing.TB
	dir string
}

func gitEnv(home string) []string {
	return append(os.Environ(),
		"HOME="+home, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_AUTHOR_DATE=2026-01-02T03:04:05Z",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
}

// newWork makes a repository with the branch main and no commit.
func newWork(t testing.TB, options ...string) *work {
	t.Helper()
	w := &work{t, t.TempDir()}
	w.git(append([]string{"init", "-q", "-b", "main"}, options...)...)
	w.configure()
	return w
}

// configure writes the configuration itself: a process for each line of it would cost more than most tests do.
func (w *work) configure() {
	w.Helper()
	f, err := os.OpenFile(filepath.Join(w.dir, ".git", "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		w.Fatal(err)
	}
	defer f.Close()
	_, err = f.WriteString("[http]\nreceivepack = true\n[receive]\ndenyCurrentBranch = ignore\n" +
		"[uploadpack]\nallowReachableSHA1InWant = false\n[gc]\nauto = 0\n[maintenance]\nauto = false\n")
	if err != nil {
		w.Fatal(err)
	}
}

func (w *work) git(args ...string) string {
	w.Helper()
	return w.gitIn("", args...)
}

func (w *work) gitIn(stdin string, args ...string) string {
	w.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = w.dir, gitEnv(w.dir), strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// write puts a file into the worktree.
func (w *work) write(name, content string) {
	w.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		w.Fatal(err)
	}
}

// commit commits the whole worktree and returns the hash.
func (w *work) commit(subject string) string {
	w.Helper()
	w.git("add", "-A")
	w.git("commit", "-q", "--allow-empty", "-m", subject)
	return w.git("rev-parse", "HEAD")
}

// change writes a file and commits.
func (w *work) change(name, content string) string {
	w.Helper()
	w.write(name, content)
	return w.commit("change " + name)
}

// host is a Git server over http: git's own http-backend over the folders in root.
type host struct {
	*httptest.Server
	adverts, fetches, pushes atomic.Int64
	looks, sent              atomic.Int64                                  // looks for a few refs; bytes of all answers
	user, password           string                                        // asked for, if set
	before                   func(http.ResponseWriter, *http.Request) bool // answers itself if true
}

func serve(t testing.TB, root string) *host {
	t.Helper()
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=tester",
			"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + root,
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
		Stderr: &discard{},
	}
	h := &host{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.user != "" {
			if user, password, _ := r.BasicAuth(); user != h.user || password != h.password {
				w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
				http.Error(w, "who is "+user+":"+password+"?", http.StatusUnauthorized)
				return
			}
		}
		h.count(r)
		w = &counted{w, &h.sent}
		if h.before == nil || !h.before(w, r) {
			backend.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *host) count(r *http.Request) {
	look := r.Header.Get("User-Agent") == "git/daemongate"
	switch {
	case look && r.Method == http.MethodPost:
		h.looks.Add(1)
	case look:
	case strings.HasSuffix(r.URL.Path, "/info/refs"):
		h.adverts.Add(1)
	case strings.HasSuffix(r.URL.Path, "/git-upload-pack"):
		h.fetches.Add(1)
	case strings.HasSuffix(r.URL.Path, "/git-receive-pack"):
		h.pushes.Add(1)
	}
}

// counted counts the bytes of an answer.
type counted struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	c.sent.Add(int64(len(p)))
	return c.ResponseWriter.Write(p)
}

func (c *counted) Flush() { c.ResponseWriter.(http.Flusher).Flush() }

type discard struct{}

func (*discard) Write(p []byte) (int, error) { return len(p), nil }

// open mirrors a URL in a store of its own.
func open(t testing.TB, url string, auth gitsource.Auth, o gitsource.Options) *gitsource.Repository {
	t.Helper()
	store := gitsource.Open(t.TempDir(), patient(o))
	t.Cleanup(store.Close)
	r, err := store.Repository(url, auth)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// patient are options that give a busy machine minutes where nobody wants less.
func patient(o gitsource.Options) gitsource.Options {
	if o.Idle == 0 {
		o.Idle = 5 * time.Minute
	}
	if o.PollTimeout == 0 {
		o.PollTimeout = 5 * time.Minute
	}
	return o
}

// head is the commit that the branch main is at.
func head(t testing.TB, r *gitsource.Repository) string {
	t.Helper()
	h, err := r.Head(t.Context(), gitsource.Ref{Branch: "main"})
	if err != nil {
		t.Fatal(err)
	}
	return h
}
