package page

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// ours serves the page for whoever has started it, and returns the address that lets in.
func (c *cluster) ours() (server *httptest.Server, p *Page, address string) {
	c.t.Helper()
	server = httptest.NewUnstartedServer(nil)
	p, opens, err := OfCaller(c.reach(), server.Listener.Addr().String())
	if err != nil {
		c.t.Fatal(err)
	}
	server.Config.Handler = p.Handler()
	server.Start()
	c.t.Cleanup(func() { server.CloseClientConnections(); server.Close(); p.Close() })
	return server, p, opens("/syncs/platform/agents")
}

// cookieOf is the cookie that an answer gives.
func cookieOf(a answer) string {
	cookie, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	return cookie
}

// The address that was printed lets one browser in, once: it leads to the page that was asked for, and the browser has a
// cookie from then on that no script can read and that goes with nothing from elsewhere. Nobody else gets in.
func TestTheAddressIsGoodOnce(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	server, _, address := c.ours()
	if got := ask(t, http.MethodGet, server.URL+"/", ""); got.code != http.StatusForbidden ||
		strings.Contains(got.text, "agents") {
		t.Errorf("who comes without anything gets %d: %s", got.code, got.text)
	}
	wrong := regexp.MustCompile("token=.*").ReplaceAllString(address, "token=AAAAAAAAAAAAAAAAAAAAAAAAAA")
	if got := ask(t, http.MethodGet, wrong, ""); got.code != http.StatusForbidden || cookieOf(got) != "" {
		t.Errorf("who comes with a wrong token gets %d and %q", got.code, cookieOf(got))
	}
	first := ask(t, http.MethodGet, address, "")
	if first.code != http.StatusOK || !strings.Contains(first.text, `url=/syncs/platform/agents"`) {
		t.Errorf("the address leads to %d %s", first.code, first.text)
	}
	if given := first.header.Get("Set-Cookie"); !strings.HasSuffix(given, "; Path=/; HttpOnly; SameSite=Strict") {
		t.Errorf("the cookie is %q", given)
	}
	if got := ask(t, http.MethodGet, address, ""); got.code != http.StatusForbidden || cookieOf(got) != "" {
		t.Errorf("the address opened again gives %d and %q", got.code, cookieOf(got))
	}
	got := ask(t, http.MethodGet, server.URL+"/syncs/platform/agents", "", "Cookie", cookieOf(first))
	if got.code != http.StatusOK || !strings.Contains(got.text, "it ends") {
		t.Errorf("with the cookie comes %d", got.code)
	}
	if got := ask(t, http.MethodGet, server.URL+"/", "", "Cookie", cookieOf(first)+"x"); got.code != http.StatusForbidden {
		t.Errorf("with another cookie comes %d", got.code)
	}
}

// A name that leads to this machine is not enough: whoever has a browser's user open a page under another name, whose
// address then becomes 127.0.0.1, is refused, even with the cookie. So is what another origin asks to be done.
func TestAnotherHostOrOriginIsRefused(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	server, _, address := c.ours()
	cookie := cookieOf(ask(t, http.MethodGet, address, ""))
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	for _, host := range []string{"evil.example.com", "evil.example.com" + port, "localhost" + port, "127.0.0.1", "127.0.0.1:1"} {
		for _, path := range []string{"/", "/syncs/platform/agents", "/healthz", "/live"} {
			if got := ask(t, http.MethodGet, server.URL+path, "", "Host", host, "Cookie", cookie); got.code != http.StatusForbidden {
				t.Errorf("%s as %s: %d", path, host, got.code)
			}
		}
	}
	for _, from := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"},
		{"Origin", "http://evil.example.com"}, {"Origin", "http://127.0.0.1:1"}, {"Origin", "null"}} {
		got := ask(t, http.MethodPost, server.URL+"/syncs/platform/agents/suspend", "a=b",
			append(from, "Cookie", cookie)...)
		if got.code != http.StatusForbidden {
			t.Errorf("%s: %d", from, got.code)
		}
	}
	if len(c.patches) > 0 {
		t.Errorf("written: %q", c.patches)
	}
}

