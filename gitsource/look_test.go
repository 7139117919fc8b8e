package gitsource_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/remote"
	"github.com/daemongate/daemongate/gitsource/sshtest"
)

// manyRefs adds n refs such as Git hosts keep for each pull request: into git's own file of them, since git itself
// would make a file of each before.
func (w *work) manyRefs(n int) {
	w.Helper()
	var b strings.Builder
	tip := w.git("rev-parse", "main")
	for i := range n {
		fmt.Fprintf(&b, "%s refs/pull/%d/head\n", tip, i+1)
	}
	path := filepath.Join(w.git("rev-parse", "--absolute-git-dir"), "packed-refs")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		w.Fatal(err)
	}
}

// crowded is a repository of which a poll wants few of its many refs.
func crowded(t testing.TB, refs int) *work {
	w := newWork(t)
	w.change("a.yaml", "one")
	w.git("tag", "-a", "-m", "annotated", "v1.0.0")
	w.git("tag", "v1.1.0")
	w.git("branch", "feature/x")
	w.manyRefs(refs)
	return w
}

var everyRef = []gitsource.Ref{main, {Branch: "feature/x"}, {Tag: "v1.0.0"}, {SemVer: ">=1"}, {Name: "HEAD"},
	{Name: "refs/pull/7/head"}}

// A poll that finds nothing new costs a few hundred bytes, however many refs there are: over http, ssh and a pipe.
func TestUnchangedPollOfManyRefsCostsLittle(t *testing.T) {
	t.Parallel()
	const refs = 10_000
	w := crowded(t, refs)
	tip := w.git("rev-parse", "main")
	server := serve(t, w.dir)
	user, private := sshtest.NewKey(t)
	shell := serveSSH(t, user.PublicKey())
	shell.acceptEnv.Store(true)
	ssh := gitsource.Auth{SSHKey: pemOf(t, private, ""), KnownHosts: shell.knownHosts()}
	for _, c := range []struct {
		at    string
		auth  gitsource.Auth
		bytes func() int64
	}{
		{server.URL + "/.git", gitsource.Auth{}, server.sent.Load},
		{"ssh://git@" + shell.address + w.dir, ssh, shell.sent.Load},
		{w.dir, gitsource.Auth{}, func() int64 { return 0 }},
	} {
		r := open(t, c.at, c.auth, gitsource.Options{})
		head(t, r)
		if first := c.bytes(); c.at != w.dir && first < refs*50 {
			t.Fatalf("%s: the first poll cost %d bytes: the test measures nothing", c.at, first)
		}
		for _, ref := range everyRef {
			if got, err := r.Head(t.Context(), ref); err != nil || got != tip {
				t.Errorf("%s: %s is at %s, want %s: %v", c.at, ref, got, tip, err)
			}
		}
		before := c.bytes()
		head(t, r)
		if n := c.bytes() - before; n > 1_000 {
			t.Errorf("%s: an unchanged poll cost %d bytes", c.at, n)
		}
	}
}

// Whatever happens to a ref is noticed among many as it is among few.
func TestChangesAreSeenAmongManyRefs(t *testing.T) {
	t.Parallel()
	w := crowded(t, 200)
	server := serve(t, w.dir)
	r := open(t, server.URL+"/.git", gitsource.Auth{}, gitsource.Options{})
	is := func(ref gitsource.Ref, want string) {
		t.Helper()
		for range 2 {
			if got, err := r.Head(t.Context(), ref); err != nil || got != want {
				t.Errorf("%s is at %s, want %s: %v", ref, got, want, err)
			}
		}
	}
	first := head(t, r)
	is(gitsource.Ref{Tag: "v1.0.0"}, first)
	second := w.change("a.yaml", "two")
	is(main, second)
	w.git("tag", "-f", "v1.0.0")
	is(gitsource.Ref{Tag: "v1.0.0"}, second)
	w.git("tag", "-a", "-m", "next", "v2.0.0")
	if got, err := r.HeadWithin(t.Context(), gitsource.Ref{SemVer: ">=1"}, time.Hour); err != nil || got != second {
		t.Errorf("among the tags that happen to begin with another's name the highest is at %s: %v", got, err)
	}
	w.git("reset", "-q", "--hard", first)
	third := w.change("a.yaml", "three") // a force-push
	is(main, third)
	if server.looks.Load() == 0 {
		t.Error("all refs were asked for at every poll")
	}
	w.git("branch", "-D", "feature/x")
	wrong(t, r, gitsource.Ref{Branch: "feature/x"}, "does not exist", "push it")
	is(gitsource.Ref{Commit: first}, first)
	is(gitsource.Ref{Name: "refs/pull/7/head"}, first)
}

