package githubapp_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource/githubapp"
	"github.com/daemongate/daemongate/gitsource/githubapp/apptest"
)

// fleet is what most tokens are for.
var fleet = githubapp.Grant{Repository: "/acme/fleet.git", Access: githubapp.ReadContents}

func serve(t *testing.T) (*apptest.Server, githubapp.Config) {
	t.Helper()
	s, key, err := apptest.New("1234", "567")
	if err != nil {
		t.Fatal(err)
	}
	host := httptest.NewServer(s)
	t.Cleanup(host.Close)
	return s, githubapp.Config{ID: "1234", Installation: "567", Key: key, URL: host.URL}
}

func made(t *testing.T, c githubapp.Config) *githubapp.App {
	t.Helper()
	a, err := githubapp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A token is asked for once by all who want one, and again when it is about to end or was refused.
func TestTokenIsSharedAndRenewed(t *testing.T) {
	server, c := serve(t)
	a := made(t, c)
	get := func() string {
		token, err := a.Token(t.Context(), http.DefaultClient, fleet)
		if err != nil {
			t.Error(err)
		}
		return token
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { get() })
	}
	all.Wait()
	if given := server.Given(); len(given) != 1 || get() != given[0] {
		t.Fatalf("%d tokens were given", len(given))
	}
	a.Refused("another")
	first := get()
	server.Life = 4 * time.Minute // less than is needed for a fetch
	a.Refused(first)
	second := get()
	if third := get(); second == first || third == second {
		t.Errorf("the tokens are %s, %s, %s", first, second, third)
	}
}

// A token is for one repository, and lets its holder do what it is for and nothing else. However many are asked for, a
// bounded number is kept.
func TestTokensAreNarrow(t *testing.T) {
	server, c := serve(t)
	a := made(t, c)
	for grant, want := range map[githubapp.Grant]string{
		fleet: `{"repositories":["fleet"],"permissions":{"contents":"read"}}`,
		{Repository: "acme/fleet", Access: githubapp.WriteStatuses}:  `{"repositories":["fleet"],"permissions":{"statuses":"write"}}`,
		{Repository: "/a/b.c.git/", Access: githubapp.WriteContents}: `{"repositories":["b.c"],"permissions":{"contents":"write"}}`,
	} {
		for range 2 {
			if _, err := a.Token(t.Context(), http.DefaultClient, grant); err != nil {
				t.Fatal(err)
			}
		}
		if asked := server.Asked(); asked[len(asked)-1] != want {
			t.Errorf("%+v is asked for as %s", grant, asked[len(asked)-1])
		}
	}
	if n := len(server.Given()); n != 3 {
		t.Errorf("%d tokens for three grants", n)
	}
	for i := range 300 {
		g := githubapp.Grant{Repository: fmt.Sprint("acme/", i), Access: githubapp.ReadContents}
		if _, err := a.Token(t.Context(), http.DefaultClient, g); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(a.Secrets()); n > 200 {
		t.Errorf("%d tokens are kept", n)
	}
}

// What GitHub does not give a token for is an error that says what to do, and repeats neither key, nor JWT, nor token.
func TestErrorsOfAnApp(t *testing.T) {
	server, good := serve(t)
	_, otherKey, err := apptest.New("1234", "567")
	if err != nil {
		t.Fatal(err)
	}
	for words, change := range map[string]func(*githubapp.Config){
		"private key, and this machine's clock":   func(c *githubapp.Config) { c.Key = otherKey },
		"check the App's ID":                      func(c *githubapp.Config) { c.ID = "9" },
		"(404): the App has no such installation": func(c *githubapp.Config) { c.Installation = "9" },
		"connection refused":                      func(c *githubapp.Config) { c.URL = "http://127.0.0.1:1" },
	} {
		c := good
		change(&c)
		_, err := made(t, c).Token(t.Context(), http.DefaultClient, fleet)
		silent(t, server, words, err)
	}
	for words, answer := range map[string]http.HandlerFunc{
		"(403): the installation is suspended": func(w http.ResponseWriter, r *http.Request) {
			http.Error(w,
				fmt.Sprint(r.Header), 403)
		},
		"status 500": func(w http.ResponseWriter, r *http.Request) { http.Error(w, fmt.Sprint(r.Header), 500) },
		"status 302": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/",
				302)
		},
		"is not GitHub": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(201); fmt.Fprint(w, r.Header) },
	} {
		server.Answer = answer
		_, err := made(t, good).Token(t.Context(), http.DefaultClient, fleet)
		silent(t, server, words, err)
	}
}

func silent(t *testing.T, s *apptest.Server, words string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), "GitHub App") {
		t.Errorf("%v, want %q", err, words)
		return
	}
	for _, secret := range append(s.Claims(), s.Given()...) {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
			t.Errorf("%v repeats what was sent", err)
		}
	}
	if strings.Contains(words, "404") && !errors.Is(err, githubapp.ErrRefused) {
		t.Errorf("%v is no refusal", err)
	}
}

// A configuration that cannot be meant is refused before anything is connected to.
func TestConfigurationsThatAreRefused(t *testing.T) {
	_, good := serve(t)
	for words, change := range map[string]func(*githubapp.Config){
		"needs its ID":          func(c *githubapp.Config) { c.ID = "" },
		"number of its install": func(c *githubapp.Config) { c.Installation = "1/../2" },
		"private key cannot be": func(c *githubapp.Config) { c.Key = "s3cr3t" },
		"expected https":        func(c *githubapp.Config) { c.URL = "http://github.example.com" },
		"cannot be used":        func(c *githubapp.Config) { c.URL = "https://ada:s3cr3t@github.example.com" },
	} {
		c := good
		change(&c)
		if _, err := githubapp.New(c); err == nil || !strings.Contains(err.Error(), words) ||
			strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%v, want %q", err, words)
		}
	}
}

// An App prints as nothing that is secret.
func TestAppsAreNotShown(t *testing.T) {
	_, c := serve(t)
	a := made(t, c)
	if _, err := a.Token(t.Context(), http.DefaultClient, fleet); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf("%v %+v %#v %s %q %s", a, a, a, a, a, text)
	if strings.Contains(shown, "s3cr3t") || strings.Contains(shown, "PRIVATE") {
		t.Errorf("shown is %s", shown)
	}
}