// Only whom the API server knows by a token gets in, and it is asked. Who has no name, and who is called anonymous, is
// nobody, whatever the API server says of them. To them no name of anything is told, and no form is offered.
func TestOnlyWhoIsSomebodyGetsIn(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	c.knows("empty", "", "get */*")
	c.knows("anonymous", "system:anonymous", "get */*")
	c.tokens["unauthenticated"] = authenticationv1.UserInfo{Username: "x", Groups: []string{"system:unauthenticated"}}
	c.knows("adas", "ada", "get */*")
	server := c.inCluster(true)
	for _, header := range []string{"", "Basic adas", "Bearer ", "Bearer", "Bearer nobodys", "Bearer empty",
		"Bearer anonymous", "Bearer unauthenticated"} {
		for _, path := range []string{"/", "/live", "/syncs/platform/agents", "/syncs/platform/agents/live", "/nodes/node-1",
			"/syncs/platform/agents/commits/bbbbbbb"} {
			got := ask(t, http.MethodGet, server.URL+path, "", "Authorization", header)
			if got.code != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") != "Bearer" ||
				strings.Contains(got.text, "agents") || strings.Contains(got.text, "node-") {
				t.Errorf("%s with %q: %d %s", path, header, got.code, got.text)
			}
		}
	}
	if got := ask(t, http.MethodGet, server.URL+"/healthz", ""); got.code != http.StatusOK {
		t.Errorf("the kubelet gets %d", got.code)
	}
}

// Who may get the Syncs of one namespace, or one Sync, sees these, and is told the same of one that there is and of one
// that there is not.
func TestWhoMayNotSeeASyncIsNotToldOfIt(t *testing.T) {
	c := newCluster(t)
	for _, s := range [][2]string{{"platform", "agents"}, {"logging", "shippers"}, {"logging", "secretive"}} {
		c.rolls(s[0], s[1])
	}
	c.knows("bobs", "bob", "get platform/*")
	c.knows("cleos", "cleo", "get logging/shippers")
	server := c.inCluster(true)
	for token, want := range map[string][]string{"bobs": {"agents"}, "cleos": {"shippers"}} {
		all := ask(t, http.MethodGet, server.URL+"/", "", "Authorization", "Bearer "+token)
		for _, name := range []string{"agents", "shippers", "secretive"} {
			if strings.Contains(all.text, name) != (name == want[0]) {
				t.Errorf("%s sees on the page of all Syncs:\n%s", token, all.text)
			}
		}
	}
	like := func(path string) answer {
		return ask(t, http.MethodGet, server.URL+path, "", "Authorization", "Bearer cleos")
	}
	for _, rest := range []string{"", "/live", "/commits/bbbbbbb"} {
		there, not := like("/syncs/logging/secretive"+rest), like("/syncs/logging/nothing12"+rest)
		if there.code != http.StatusNotFound || not.code != http.StatusNotFound ||
			strip(there.text, "secretive") != strip(not.text, "nothing12") {
			t.Errorf("%q: %d and %d:\n%s\n%s", rest, there.code, not.code, there.text, not.text)
		}
	}
	act := func(name string) answer {
		return ask(t, http.MethodPost, server.URL+"/syncs/logging/"+name+"/sync", "a=b", "Authorization", "Bearer cleos")
	}
	if there, not := act("secretive"), act("nothing12"); there.code != http.StatusNotFound ||
		strip(there.text, "secretive") != strip(not.text, "nothing12") {
		t.Errorf("acts: %d and %d", there.code, not.code)
	}
}

// strip takes out of a page what may differ: a name, and when it was made.
func strip(text, name string) string {
	return regexp.MustCompile(`\d\d:\d\d:\d\dZ`).ReplaceAllString(strings.ReplaceAll(text, name, ""), "")
}

// What the API server has answered about a person is not asked anew for every page, and what it says again after a few
// seconds counts.
func TestReviewsAreRemembered(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	c.knows("adas", "ada", "get */*")
	server := c.inCluster(false)
	for range 10 {
		if got := ask(t, http.MethodGet, server.URL+"/", "", "Authorization", "Bearer adas"); got.code != http.StatusOK {
			t.Fatal(got.code)
		}
	}
	if c.asked["tokenreviews"] > 2 || c.asked["subjectaccessreviews"] > 2 {
		t.Errorf("ten pages cost %v", c.asked)
	}
}

