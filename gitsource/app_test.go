package gitsource_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/githubapp"
	"github.com/daemongate/daemongate/gitsource/githubapp/apptest"
)

// A repository is read in the name of a GitHub App, with a token that is renewed: before its end, and when the server
// does not take it any more. The token is in no error.
func TestGitHubApp(t *testing.T) {
	t.Parallel()
	api, key, err := apptest.New("1234", "567")
	if err != nil {
		t.Fatal(err)
	}
	w := newWork(t)
	w.commit("a")
	server := serve(t, w.dir)
	app, err := githubapp.New(githubapp.Config{ID: "1234", Installation: "567", Key: key, URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	good := ""
	server.before = func(rw http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/access_tokens") {
			api.ServeHTTP(rw, r)
			return true
		}
		user, password, _ := r.BasicAuth()
		if given := api.Given(); user != "x-access-token" || len(given) == 0 || password != given[len(given)-1] ||
			good != "" && password != good {
			http.Error(rw, "not "+user+":"+password, http.StatusUnauthorized)
			return true
		}
		return false
	}
	r := open(t, server.URL+"/.git", gitsource.Auth{App: app}, gitsource.Options{})
	for range 3 {
		head(t, r)
	}
	if n := len(api.Given()); n != 1 {
		t.Errorf("%d tokens were asked for", n)
	}
	good = "ghs_1_s3cr3t" // the first one is revoked
	err = wrong(t, r, main, "does not accept the App's token")
	if strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("%v shows the token", err)
	}
	head(t, r)
	api.Installation = "uninstalled"
	app.Refused(good)
	wrong(t, r, main, "installation 567", "(404)")
}

// The tokens of an App go to its own server, and to no other one: it is not even asked for one.
func TestAnAppsTokensStayAtItsServer(t *testing.T) {
	t.Parallel()
	api, key, err := apptest.New("1234", "567")
	if err != nil {
		t.Fatal(err)
	}
	w := newWork(t)
	w.commit("a")
	github, other := serve(t, w.dir), serve(t, w.dir)
	shown := false
	other.before = func(_ http.ResponseWriter, r *http.Request) bool {
		shown = shown || r.Header.Get("Authorization") != ""
		return false
	}
	for _, app := range []githubapp.Config{{URL: github.URL}, {}} {
		app.ID, app.Installation, app.Key = "1234", "567", key
		known, err := githubapp.New(app)
		if err != nil {
			t.Fatal(err)
		}
		_, err = gitsource.Open(t.TempDir(), patient(gitsource.Options{})).Repository(other.URL+"/.git",
			gitsource.Auth{App: known})
		if err == nil || !strings.Contains(err.Error(), "for its own server "+known.Server()) {
			t.Errorf("%s: %v", app.URL, err)
		}
	}
	if shown || len(api.Given()) > 0 {
		t.Error("a token was asked for, or shown")
	}
}
