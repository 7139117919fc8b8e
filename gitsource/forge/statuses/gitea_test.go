package statuses_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/statuses"
	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/gitsource/hosttest"
)

// A real Gitea: what was reported is read again, with who wrote it, over more than one page. Of a commit that is not
// there it lists none.
func TestStatusesOfARealGitHost(t *testing.T) {
	t.Parallel()
	host := hosttest.Start(t)
	url, err := host.CreateRepo("fleet")
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(err)
	work := filepath.Join(t.TempDir(), "work")
	commit := gittest.Commit(t, work, "a.yaml", "one")
	gittest.Run(t, work, "push", "-q", host.WithCredentials(url), "HEAD:refs/heads/main")
	token, err := host.NewToken("write:repository")
	check(err)
	to := func(token forge.Token) *forge.Host {
		place, err := forge.Locate(forge.Gitea, url, "", "")
		check(err)
		h, err := forge.NewHost(place, func(context.Context) (forge.Token, error) { return token, nil }, forge.Options{})
		check(err)
		return h
	}
	bot := to(forge.Token{Secret: token})
	tells := func(h *forge.Host, state forge.State, text string) {
		t.Helper()
		check(h.Report(t.Context(), []forge.Status{{Commit: commit, Context: "daemongate/canary-1/platform/agents", State: state,
			Description: text}}).Err())
	}
	check(host.Call(http.MethodPost, "/admin/users", map[string]any{"username": "mallory", "password": "pass-w0rd-0f-hers",
		"email": "mallory@example.com", "must_change_password": false}, nil))
	check(host.Call(http.MethodPut, "/repos/"+host.User+"/fleet/collaborators/mallory", map[string]any{"permission": "write"}, nil))
	for range 50 { // more than a page
		tells(bot, forge.Pending, "RollingOut")
	}
	tells(to(forge.Token{Username: "mallory", Secret: "pass-w0rd-0f-hers"}), forge.Failure, "Stuck")
	tells(bot, forge.Success, "Complete: 12 nodes")
	reader, err := statuses.NewReader(bot)
	check(err)
	read, err := reader.Read(t.Context(), []string{commit})
	check(err)
	list := read[commit]
	if len(list) != 52 || list[0].Description != "Complete: 12 nodes" || list[0].State != forge.Success ||
		list[0].Creator != host.User || list[1].Creator != "mallory" || list[1].State != forge.Failure ||
		list[51].State != forge.Pending || time.Since(list[0].Time).Abs() > time.Hour {
		t.Errorf("read %d: %+v", len(list), list[:min(3, len(list))])
	}
	if read, err := reader.Read(t.Context(), []string{strings.Repeat("1", 40)}); err != nil || len(read[strings.Repeat("1", 40)]) != 0 {
		t.Errorf("of a commit that is not there: %v %v", read, err)
	}
}