// A browser may load nothing that is not served beside the page, may put it into no other page, guesses no types, tells
// nobody where it comes from, and keeps nothing but what never changes.
func TestWhatABrowserMayDo(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	c.knows("adas", "ada", "get */*")
	server := c.inCluster(false)
	asset := regexp.MustCompile(`href="(/assets/[^"]+\.css)"`)
	for _, path := range []string{"/", "/syncs/platform/agents", "/nothing", "/syncs/a/b"} {
		got := ask(t, http.MethodGet, server.URL+path, "", "Authorization", "Bearer adas")
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; " +
				"img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"} {
			if got.header.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, got.header.Get(name))
			}
		}
		found := asset.FindStringSubmatch(got.text)
		if found == nil {
			t.Fatalf("%s has no style:\n%s", path, got.text)
		}
		style := ask(t, http.MethodGet, server.URL+found[1], "")
		if style.code != http.StatusOK || !strings.Contains(style.header.Get("Cache-Control"), "immutable") ||
			!strings.HasPrefix(style.header.Get("Content-Type"), "text/css") {
			t.Errorf("%s: %d %v", found[1], style.code, style.header)
		}
	}
	if got := ask(t, http.MethodGet, server.URL+"/assets/page.000000000000.css", ""); got.code != http.StatusNotFound {
		t.Errorf("a file that there is not: %d", got.code)
	}
}

// Each act needs a right of its own, is written with the person's token alone, and is not offered to who may not.
func TestActsAreWrittenWithTheirTokens(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	c.knows("adas", "ada", "get */*", "sync platform/agents")
	c.knows("bobs", "bob", "get */*", "suspend platform/*", "release platform/*")
	server := c.inCluster(true)
	at := server.URL + "/syncs/platform/agents"
	commit := strings.Repeat("b", 40)
	for _, a := range []struct {
		token, act, body string
		code             int
	}{
		{"adas", html.ActSync, "", http.StatusSeeOther},
		{"adas", html.ActRelease, html.FieldCommit + "=" + commit, http.StatusForbidden},
		{"adas", html.ActSuspend, "", http.StatusForbidden},
		{"adas", html.ActResume, "", http.StatusForbidden},
		{"bobs", html.ActSync, "", http.StatusForbidden},
		{"bobs", html.ActSuspend, "", http.StatusSeeOther},
		{"bobs", html.ActResume, "", http.StatusSeeOther},
		{"bobs", html.ActRelease, html.FieldCommit + "=" + strings.Repeat("c", 40), http.StatusConflict},
		{"bobs", html.ActRelease, "", http.StatusConflict},
		{"bobs", html.ActRelease, html.FieldCommit + "=" + commit, http.StatusSeeOther},
		{"bobs", "delete", "", http.StatusNotFound},
	} {
		before := len(c.patches)
		got := ask(t, http.MethodPost, at+"/"+a.act, a.body, "Authorization", "Bearer "+a.token, "Sec-Fetch-Site", "same-origin")
		written := c.patches[before:]
		if got.code != a.code || (len(written) == 1) != (a.code == http.StatusSeeOther) {
			t.Errorf("%s by %s: %d, written %q", a.act, a.token, got.code, written)
		}
		for _, one := range written {
			if !strings.HasPrefix(one, "Bearer "+a.token+" ") {
				t.Errorf("%s by %s was written as %q", a.act, a.token, one)
			}
		}
		if got.code == http.StatusSeeOther {
			told := ask(t, http.MethodGet, server.URL+got.header.Get("Location"), "", "Authorization", "Bearer "+a.token)
			if told.code != http.StatusOK {
				t.Errorf("%s leads to %d", a.act, told.code)
			}
		}
		if got := ask(t, http.MethodGet, at+"/"+a.act, "", "Authorization", "Bearer "+a.token); got.code != http.StatusNotFound {
			t.Errorf("GET %s: %d", a.act, got.code)
		}
	}
	for token, offered := range map[string][]bool{"adas": {true, false, false}, "bobs": {false, true, true}} {
		page := ask(t, http.MethodGet, at, "", "Authorization", "Bearer "+token).text
		for i, act := range []string{html.ActSync, html.ActSuspend, html.ActRelease} {
			if strings.Contains(page, `action="/syncs/platform/agents/`+act+`"`) != offered[i] {
				t.Errorf("%s is offered %s, or not:\n%s", token, act, page)
			}
		}
	}
}

// paced has the Sync of a cluster be one whose stage waits for an approval.
func (c *cluster) paced(namespace, name string, waits api.StageWait) {
	c.rolls(namespace, name)
	s := c.syncs[namespace+"/"+name].DeepCopy()
	s.Spec.Rollout.OnDelete = api.OnDeletePace
	s.Spec.Rollout.Pace = &api.Pace{Stages: []api.PaceStage{{Name: "canary", AtMost: 1, Approve: true}}}
	s.Status.Summary = api.Summary{Commit: "bbbbbbb", State: api.RollingOut}
	s.Status.InFlight.State, s.Status.History[0].State = api.RollingOut, api.RollingOut
	s.Status.InFlight.Stage = &api.FlightStage{Name: "canary", Index: 1, Of: 2, Nodes: 1, Settled: 1, Since: metav1.NowMicro(),
		WaitsFor: waits}
	c.put(s)
}

