package gitsource_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// Branches, tags with and without an object of their own, any ref by name, and full commits.
func TestEveryKindOfRef(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	first := w.commit("a")
	w.git("tag", "light")
	w.git("tag", "-a", "-m", "annotated", "v1.0.0")
	w.git("tag", "-a", "-m", "of a tag", "nested", "v1.0.0")
	second := w.commit("b")
	w.git("update-ref", "refs/changes/12/1", second)
	w.git("update-ref", "refs/heads/feature/x", first)
	r := open(t, serve(t, w.dir).URL+"/.git", gitsource.Auth{}, gitsource.Options{})
	for _, c := range []struct {
		ref  gitsource.Ref
		want string
	}{
		{gitsource.Ref{Tag: "light"}, first},
		{gitsource.Ref{Tag: "v1.0.0"}, first},
		{gitsource.Ref{Tag: "nested"}, first},
		{gitsource.Ref{Branch: "feature/x"}, first},
		{gitsource.Ref{Branch: "main"}, second},
		{gitsource.Ref{Name: "refs/changes/12/1"}, second},
		{gitsource.Ref{Name: "HEAD"}, second},
		{gitsource.Ref{Commit: first}, first},
	} {
		if got, err := r.Head(t.Context(), c.ref); err != nil || got != c.want {
			t.Errorf("%s is at %s, want %s: %v", c.ref, got, c.want, err)
		}
	}
}

// A commit that no ref points at is found by way of the branches, and then costs nothing any more.
func TestCommitWithinABranch(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	first := w.commit("a")
	w.commit("b")
	server := serve(t, w.dir)
	r := open(t, server.URL+"/.git", gitsource.Auth{}, gitsource.Options{})
	for range 3 {
		if got, err := r.Head(t.Context(), gitsource.Ref{Commit: first}); err != nil || got != first {
			t.Fatalf("got %s, %v", got, err)
		}
	}
	expect(t, server, 1, 1)
	wrong(t, r, gitsource.Ref{Commit: strings.Repeat("1", 40)}, "is not in the repository", "push it")
}

// wrong expects an error that holds all the words.
func wrong(t *testing.T, r *gitsource.Repository, ref gitsource.Ref, words ...string) error {
	t.Helper()
	began := time.Now()
	_, err := r.Head(t.Context(), ref)
	if err == nil {
		t.Fatalf("%s: no error, want one of %q", ref, words)
	}
	if took := time.Since(began); took > 5*time.Minute {
		t.Errorf("the error took %s", took)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error lacks %q: %v", word, err)
		}
	}
	if strings.Count(err.Error(), r.String()) != 1 {
		t.Errorf("the error does not name the repository once: %v", err)
	}
	return err
}

var main = gitsource.Ref{Branch: "main"}

// What is not there is an error that says what to do.
func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	empty, full := newWork(t), newWork(t)
	full.commit("a")
	full.git("branch", "stable")
	local := open(t, full.dir, gitsource.Auth{}, gitsource.Options{})
	wrong(t, local, gitsource.Ref{Branch: "mian"}, "branch mian does not exist", "main, stable")
	wrong(t, local, gitsource.Ref{Tag: "v1"}, "tag v1 does not exist", "push it")
	wrong(t, local, gitsource.Ref{}, "no ref is given")
	wrong(t, local, gitsource.Ref{Branch: "a", Tag: "b"}, "more than one ref")
	wrong(t, local, gitsource.Ref{Commit: "abc123"}, "40 hexadecimal digits")
	wrong(t, local, gitsource.Ref{Commit: strings.Repeat("a", 64)}, "SHA-256")
	full.git("tag", "file", full.gitIn("x", "hash-object", "-w", "--stdin"))
	wrong(t, local, gitsource.Ref{Tag: "file"}, "not a commit")

	for _, url := range []string{empty.dir, serve(t, empty.dir).URL + "/.git"} {
		err := wrong(t, open(t, url, gitsource.Auth{}, gitsource.Options{}), main, "empty", "push a first commit")
		if !errors.Is(err, remote.ErrEmpty) {
			t.Errorf("%v is not ErrEmpty", err)
		}
	}
	long := newWork(t, "--object-format=sha256")
	for _, url := range []string{long.dir, serve(t, long.dir).URL + "/.git"} {
		r := open(t, url, gitsource.Auth{}, gitsource.Options{})
		wrong(t, r, main, "empty")
		long.commit("a")
		wrong(t, r, main, "SHA-256", "convert")
		long.git("update-ref", "-d", "refs/heads/main")
	}
	wrong(t, open(t, filepath.Join(t.TempDir(), "nothing"), gitsource.Auth{}, gitsource.Options{}), main,
		"no such folder", "check the path")
	wrong(t, open(t, t.TempDir(), gitsource.Auth{}, gitsource.Options{}), main, "not a Git repository")
	wrong(t, open(t, serve(t, full.dir).URL+"/nothing", gitsource.Auth{}, gitsource.Options{}), main, "not found",
		"check the URL")
}