// A look is one request once the server has answered one. Where it does not do so any more, it is asked from the
// beginning, in the same poll: it has moved, it speaks an older version now, or something else answers for it.
func TestALookIsOneRequest(t *testing.T) {
	t.Parallel()
	w := crowded(t, 200)
	server := serve(t, w.dir)
	var requests atomic.Int64
	var fails atomic.Value
	fails.Store(http.HandlerFunc(nil))
	server.before = func(rw http.ResponseWriter, r *http.Request) bool {
		requests.Add(1)
		if fail := fails.Load().(http.HandlerFunc); fail != nil && r.Method == http.MethodPost && r.Header.Get("Git-Protocol") != "" {
			fails.Store(http.HandlerFunc(nil))
			fail(rw, r)
			return rw.Header().Get("Served") != "later"
		}
		return false
	}
	r := open(t, server.URL+"/.git", gitsource.Auth{}, gitsource.Options{})
	polls := func(want int64, why string) {
		t.Helper()
		tip, before := w.git("rev-parse", "main"), requests.Load()
		if got := head(t, r); got != tip || requests.Load()-before != want {
			t.Errorf("%s: head is %s, want %s, after %d requests, want %d", why, got, tip, requests.Load()-before, want)
		}
	}
	head(t, r)
	polls(2, "the first look")
	polls(1, "the next look")
	for why, c := range map[string]struct {
		requests int64
		fail     http.HandlerFunc
	}{
		"not found": {3, func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "gone", http.StatusNotFound) }},
		"moved here": {4, func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "/elsewhere", http.StatusMovedPermanently)
		}},
		"moved away": {3, func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "http://example.invalid/", http.StatusTemporaryRedirect)
		}},
		"a web page": {3, func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "<html>") }},
		"older": {3, func(rw http.ResponseWriter, r *http.Request) {
			r.Header.Del("Git-Protocol")
			rw.Header().Set("Served", "later")
		}},
	} {
		fails.Store(c.fail)
		polls(c.requests, why)
		polls(1, "after "+why)
	}
	fails.Store(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	wrong(t, r, main, "cut the connection")
	polls(2, "after it was cut")
}

// A server that answers with all its refs, because it knows no better, is asked only once to do better.
func TestServersOfTheOldProtocol(t *testing.T) {
	t.Parallel()
	w := crowded(t, 200)
	server := serve(t, w.dir)
	asked := 0
	server.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Git-Protocol") != "" {
			asked++
			r.Header.Del("Git-Protocol")
		}
		return false
	}
	user, private := sshtest.NewKey(t)
	shell := serveSSH(t, user.PublicKey()) // lets no environment through
	auth := gitsource.Auth{SSHKey: pemOf(t, private, ""), KnownHosts: shell.knownHosts()}
	for _, r := range []*gitsource.Repository{
		open(t, server.URL+"/.git", gitsource.Auth{}, gitsource.Options{}),
		open(t, "ssh://git@"+shell.address+w.dir, auth, gitsource.Options{}),
	} {
		head(t, r)
		for range 3 {
			tip := w.commit("a")
			if got := head(t, r); got != tip {
				t.Errorf("head is %s, want %s", got, tip)
			}
		}
	}
	if asked != 1 {
		t.Errorf("the server was asked %d times", asked)
	}
}

// lookedAt has a repository polled until the next poll is a look, whose requests then get the answer: the first one,
// which asks what is spoken, or the second.
func lookedAt(t *testing.T, auth gitsource.Auth, o gitsource.Options, path string,
	answer http.HandlerFunc) (r *gitsource.Repository, server *host, well *atomic.Bool) {
	t.Helper()
	w := crowded(t, 200)
	server, well = serve(t, w.dir), new(atomic.Bool)
	well.Store(true)
	server.before = func(rw http.ResponseWriter, req *http.Request) bool {
		if well.Load() || req.Header.Get("Git-Protocol") == "" || !strings.HasSuffix(req.URL.Path, path) {
			return false
		}
		_, _ = io.Copy(io.Discard, req.Body) // so that the end of the client is noticed
		answer(rw, req)
		return true
	}
	r = open(t, server.URL+"/.git", auth, o)
	headWith(t, r, o)
	well.Store(false)
	return r, server, well
}