// To promote is a right of its own, and so is to pause that of who may suspend: whoever lacks it is refused and offered
// nothing, what is written is written with the person's own token, and only for the stage that they have seen.
func TestPromotingNeedsItsOwnRight(t *testing.T) {
	c := newCluster(t)
	c.paced("platform", "agents", api.StageApproval)
	c.knows("adas", "ada", "get */*", "promote platform/agents")
	c.knows("bobs", "bob", "get */*", "sync */*", "suspend */*", "release */*")
	server := c.inCluster(true)
	at := server.URL + "/syncs/platform/agents"
	seen := html.FieldCommit + "=" + strings.Repeat("b", 40) + "&" + html.FieldStage + "="
	for _, a := range []struct {
		token, act, body string
		code             int
		wrote            string
	}{
		{"bobs", html.ActPromote, seen + "1", http.StatusForbidden, ""},
		{"adas", html.ActPromote, seen + "2", http.StatusConflict, ""},
		{"adas", html.ActPromote, html.FieldStage + "=1&" + html.FieldCommit + "=" + strings.Repeat("c", 40), http.StatusConflict, ""},
		{"adas", html.ActPromote, "", http.StatusConflict, ""},
		{"adas", html.ActPromote, seen + "1", http.StatusSeeOther, `"daemongate.io/promote":"` + strings.Repeat("b", 40) + " 1 "},
		{"adas", html.ActPause, "", http.StatusForbidden, ""},
		{"adas", html.ActUnpause, "", http.StatusForbidden, ""},
		{"bobs", html.ActPause, html.FieldReason + "=" + strings.Repeat("x", mostOfAForm), http.StatusSeeOther, `"daemongate.io/pause"`},
		{"bobs", html.ActPause, html.FieldReason + "=it+is+hot", http.StatusSeeOther, `\"reason\":\"it is hot\",\"by\":\"bob\"`},
		{"bobs", html.ActUnpause, "", http.StatusSeeOther, `"daemongate.io/pause":null`},
	} {
		before := len(c.patches)
		got := ask(t, http.MethodPost, at+"/"+a.act, a.body, "Authorization", "Bearer "+a.token, "Sec-Fetch-Site", "same-origin")
		written := strings.Join(c.patches[before:], "|")
		if got.code != a.code || (written == "") != (a.wrote == "") || !strings.Contains(written, a.wrote) ||
			a.wrote != "" && !strings.HasPrefix(written, "Bearer "+a.token+" ") || len(written) > mostOfAForm {
			t.Errorf("%s by %s: %d, written %q", a.act, a.token, got.code, written)
		}
	}
	for token, offered := range map[string][]bool{"adas": {true, false}, "bobs": {false, true}} {
		page := ask(t, http.MethodGet, at, "", "Authorization", "Bearer "+token).text
		for i, act := range []string{html.ActPromote, html.ActPause} {
			if strings.Contains(page, `action="/syncs/platform/agents/`+act+`"`) != offered[i] {
				t.Errorf("%s is offered %s, or not:\n%s", token, act, page)
			}
		}
	}
	c.paced("platform", "agents", api.StageNodes)
	got := ask(t, http.MethodPost, at+"/"+html.ActPromote, seen+"1", "Authorization", "Bearer adas", "Sec-Fetch-Site", "same-origin")
	if got.code != http.StatusConflict || !strings.Contains(got.text, "it still rolls out") {
		t.Errorf("of a stage that rolls out: %d %s", got.code, got.text)
	}
}

// Without --http-actions nobody may do anything, and no form is shown.
func TestThePageIsForReading(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	c.knows("adas", "ada", "get */*", "sync */*", "suspend */*", "release */*")
	server := c.inCluster(false)
	at := server.URL + "/syncs/platform/agents"
	if got := ask(t, http.MethodGet, at, "", "Authorization", "Bearer adas"); strings.Contains(got.text, "method=\"post\"") {
		t.Errorf("a form is shown:\n%s", got.text)
	}
	for act := range verbs {
		got := ask(t, http.MethodPost, at+"/"+act, html.FieldCommit+"="+strings.Repeat("b", 40), "Authorization", "Bearer adas")
		if got.code != http.StatusForbidden || len(c.patches) > 0 {
			t.Errorf("%s: %d, written %q", act, got.code, c.patches)
		}
	}
}
