package page

import (
	"net/http"
	"strings"
	"testing"
)

// Whoever may see all Syncs sees what is stuck, and each Sync, commit and node at its own address. No page has the
// password that somebody has written into a URL.
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
		if strings.Contains(got.text, "hunter2") {
			t.Errorf("%s has a password in it", path)
		}
	}
}
