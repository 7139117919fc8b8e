package page

import (
	"bufio"
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/cmd/daemongate/fleet/kept"
	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/gittest"
	"github.com/daemongate/daemongate/gitsource/remote"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// repository is a real one, in which clusters tell what became of its commits.
type repository struct {
	*testing.T
	dir     string
	commits []string // oldest first
}

func newRepository(t *testing.T, commits int) *repository {
	t.Helper()
	r := &repository{T: t, dir: filepath.Join(t.TempDir(), "fleet")}
	for i := range commits {
		r.commits = append(r.commits, gittest.Commit(t, r.dir, "agent.yaml", strings.Repeat("x", i+1)))
	}
	return r
}

// tell writes as a cluster does.
func (r *repository) tell(cluster, sync string, commit int, state api.CommitState, message string) {
	r.Helper()
	host := map[api.CommitState]forge.State{api.Complete: forge.Success, api.Stuck: forge.Failure}[state]
	if host == "" {
		host = forge.Pending
	}
	n := forge.NewNotes(r.dir, cluster, remote.Auth{}, filepath.Join(filepath.Dir(r.dir), "notes"))
	err := n.Report(r.Context(), []forge.Status{{Commit: r.commits[commit], Context: "daemongate/" + cluster + "/" + sync,
		State: host, Description: message, Time: time.Now().Add(-time.Hour), Details: forge.Details{Sync: sync,
			State: string(state)}}}).Err()
	if err != nil {
		r.Fatal(err)
	}
}

// reads keeps what is read of repositories, with the credentials of nobody.
func reads(t *testing.T) *kept.Kept {
	t.Helper()
	store := gitsource.Open(t.TempDir(), gitsource.Options{})
	t.Cleanup(store.Close)
	k := kept.Keep(kept.Reader{Folder: t.TempDir(),
		Repository: func(_ context.Context, s *api.Sync) (*gitsource.Repository, error) {
			return store.Repository(s.Spec.Source.URL, gitsource.Auth{})
		},
		Auth: func(*api.Sync) gitsource.Source {
			return func(context.Context) (gitsource.Auth, error) { return gitsource.Auth{}, nil }
		}})
	t.Cleanup(k.Close)
	return k
}

// follows puts a Sync into the cluster that follows a repository.
func (c *cluster) follows(namespace, name, url string) {
	s := &api.Sync{TypeMeta: metav1.TypeMeta{APIVersion: api.GroupVersion.String(), Kind: api.Kind.Kind},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	s.Spec.Source.URL, s.Spec.Report.Provider = url, api.ProviderNotes
	s.Status.InFlight = &api.Flight{Commit: strings.Repeat("b", 40), State: api.Complete, Since: metav1.NowMicro()}
	c.put(s)
}

// withFleets serves the page of the controller of cluster canary.
func (c *cluster) withFleets(f Fleets) *httptest.Server {
	c.t.Helper()
	reach := c.reach()
	reach.Fleets, reach.Cluster = f, "canary"
	p, err := InCluster(reach, false)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.serve(p)
}

// threeClusters is a repository of which three clusters have told, each of two Syncs.
func threeClusters(t *testing.T) *repository {
	r := newRepository(t, 3)
	for _, cluster := range []string{"canary", "eu", "us"} {
		r.tell(cluster, "web/proxy", 2, api.Complete, "Complete: secret-of-web")
	}
	r.tell("canary", "platform/agents", 2, api.Complete, "Complete: 3 nodes")
	r.tell("eu", "platform/agents", 1, api.Stuck, "Stuck: CrashLoop on 2 of 12 nodes")
	r.tell("us", "platform/agents", 2, api.Held, "Held: opens Mon 22:00")
	r.tell("us", "platform/agents", 1, api.Complete, "Complete: 12 nodes")
	r.tell("silent", "platform/agents", 0, api.Complete, "Complete: 12 nodes")
	return r
}

// plain is what a person reads of a page.
func plain(text string) string {
	var b strings.Builder
	for _, part := range strings.Split(text, "<") {
		_, after, _ := strings.Cut(part, ">")
		b.WriteString(" " + after)
	}
	return strings.Join(strings.Fields(html.UnescapeString(b.String())), " ")
}

// What clusters have told of a Sync, here and elsewhere, is for who may get one of that namespace and name here; who may
// get none of the Syncs that follow a repository is not told of it, nor that there is one.
func TestAFleetIsShownByTheRightsToSyncs(t *testing.T) {
	t.Parallel()
	r, c := threeClusters(t), newCluster(t)
	c.follows("platform", "agents", r.dir)
	c.follows("web", "proxy", r.dir)
	c.knows("adas", "ada", "get */*")
	c.knows("bobs", "bob", "get platform/agents")
	c.knows("eves", "eve", "get web/*")
	c.knows("nobodys", "nobody")
	server := c.withFleets(reads(t))
	const own, webs, silent = "Stuck: CrashLoop on 2 of 12 nodes", "web/proxy", "silent"
	for token, sees := range map[string]string{"adas": own + "|" + webs + "|" + silent, "bobs": own + "|" + silent, "eves": webs, "nobodys": ""} {
		at := "/syncs/platform/agents/fleet"
		if token == "eves" {
			at = "/syncs/web/proxy/fleet"
		}
		got := ask(t, http.MethodGet, server.URL+at, "", "Authorization", "Bearer "+token)
		if want := map[bool]int{true: http.StatusOK, false: http.StatusNotFound}[sees != ""]; got.code != want {
			t.Fatalf("%s: %d\n%s", token, got.code, plain(got.text))
		}
		for _, one := range []string{own, webs, silent} {
			if strings.Contains(plain(got.text), one) != strings.Contains(sees, one) {
				t.Errorf("%s sees, of %q:\n%s", token, one, plain(got.text))
			}
		}
	}
	other := ask(t, http.MethodGet, server.URL+"/syncs/platform/agents/fleet", "", "Authorization", "Bearer eves")
	none := ask(t, http.MethodGet, server.URL+"/syncs/platform/nothing/fleet", "", "Authorization", "Bearer eves")
	if other.code != http.StatusNotFound || plain(other.text) != strings.ReplaceAll(plain(none.text), "nothing", "agents") {
		t.Errorf("a Sync that may not be seen: %d\n%s\n%s", other.code, plain(other.text), plain(none.text))
	}
}

// A silent cluster is told of to who may get everything alone: it names no Sync.
func TestASilentClusterIsForWhoMayGetEverything(t *testing.T) {
	t.Parallel()
	r, c := threeClusters(t), newCluster(t)
	c.follows("platform", "agents", r.dir)
	c.knows("adas", "ada", "get */*")
	c.knows("bobs", "bob", "get platform/*")
	server := c.withFleets(reads(t))
	for token, sees := range map[string]bool{"adas": true, "bobs": false} {
		got := ask(t, http.MethodGet, server.URL+"/syncs/platform/agents/fleet?limit=2", "", "Authorization", "Bearer "+token)
		if strings.Contains(got.text, "silent") != sees {
			t.Errorf("%s:\n%s", token, plain(got.text))
		}
	}
}

// Filters are addresses; one that cannot be meant is refused with what is wrong, before anything is read.
func TestFiltersOfAFleetAreAddresses(t *testing.T) {
	t.Parallel()
	r, c := threeClusters(t), newCluster(t)
	c.follows("platform", "agents", r.dir)
	c.knows("bobs", "bob", "get platform/agents")
	server := c.withFleets(reads(t))
	get := func(path string) answer {
		return ask(t, http.MethodGet, server.URL+path, "", "Authorization", "Bearer bobs")
	}
	at, short := "/syncs/platform/agents/fleet", r.commits[1][:8]
	for query, want := range map[string]string{
		"":                       "4 Syncs, what needs somebody first",
		"?cluster=e*":            "1 of 4 Syncs",
		"?stuck=1":               "1 of 4 Syncs",
		"?behind=1":              "3 of 4 Syncs",
		"?behind=1&cluster=us":   "1 of 4 Syncs",
		"?cluster=none":          "No Sync is like that",
		"?commit=" + short:       "has taken over on 2 of 4 Syncs",
		"?limit=2":               "The newest 2 commits",
		"?limit=100&behind=&all": "4 Syncs, what needs somebody first",
	} {
		if got := get(at + query); got.code != http.StatusOK || !strings.Contains(plain(got.text), want) {
			t.Errorf("%s: %d, without %q:\n%s", query, got.code, want, plain(got.text))
		}
	}
	for query, want := range map[string]string{
		"?cluster=[": `clusters named "["`, "?limit=0": `limit="0"`, "?limit=101": "between 1 and 100", "?limit=many": `limit="many"`,
		"?behind=yes": `behind="yes"`, "?stuck=2": `stuck="2"`, "?commit=xyz": `commit "xyz"`, "?commit=ab": `commit "ab"`,
	} {
		for _, path := range []string{at, at + "/live", "/fleet"} {
			if got := get(path + query); got.code != http.StatusBadRequest || !strings.Contains(plain(got.text), want) {
				t.Errorf("%s%s: %d, without %q:\n%s", path, query, got.code, want, plain(got.text))
			}
		}
	}
	if got := get(at + "?commit=0000000"); got.code != http.StatusNotFound || !strings.Contains(plain(got.text), "begins with 0000000") {
		t.Errorf("no such commit: %d\n%s", got.code, plain(got.text))
	}
}

// The list has each repository that a Sync follows which somebody may see, with what they may see of its fleet; the only
// one is shown itself, as it is asked for.
func TestFleetsAreThoseOfTheSyncsThatOneSees(t *testing.T) {
	t.Parallel()
	r, c := threeClusters(t), newCluster(t)
	c.follows("platform", "agents", r.dir)
	c.follows("platform", "again", r.dir)
	c.follows("web", "proxy", newRepository(t, 1).dir)
	c.knows("adas", "ada", "get */*")
	c.knows("bobs", "bob", "get platform/*")
	server := c.withFleets(reads(t))
	got := ask(t, http.MethodGet, server.URL+"/fleet", "", "Authorization", "Bearer adas")
	for _, want := range []string{r.dir + " branch main 2 Syncs here ✗ 1 needs somebody 4 7 3", "1 Sync here nothing told 0 0 0"} {
		if got.code != http.StatusOK || !strings.Contains(plain(got.text), want) {
			t.Errorf("lacks %q: %d\n%s", want, got.code, plain(got.text))
		}
	}
	got = ask(t, http.MethodGet, server.URL+"/fleet?stuck=1", "", "Authorization", "Bearer bobs")
	if to := got.header.Get("Location"); got.code != http.StatusSeeOther || to != "/syncs/platform/again/fleet?stuck=1" {
		t.Errorf("the only one: %d to %s\n%s", got.code, to, plain(got.text))
	}
	for path, want := range map[string]string{"/": `href="/fleet"`, "/syncs/platform/agents": `href="/syncs/platform/agents/fleet"`} {
		if got := ask(t, http.MethodGet, server.URL+path, "", "Authorization", "Bearer adas"); !strings.Contains(got.text, want) {
			t.Errorf("%s does not lead there:\n%s", path, got.text)
		}
	}
}

// An open page follows what clusters tell, until the right ends.
func TestAnOpenFleetFollows(t *testing.T) {
	t.Parallel()
	r, c := threeClusters(t), newCluster(t)
	c.follows("platform", "agents", r.dir)
	c.knows("bobs", "bob", "get platform/agents")
	k := reads(t)
	k.GoodFor = 0
	server := c.withFleets(k)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/syncs/platform/agents/fleet/live?stuck=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer bobs")
	stream, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	lines, told := bufio.NewScanner(stream.Body), false
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text := lines.Text()
		switch {
		case !told && strings.Contains(text, "Stuck: CrashLoop on 2 of 12 nodes"):
			r.tell("us", "platform/agents", 2, api.Stuck, "Stuck: ImagePull on 1 of 12 nodes")
			told = true
		case strings.Contains(text, "Stuck: ImagePull on 1 of 12 nodes"):
			c.set(func() { delete(c.rights, "bob get platform/agents") })
			for lines.Scan() {
			}
			if ctx.Err() != nil {
				t.Error("the stream goes on without the right")
			}
			return
		}
	}
	t.Errorf("the stream ended, told %v: %v", told, lines.Err())
}

// A page that reads no repositories has no fleets, and none leads there; one of another host is refused.
func TestWhereThereAreNoFleets(t *testing.T) {
	c := newCluster(t)
	c.rolls("platform", "agents")
	c.knows("adas", "ada", "get */*")
	server := c.inCluster(false)
	for _, path := range []string{"/fleet", "/syncs/platform/agents/fleet", "/syncs/platform/agents/fleet/live"} {
		if got := ask(t, http.MethodGet, server.URL+path, "", "Authorization", "Bearer adas"); got.code != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.code)
		}
	}
	if got := ask(t, http.MethodGet, server.URL+"/syncs/platform/agents", "", "Authorization", "Bearer adas"); strings.Contains(got.text, "fleet\"") {
		t.Error("it leads to a fleet")
	}
	own, _, address := c.ours()
	cookie := ask(t, http.MethodGet, address, "").header.Get("Set-Cookie")
	got := ask(t, http.MethodGet, own.URL+"/syncs/platform/agents/fleet", "", "Cookie", cookie, "Host", "evil.example")
	if got.code != http.StatusForbidden {
		t.Errorf("another host: %d", got.code)
	}
}