// Whatever a server does to a look, it ends in bounded time with an error that shows no credentials, whichever they
// are, and the next one is as good as ever.
func TestFaultsWhileLooking(t *testing.T) {
	t.Parallel()
	told := func(r *http.Request) string {
		user, password, _ := r.BasicAuth()
		return fmt.Sprint(r.Header, user, password, url.QueryEscape(password), url.PathEscape(password))
	}
	faults := map[string]http.HandlerFunc{
		"silent":             func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"status 500":         func(w http.ResponseWriter, r *http.Request) { http.Error(w, told(r), 500) },
		"does not accept":    func(w http.ResponseWriter, r *http.Request) { http.Error(w, told(r), 401) },
		"denies access":      func(w http.ResponseWriter, r *http.Request) { http.Error(w, told(r), 403) },
		"was not found":      func(w http.ResponseWriter, r *http.Request) { http.Error(w, told(r), 404) },
		"not a Git server":   func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>", told(r)) },
		"cut the connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"•••":                func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, pktLine("ERR "+told(r))) },
		"redirects to example.in": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://example.invalid/"+url.PathEscape(told(r)), 302)
		},
		"longer than allowed": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, pktLine("version 2\n"))
			for i := 0; r.Context().Err() == nil; i++ {
				time.Sleep(20 * time.Millisecond)
				fmt.Fprint(w, pktLine(fmt.Sprintf("%040d refs/heads/x%d\n", i, i)))
				w.(http.Flusher).Flush()
			}
		},
	}
	auths := []gitsource.Auth{{Username: "ada", Password: secret}, {Token: secret}, {Bearer: secret}}
	for words, fault := range faults {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			for i, path := range []string{"/info/refs", "/git-upload-pack"} {
				if path == "/git-upload-pack" && words == "longer than allowed" { // "version 2" is no ref
					fault = func(w http.ResponseWriter, r *http.Request) {
						for r.Context().Err() == nil {
							time.Sleep(20 * time.Millisecond)
							fmt.Fprint(w, pktLine(strings.Repeat("1", 40)+" refs/heads/x\n"))
							w.(http.Flusher).Flush()
						}
					}
				}
				r, server, well := lookedAt(t, auths[(i+len(words))%len(auths)], impatient(words), path, fault)
				err := wrong(t, r, main, words)
				hidden(t, words, fmt.Sprintf("%v\n%+v\n%#v", err, err, err))
				well.Store(true)
				before := server.looks.Load()
				headWith(t, r, impatient(words))
				if server.looks.Load() == before {
					t.Error("after a fault all refs are asked for")
				}
			}
		})
	}
	t.Run("a list that is cut", func(t *testing.T) {
		t.Parallel()
		r, _, _ := lookedAt(t, auths[0], gitsource.Options{}, "/git-upload-pack",
			func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, pktLine(strings.Repeat("1", 40)+" refs/heads/x\n"))
			})
		wrong(t, r, main, "cut the connection")
	})
	t.Run("a list of garbage", func(t *testing.T) {
		t.Parallel()
		r, _, _ := lookedAt(t, auths[0], gitsource.Options{}, "/git-upload-pack",
			func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, pktLine(told(r))) })
		hidden(t, "garbage", wrong(t, r, main, "cannot be read").Error())
	})
}

// A look follows redirects as every poll does: within the host, and to another one without credentials
// and if that is asked for only.
func TestLooksAndRedirects(t *testing.T) {
	t.Parallel()
	w := crowded(t, 200)
	tip := w.git("rev-parse", "main")
	backend := serve(t, w.dir)
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if rest, moved := strings.CutPrefix(r.URL.Path, "/old"); moved {
			http.Redirect(rw, r, rest+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
		} else if rest, moved := strings.CutPrefix(r.URL.Path, "/away"); moved {
			http.Redirect(rw, r, backend.URL+rest+"?"+r.URL.RawQuery, http.StatusFound)
		} else {
			backend.Config.Handler.ServeHTTP(rw, r)
		}
	}))
	t.Cleanup(front.Close)
	for _, c := range []struct {
		path string
		auth gitsource.Auth
	}{{"/old/.git", gitsource.Auth{Token: secret}}, {"/away/.git", gitsource.Auth{}}} {
		o := gitsource.Options{Reach: remote.Reach{Redirects: true}}
		r, before := open(t, front.URL+c.path, c.auth, o), backend.looks.Load()
		for range 2 {
			if got := head(t, r); got != tip {
				t.Errorf("%s: head is %s, want %s", c.path, got, tip)
			}
		}
		if backend.looks.Load() != before+1 {
			t.Errorf("%s: %d looks, want one", c.path, backend.looks.Load()-before)
		}
	}
}

// A token that is exchanged is picked up by the look that meets it, and one that is not is a clear error.
func TestLooksFollowTheirCredentials(t *testing.T) {
	t.Parallel()
	w := crowded(t, 200)
	server := serve(t, w.dir)
	server.user, server.password = "x-access-token", "old"
	v := newVault("old")
	r := lend(t, server.URL+"/.git", v.read)
	head(t, r)
	server.password = "new"
	err := wrong(t, r, main, "does not accept the credentials", "Secret platform/git", "read again just now")
	hidden(t, "an exchanged token", err.Error())
	v.token.Store("new")
	for range 2 {
		head(t, r)
	}
	if server.looks.Load() == 0 {
		t.Error("nobody looked")
	}
}
