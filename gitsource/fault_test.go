package gitsource_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// Whatever a server does while it sends objects, the poll ends in bounded time with an error that shows no credentials,
// and what the mirror has can be read meanwhile and after.
func TestFaultsWhileFetching(t *testing.T) {
	t.Parallel()
	trickle := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, pktLine("NAK\n"))
		for {
			select {
			case <-r.Context().Done():
				return
			case <-time.After(20 * time.Millisecond):
				fmt.Fprint(w, pktLine("\x02"+r.Header.Get("Authorization")))
				w.(http.Flusher).Flush()
			}
		}
	}
	for words, answer := range map[string]http.HandlerFunc{
		"silent":              func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"longer than allowed": trickle,
		"status 500": func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, fmt.Sprint(r.Header),
				500)
		},
		"invalid pkt-len": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>", r.Header) },
		"pack": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, pktLine("NAK\n")+pktLine("\x01PACKgarbage"))
		},
		"cut the connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			w := newWork(t)
			tip := w.change("a.yaml", "one")
			server := serve(t, w.dir)
			server.user, server.password = "ada", secret
			r := open(t, server.URL+"/.git", gitsource.Auth{Username: "ada", Password: secret}, impatient(words))
			headWith(t, r, impatient(words))
			w.change("a.yaml", "two")
			server.before = func(rw http.ResponseWriter, req *http.Request) bool {
				if !strings.HasSuffix(req.URL.Path, "/git-upload-pack") {
					return false
				}
				_, _ = io.Copy(io.Discard, req.Body) // so that the end of the client is noticed
				answer(rw, req)
				return true
			}
			_, err := r.Head(t.Context(), main)
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Fatalf("%v, want %q", err, words)
			}
			hidden(t, words, err.Error())
			tree, err := r.Tree(t.Context(), tip)
			if err != nil {
				t.Fatal(err)
			}
			if content, err := tree.ReadFile("a.yaml"); err != nil || string(content) != "one" {
				t.Errorf("a.yaml holds %q: %v", content, err)
			}
		})
	}
}

// impatient waits for no longer than a test may take for the end of the fault with these words, and as long as
// everybody does for all else: a busy machine is late with every answer.
func impatient(words string) gitsource.Options {
	switch words {
	case "silent":
		return gitsource.Options{Idle: 2 * time.Second, FetchTimeout: time.Minute}
	case "longer than allowed":
		return gitsource.Options{PollTimeout: 5 * time.Second, FetchTimeout: 5 * time.Second}
	}
	return gitsource.Options{}
}

// headWith is head of a repository with these options; again and again if they are those of somebody impatient, who gives a
// busy machine too little time now and then.
func headWith(t *testing.T, r *gitsource.Repository, o gitsource.Options) {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); o.Idle+o.PollTimeout > 0 && time.Now().Before(end); {
		if _, err := r.Head(t.Context(), main); err == nil {
			return
		}
	}
	head(t, r)
}

// A redirect to another host is not followed, and the error says where it would lead. Who has no credentials follows it if
// that is asked for, and within the host everybody does.
func TestRedirects(t *testing.T) {
	t.Parallel()
	w := newWork(t)
	tip := w.commit("a")
	backend := serve(t, w.dir)
	var mu sync.Mutex
	var seen []string
	other := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.Header.Get("Authorization"))
		mu.Unlock()
		backend.Config.Handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(other.Close)
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rest, moved := strings.CutPrefix(r.URL.Path, "/old")
		switch {
		case moved:
			http.Redirect(rw, r, rest+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
		case strings.HasPrefix(r.URL.Path, "/away"):
			http.Redirect(rw, r, other.URL+strings.TrimPrefix(r.URL.Path, "/away")+"?"+r.URL.RawQuery, http.StatusFound)
		default:
			backend.Config.Handler.ServeHTTP(rw, r)
		}
	}))
	t.Cleanup(front.Close)
	auth := gitsource.Auth{Username: "ada", Password: secret}
	if got := head(t, open(t, front.URL+"/old/.git", auth, gitsource.Options{})); got != tip {
		t.Errorf("within the host the head is %s, want %s", got, tip)
	}
	wrong(t, open(t, front.URL+"/away/.git", auth, gitsource.Options{}), main, "redirects to",
		strings.TrimPrefix(other.URL, "http://"), "use that URL")
	if len(seen) != 0 {
		t.Errorf("the other host was asked by who has credentials: %q", seen)
	}
	wrong(t, open(t, front.URL+"/away/.git", gitsource.Auth{}, gitsource.Options{}), main, "another host")
	asked := gitsource.Options{Reach: remote.Reach{Redirects: true}}
	wrong(t, open(t, front.URL+"/away/.git", auth, asked), main, "credentials are not sent along")
	if len(seen) != 0 {
		t.Errorf("the other host was asked unasked: %q", seen)
	}
	if got := head(t, open(t, front.URL+"/away/.git", gitsource.Auth{}, asked)); got != tip {
		t.Errorf("without credentials the head is %s, want %s", got, tip)
	}
}
