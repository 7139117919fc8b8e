package page

import (
	"html"
	"net/http"
	"strings"
	"testing"
)

// Whoever may see all Syncs sees what is stuck, and each Sync, commit and node at its own address.
func TestEveryStateHasItsAddress(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	c.knows("adas", "ada", "get */*")
	server := c.inCluster(false)
	for path, want := range map[string]string{
		"/":                                      "platform/agents",
		"/syncs/platform/agents":                 "it ends",
		"/syncs/platform/agents/commits/bbbbbbb": "a new agent",
		"/nodes/node-2":                          "it ends",
	} {
		got := ask(t, http.MethodGet, server.URL+path, "", "Authorization", "Bearer adas")
		if got.code != http.StatusOK || !strings.Contains(got.text, want) {
			t.Errorf("%s: %d, without %q:\n%s", path, got.code, want, got.text)
		}
	}
}

// The page of the commit in flight shows what it has changed of the pods of a DaemonSet: to whom may get that, too.
func TestWhatACommitHasChanged(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	c.knows("adas", "ada", "get */*", "get-daemonsets logging/agent")
	c.knows("bobs", "bob", "get */*")
	server := c.inCluster(false)
	for token, sees := range map[string]bool{"adas": true, "bobs": false} {
		got := ask(t, http.MethodGet, server.URL+"/syncs/platform/agents/commits/bbbbbbb", "", "Authorization", "Bearer "+token)
		for _, line := range []string{"-      - image: agent:v1", "+      - image: agent:v2"} {
			text := html.UnescapeString(got.text)
			if got.code != http.StatusOK || strings.Contains(text, line) != sees {
				t.Errorf("%s sees, with %d:\n%s", token, got.code, text)
			}
		}
		if !sees && !strings.Contains(got.text, notShown) {
			t.Errorf("%s is not told why:\n%s", token, got.text)
		}
	}
}

// No page, no stream and no refusal has in it a password that somebody has written into a Sync, the controller's own token,
// that of the person, or what lets a browser in (law 11).
func TestNoPageHasASecret(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	c.rolls("elsewhere", "agents")
	c.knows("adas-token", "ada", "get */*", "sync */*", "suspend */*", "release */*")
	server, _, address := c.ours()
	opened := ask(t, http.MethodGet, address, "")
	one := c.reach()
	one.Namespaces = []string{"platform"} // so that the other Sync is read without a watch
	p, err := InCluster(one, true)
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(address, "token=")
	_, cookie, _ := strings.Cut(cookieOf(opened), "=")
	secrets := []string{"hunter2", "the-controllers-own", "adas-token", token, cookie}
	pages := 0
	for base, header := range map[string][]string{server.URL: {"Cookie", cookieOf(opened)},
		c.serve(p).URL: {"Authorization", "Bearer adas-token"}} {
		for _, path := range []string{"/", "/syncs/platform/agents", "/syncs/platform/agents?show=nodes", "/syncs/elsewhere/agents",
			"/syncs/platform/agents/commits/bbbbbbb", "/nodes/node-2", "/nothing", "/syncs/a/b", "/nodes/x"} {
			got := ask(t, http.MethodGet, base+path, "", header...)
			pages++
			hasNone(t, path, got.text, secrets)
		}
		got := ask(t, http.MethodPost, base+"/syncs/platform/agents/release", "commit=x", header...)
		hasNone(t, "a release", got.text, secrets)
		for path, has := range map[string]int{"/live": 1, "/syncs/platform/agents/live": 3} { // messages in a frame
			next, end := events(t, base+path, header...)
			for range has {
				hasNone(t, path, next(), secrets)
			}
			end()
		}
	}
	if pages != 18 || token == "" || cookie == "" {
		t.Errorf("%d pages were looked at, for %q", pages, secrets)
	}
}

func hasNone(t *testing.T, what, text string, secrets []string) {
	t.Helper()
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%s has %s in it:\n%s", what, secret, text)
		}
	}
}