// A default branch without a commit, beside one that has some: the others can be followed, and the error names them.
func TestUnbornHead(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	tip := w.commit("a")
	w.git("branch", "-m", "dev")
	w.git("symbolic-ref", "HEAD", "refs/heads/main")
	for _, url := range []string{w.dir, serve(t, w.dir).URL + "/.git"} {
		r := open(t, url, gitsource.Auth{}, gitsource.Options{})
		wrong(t, r, main, "branch main does not exist", "there is dev")
		wrong(t, r, gitsource.Ref{Name: "HEAD"}, "HEAD leads to a branch without a commit", "push that branch")
		if got, err := r.Head(t.Context(), gitsource.Ref{Branch: "dev"}); err != nil || got != tip {
			t.Errorf("%s: dev is at %s, want %s: %v", url, got, tip, err)
		}
	}
}

// Servers that are not there, do not answer, or answer anything at all.
func TestUselessServers(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://" + closed.Addr().String() + "/x.git"
	closed.Close()
	wrong(t, open(t, gone, gitsource.Auth{}, gitsource.Options{}), main, "connection refused")
	wrong(t, open(t, "http://git.invalid/x.git", gitsource.Auth{}, gitsource.Options{}), main,
		"git.invalid is not known", "check the URL")

	// Only what is about a server that takes its time is given little: on a busy machine every answer is late.
	answer := func(o gitsource.Options, h http.HandlerFunc) *gitsource.Repository {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return open(t, s.URL+"/x.git", gitsource.Auth{}, o)
	}
	patient := gitsource.Options{}
	wrong(t, answer(patient, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", 500) }), main,
		"status 500")
	wrong(t, answer(patient, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>hello</html>")) }),
		main, "not a Git server")
	wrong(t, answer(patient, func(http.ResponseWriter, *http.Request) {}), main, "answered with nothing")
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	wrong(t, answer(gitsource.Options{Idle: 300 * time.Millisecond}, silent), main, "silent")
	// A trickle is no answer either.
	wrong(t, answer(gitsource.Options{PollTimeout: 3 * time.Second}, func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("0400"))
		for {
			select {
			case <-r.Context().Done():
				return
			case <-time.After(50 * time.Millisecond):
				w.Write([]byte("a"))
				w.(http.Flusher).Flush()
			}
		}
	}), main, "longer than allowed")
}

// URLs that cannot be used are refused before anything is connected to.
func TestURLsThatAreRefused(t *testing.T) {
	t.Parallel()
	store := gitsource.Open(t.TempDir(), patient(gitsource.Options{}))
	for url, words := range map[string]string{
		"":                            "empty",
		"git://example.com/x.git":     "use https or ssh",
		"ftp://example.com/x":         "not spoken",
		"ext::sh -c evil":             "remote helper",
		"https://":                    "host",
		"https://example.com":         "path",
		"file://host/x":               "file:///path",
		"https://me:s%zzcret@host/x":  "cannot be read",
		"ssh://git@example.com/x.git": "known_hosts",
		"git@example.com:team/x.git":  "known_hosts",
	} {
		_, err := store.Repository(url, gitsource.Auth{})
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v, want %q", url, err, words)
		}
		if err != nil && strings.Contains(err.Error(), "s%zzcret") {
			t.Errorf("%v holds the password", err)
		}
	}
	_, err := store.Repository("https://example.com/x", gitsource.Auth{CA: []byte("nonsense")})
	if err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("a CA bundle without a certificate: %v", err)
	}
}

// Paths and file URLs are the same.
func TestFileURL(t *testing.T) {
	w := newWork(t)
	tip := w.commit("a")
	if got := head(t, open(t, "file://"+w.dir, gitsource.Auth{}, gitsource.Options{})); got != tip {
		t.Fatalf("head is %s, want %s", got, tip)
	}
	t.Chdir(filepath.Dir(w.dir))
	if got := head(t, open(t, "./"+filepath.Base(w.dir), gitsource.Auth{}, gitsource.Options{})); got != tip {
		t.Fatalf("head is %s, want %s", got, tip)
	}
}
