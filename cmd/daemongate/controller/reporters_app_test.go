package controller

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/forgetest"
	"github.com/daemongate/daemongate/gitsource/githubapp/apptest"
)

// appHost is a GitHub that gives tokens to an App, and takes statuses by the newest one only.
type appHost struct {
	*forgetest.Host
	tokens *apptest.Server

	mu      gosync.Mutex
	revoked string
}

func (h *appHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/access_tokens") {
		h.tokens.ServeHTTP(w, r)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	good := "none"
	if given := h.tokens.Given(); len(given) > 0 && given[len(given)-1] != h.revoked {
		good = given[len(given)-1]
	}
	h.Rotate(good)
	h.Host.ServeHTTP(w, r)
}

// revoke has the newest token refused.
func (h *appHost) revoke() {
	h.mu.Lock()
	defer h.mu.Unlock()
	given := h.tokens.Given()
	h.revoked = given[len(given)-1]
}

// Statuses are written with an installation token of a GitHub App. It is shared for as long as it is good, renewed
// before it expires, and when it is refused; an App that gets none is trouble that shows neither key nor token.
func TestAnAppsTokenWritesStatuses(t *testing.T) {
	tokens, key, err := apptest.New("1234", "567")
	check(t, err)
	host := &appHost{Host: forgetest.New(forge.GitHub, "platform/fleet", ""), tokens: tokens}
	host.Push(knownCommit)
	server := httptest.NewServer(host)
	defer server.Close()
	secret := &oneSecret{data: map[string][]byte{"githubAppID": []byte("1234"), "allowHTTP": []byte("true"),
		"githubAppInstallationID": []byte("567"),
		"githubAppPrivateKey":     []byte(key), "githubAppBaseURL": []byte(server.URL)}}
	r := reporterTo(t, server.URL, secret)
	given := func(want int, what string) {
		t.Helper()
		check(t, reportTo(t, r, what))
		if all := tokens.Given(); len(all) != want {
			t.Errorf("%s: %d tokens were given, want %d", what, len(all), want)
		}
		if got := host.Last(knownCommit, "c").Description; got != what {
			t.Errorf("the host says %q, want %q", got, what)
		}
	}
	given(1, "with a token")
	given(1, "with the same")
	tokens.Life = 5 * time.Minute // when it is renewed
	host.revoke()
	given(2, "with another after it was refused")
	given(3, "with another after it has expired")
	host.revoke()
	tokens.Answer = func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, fmt.Sprint(r.Header), http.StatusForbidden)
	}
	text := fmt.Sprint(reportTo(t, r, "x"))
	if !strings.Contains(text, "suspended") || slices.ContainsFunc(append(append(tokens.Given(), tokens.Claims()...),
		key), func(s string) bool { return strings.Contains(text, s) }) {
		t.Errorf("the error is %s", text)
	}
}
