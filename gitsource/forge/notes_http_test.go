package forge_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/remote"
)

const secret = "s3cr3t w0rd"

// server serves a repository over http, to ada only, and counts what it is asked.
type server struct {
	*httptest.Server
	requests atomic.Int64
	meddle   atomic.Value // func(), called before a push is taken
}

func serve(r *repo) *server {
	r.Helper()
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		r.Fatal(err)
	}
	r.git("config", "http.receivepack", "true")
	backend := &cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Stderr: io.Discard, // of those who were late
		Env: []string{"GIT_PROJECT_ROOT=" + r.dir, "GIT_HTTP_EXPORT_ALL=1", "HOME=" + r.dir,
			"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"}}
	s := &server{}
	s.meddle.Store(func() {})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if user, password, _ := req.BasicAuth(); user != "ada" || password != secret {
			http.Error(w, "not you, "+user+":"+password, http.StatusUnauthorized)
			return
		}
		s.requests.Add(1)
		if strings.HasSuffix(req.URL.Path, "/git-receive-pack") {
			s.meddle.Load().(func())()
		}
		backend.ServeHTTP(w, req)
	}))
	r.Cleanup(s.Close)
	return s
}

// Over http with a password: a report is an advertisement and a push, and nothing is fetched that was pushed from here.
func TestNotesOverHTTP(t *testing.T) {
	r, commits := newRepo(t, 1)
	s := serve(r)
	n := forge.NewNotes(s.URL+"/.git", "", remote.Auth{Username: "ada", Password: secret}, t.TempDir())
	for i := range 3 {
		report(t, n, status(commits[0], "daemongate/prod", forge.Pending, fmt.Sprintf("%d of 4 quarters", i)))
	}
	if got := s.requests.Load(); got != 6 {
		t.Errorf("3 reports were %d requests, want 6", got)
	}
	report(t, n, status(commits[0], "daemongate/prod", forge.Pending, "2 of 4 quarters"))
	if got := s.requests.Load(); got != 7 {
		t.Errorf("a report of nothing new was %d requests, want 1", got-6)
	}
	if got := r.note(commits[0]); got != "daemongate/prod: pending: 2 of 4 quarters" {
		t.Errorf("the note is %q", got)
	}
}

// A cluster that knows where it has left its ref pushes there in one request, however many refs there are, and asks
// where the ref is when that goes wrong: somebody has moved it, or taken it away, or the server wants to be asked.
func TestAClusterPushesItsOwnRefAtOnce(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 2)
	s := serve(r)
	folder := t.TempDir()
	opened := func() *forge.Notes {
		return forge.NewNotes(s.URL+"/.git", "eu", remote.Auth{Username: "ada", Password: secret}, folder)
	}
	n, said := opened(), 0
	reports := func(want int64, why string) {
		t.Helper()
		said++
		before, text := s.requests.Load(), fmt.Sprintf("%d of 9 quarters", said)
		report(t, n, status(commits[0], "daemongate/eu", forge.Pending, text))
		if got := s.requests.Load() - before; got != want {
			t.Errorf("%s: %d requests, want %d", why, got, want)
		}
		if got := r.git("notes", "--ref=daemongate/eu", "show", commits[0]); !strings.HasSuffix(got, "daemongate/eu: pending: "+text) {
			t.Errorf("%s: the note is %q", why, got)
		}
	}
	ref := forge.RefOf("eu")
	reports(2, "the first")
	reports(1, "the next")
	n = opened()
	reports(1, "after a restart")
	r.git("notes", "--ref=daemongate/eu", "add", "-f", "-m", "theirs", commits[0])
	reports(5, "somebody has pushed there") // refused, asked, fetched in two, pushed
	if got := r.git("notes", "--ref=daemongate/eu", "show", commits[0]); !strings.HasPrefix(got, "theirs") {
		t.Errorf("the note is %q", got)
	}
	reports(1, "after that")
	r.git("update-ref", "-d", ref)
	reports(3, "somebody has taken it away")
	s.meddle.Store(func() {
		s.meddle.Store(func() {})
		panic(http.ErrAbortHandler)
	})
	reports(3, "the server has cut it")
	reports(1, "after that")
}

