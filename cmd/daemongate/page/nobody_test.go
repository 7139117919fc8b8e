package page

import (
	"net/http"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/daemongate/daemongate/cmd/daemongate/page/html"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// The address that lets in leads to a page of this server, whatever its path is: browsers take \ for /, and // for
// another server.
func TestTheAddressLeadsNowhereElse(t *testing.T) {
	for _, path := range []string{"/%5Cevil.example.com", "//evil.example.com", "/%2Fevil.example.com", "/x/..%2F%5Cevil.example.com"} {
		c := newCluster(t)
		server, _, address := c.ours()
		_, token, _ := strings.Cut(address, "?")
		got := ask(t, http.MethodGet, server.URL+path+"?"+token, "")
		_, to, _ := strings.Cut(got.text, "url=")
		if strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) || got.code == http.StatusOK && !strings.HasPrefix(to, "/") {
			t.Errorf("%s leads, with %d, to %.40s", path, got.code, to)
		}
	}
}

// At the port of http browsers leave the port out of the host's name, and are served nonetheless; no other name is.
func TestPort80IsNotNamed(t *testing.T) {
	s := &session{at: "127.0.0.1:80"}
	for name, want := range map[string]bool{"127.0.0.1:80": true, "127.0.0.1": true, "127.0.0.1:8080": false, "localhost": false} {
		if s.host(name) != want {
			t.Errorf("%s is served: %v", name, !want)
		}
	}
	if other := (&session{at: "127.0.0.1:8080"}); other.host("127.0.0.1") {
		t.Error("another port need not be named")
	}
}

// While the API server cannot say who somebody is, they are told nothing of it: no address and no error.
func TestNobodyIsToldWhatIsWrong(t *testing.T) {
	c := newCluster(t)
	server := c.inCluster(false)
	c.set(func() { c.down = true })
	got := ask(t, http.MethodGet, server.URL+"/", "", "Authorization", "Bearer whatever")
	if got.code != http.StatusServiceUnavailable {
		t.Errorf("it is %d", got.code)
	}
	hasNone(t, "the page", got.text, []string{"/apis", "tokenreview", strings.TrimPrefix(c.URL, "http://"), "503"})
}

// Rights that somebody has by a group end with the group, also for a page that stays open.
func TestAStreamGoesByTheGroupsOfNow(t *testing.T) {
	c := newCluster(t)
	c.knows("adas", "ada", "get */*")
	p, err := InCluster(c.reach(), false)
	if err != nil {
		t.Fatal(err)
	}
	forgetful(t, p)
	r := &bearer{door: p.door.(*bearers), token: "adas", who: &authenticationv1.UserInfo{Username: "who-it-was-of-old"}}
	if sees, err := r.sees(t.Context(), "platform", "agents"); err != nil || !sees {
		t.Errorf("asked about is %v, %v", sees, err)
	}
}

// The form says what a release does: that depends on why it is waited for.
func TestTheFormSaysWhatAReleaseDoes(t *testing.T) {
	for want, one := range map[string]struct {
		is     api.CommitState
		change func(*api.Flight)
	}{
		"lets it start":           {api.Held, func(*api.Flight) {}},
		"has it tried again":      {api.Stuck, func(f *api.Flight) { f.RollbackOf = &api.StuckCommit{Commit: f.Commit} }},
		"lets it delete":          {api.Complete, func(*api.Flight) {}},
		"lets the commits after":  {api.Stuck, func(*api.Flight) {}},
		"it lets the commits aft": {api.Complete, func(f *api.Flight) { f.Pruned, f.Relapse = true, &api.Relapse{} }},
	} {
		c := newCluster(t)
		c.rolls("platform", "agents")
		one.change(c.syncs["platform/agents"].Status.InFlight)
		c.knows("adas", "ada", "get */*", "release */*")
		r := c.reach()
		r.Released = func(s *api.SyncStatus) (string, api.CommitState) { return s.InFlight.Commit, one.is }
		p, err := InCluster(r, true)
		if err != nil {
			t.Fatal(err)
		}
		got := ask(t, http.MethodGet, c.serve(p).URL+"/syncs/platform/agents", "", "Authorization", "Bearer adas")
		_, form, _ := strings.Cut(got.text, html.FieldCommit)
		if form, _, _ = strings.Cut(form, "</form>"); !strings.Contains(form, want) {
			t.Errorf("%s does not say that it %q:\n%s", one.is, want, form)
		}
	}
}