// What was fetched of a ref is its newest commit, whatever was before it; who signs finds what was signed last all the
// same.
func TestAWriterFetchesNoHistory(t *testing.T) {
	t.Parallel()
	r, commits := newRepo(t, 1)
	s := serve(r)
	to := func(folder string) *forge.Notes {
		return forge.NewNotes(s.URL+"/.git", "eu", remote.Auth{Username: "ada", Password: secret}, folder)
	}
	first := to(t.TempDir())
	for i := range 5 {
		report(t, first, status(commits[0], "daemongate/eu", forge.Pending, fmt.Sprint(i)))
	}
	folder := t.TempDir()
	report(t, to(folder), status(commits[0], "daemongate/eu", forge.Success, "Complete"))
	dirs, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("%v, %v", dirs, err)
	}
	kinds := r.git("--git-dir="+dirs[0], "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)")
	if n := strings.Count(kinds, "commit"); n != 2 {
		t.Errorf("%d commits of notes are there, want the newest and the one on top of it", n)
	}
}

// Somebody writes between our look and our push: both lines are there in the end.
func TestPushThatCameTooLate(t *testing.T) {
	r, commits := newRepo(t, 1)
	s := serve(r)
	var pushes atomic.Int64
	s.meddle.Store(func() {
		if i := pushes.Add(1); i <= 3 {
			r.git("notes", "--ref=daemongate", "append", "-m", fmt.Sprintf("theirs %d", i), commits[0])
		}
	})
	n := forge.NewNotes(s.URL+"/.git", "", remote.Auth{Username: "ada", Password: secret}, t.TempDir())
	report(t, n, status(commits[0], "ours", forge.Success, "Complete"))
	if got := r.note(commits[0]); got != "theirs 1\n\ntheirs 2\n\ntheirs 3\nours: success: Complete" {
		t.Fatalf("the note is %q", got)
	}
	if got := pushes.Load(); got != 4 {
		t.Errorf("%d pushes, want 4", got)
	}
}

// A password that was exchanged is used with the next write: it is read anew each time.
func TestNotesFollowTheirCredentials(t *testing.T) {
	r, commits := newRepo(t, 1)
	s := serve(r)
	password := "old"
	n := forge.NewNotesFrom(s.URL+"/.git", "", func(context.Context) (remote.Auth, error) {
		return remote.Auth{Username: "ada", Password: password}, nil
	}, t.TempDir(), remote.Reach{})
	letter := status(commits[0], "daemongate/prod", forge.Success, "Complete")
	if err := n.Report(t.Context(), []forge.Status{letter}).Err(); err == nil {
		t.Fatal("the old password was taken")
	}
	password = secret
	report(t, n, letter)
}

// The server does not want us: the error says so, and repeats no password.
func TestNotesWithoutTheRight(t *testing.T) {
	r, commits := newRepo(t, 1)
	s := serve(r)
	for _, url := range []string{s.URL + "/.git", strings.Replace(s.URL, "://", "://ada:wr0ng-w0rd@", 1) + "/.git"} {
		err := forge.NewNotes(url, "", remote.Auth{}, t.TempDir()).Report(t.Context(),
			[]forge.Status{status(commits[0], "a", forge.Success, "")}).Err()
		if err == nil || !strings.Contains(err.Error(), "credentials") || strings.Contains(err.Error(), "w0rd") {
			t.Errorf("the error is %v", err)
		}
	}
	r.git("config", "http.receivepack", "false")
	err := forge.NewNotes(s.URL+"/.git", "", remote.Auth{Username: "ada", Password: secret}, t.TempDir()).
		Report(t.Context(), []forge.Status{status(commits[0], "a", forge.Success, "")}).Err()
	if err == nil || !strings.Contains(err.Error(), "403") || !strings.Contains(err.Error(), "write") {
		t.Errorf("the error is %v", err)
	}
}
