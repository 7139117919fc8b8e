package page_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/cmd/daemongate/page/browsertest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// stays marks the document, which a page that is loaded anew has lost.
const stays = `document.documentElement.dataset.stays === "yes"`

func mark(tab *browsertest.Tab) { tab.Eval(`document.documentElement.dataset.stays = "yes"`, nil) }

// are waits until the grid has its cells in these classes.
func are(tab *browsertest.Tab, counts string) {
	tab.Until("the cells "+counts, fmt.Sprintf("%s === %q", cells, counts))
}

// is waits until the verdict of a Sync's page has that state. The lane has the states of other commits too.
func is(tab *browsertest.Tab, state api.CommitState) {
	tab.Until("the verdict "+string(state), fmt.Sprintf(
		`document.querySelector("#verdict .chip").innerText.split(" ").includes(%q)`, state))
}

// What happens reaches an open page without it being loaded anew: nodes that settle, the cause when one fails, and the
// end. Afterwards the page says the same as one that is opened then.
func TestAnOpenPageFollows(t *testing.T) {
	t.Parallel()
	f, s := newFleet(12), newSync("agents")
	w := newWorld(t, fleets{"agents": f}, s)
	tab := w.tab(t, browsertest.Look{})
	w.open(t, tab, "/syncs/logging/agents")
	are(tab, "12o")
	mark(tab)
	f.are(rollout.IsSettled, 0, 3).are(rollout.IsUpdated, 3, 4)
	are(tab, "3s 1u 8o")
	tab.UntilText("3 of 12 nodes settled")
	f.are(rollout.IsFailing, 3, 4)
	are(tab, "3s 1f 8o")
	tab.UntilText(crash, "Read why in its log", "Nodes with trouble: 1")
	f.are(rollout.IsSettled, 3, 12)
	are(tab, "12s")
	w.api.put(inState(s.DeepCopy(), api.Complete, "12 of 12 nodes settled"))
	is(tab, api.Complete)
	tab.UntilText("12 of 12 nodes settled")
	tab.Until("the page not to have been loaded anew", stays)
	tab.Until("the causes to be gone", `!document.body.innerText.includes("CrashLoop")`)
}

// The list of all Syncs follows too: one that is new appears, and one that gets stuck comes first.
func TestTheListFollows(t *testing.T) {
	t.Parallel()
	done := inState(newSync("done"), api.Complete, "12 of 12 nodes settled")
	w := newWorld(t, fleets{"agents": newFleet(12)}, done)
	tab := w.tab(t, browsertest.Look{})
	tab.UntilText("logging/done")
	mark(tab)
	s := newSync("agents")
	w.api.put(s)
	tab.UntilText("logging/agents", "RollingOut")
	w.api.put(inState(s.DeepCopy(), api.Stuck, "CrashLoop on 1 of 12 nodes"))
	tab.Until("the stuck one first", `document.querySelector("table.syncs tbody tr").innerText.includes("Stuck")`)
	tab.Until("the page not to have been loaded anew", stays)
}

// The page's server is away and comes back: the page finds it by itself, and has what happened meanwhile.
func TestAPageComesBackAfterItsServerWasAway(t *testing.T) {
	t.Parallel()
	f := newFleet(12)
	w := newWorld(t, fleets{"agents": f}, newSync("agents"))
	tab := w.tab(t, browsertest.Look{})
	tab.Except("ERR_", "hx-sse", "htmx") // what a browser says of a server that is away
	w.open(t, tab, "/syncs/logging/agents")
	are(tab, "12o")
	f.are(rollout.IsSettled, 0, 1)
	are(tab, "1s 11o") // the stream is open
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	f.are(rollout.IsSettled, 1, 5)
	var listener net.Listener
	clustertest.Until(t, time.Minute, "the port to be free", func() (string, bool) {
		l, err := net.Listen("tcp", w.at)
		listener = l
		return fmt.Sprint(err), err == nil
	})
	w.serve(listener)
	are(tab, "5s 7o")
}

// While the API server does not answer the page says since when, and keeps what was seen last; it says no more when
// there are answers again.
func TestALostAPIServerIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleets{"agents": newFleet(12).are(rollout.IsFailing, 3, 5)},
		inState(newSync("agents"), api.Stuck, "CrashLoop on 2 of 12 nodes"))
	tab := w.tab(t, browsertest.Look{})
	w.open(t, tab, "/syncs/logging/agents")
	are(tab, "10o 2f")
	w.api.leave()
	tab.UntilText("No answer from the API server since", crash)
	for _, said := range tab.Accessible() {
		t.Error(said)
	}
	w.api.comeBack()
	tab.Until("nothing to be said of that any more", `!document.body.innerText.includes("No answer from the API server")`)
}

// Without a mouse: the first Tab leads to a link that skips what all pages have; the arrows go through the cells, which
// are named; Enter opens the node; the way there is shown.
func TestTheKeyboardIsEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleets{"agents": newFleet(120).are(rollout.IsSettled, 0, 2)}, newSync("agents"))
	tab := w.tab(t, browsertest.Look{})
	w.open(t, tab, "/syncs/logging/agents")
	tab.Press("Tab")
	tab.Until("the link that skips to be seen", `document.activeElement.matches(".skip") &&
		document.activeElement.getBoundingClientRect().top >= 0`)
	tab.Press("Enter")
	tab.Until("the content to be next", `document.activeElement.id === "main" || location.hash === "#main"`)
	tab.Eval(`document.getElementById("field").focus()`, nil)
	tab.Press("Home")
	tab.UntilText("node-0001: settled")
	tab.Press("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowRight")
	tab.UntilText("node-0007:") // the zones stand one after the other
	tab.Press("ArrowDown")
	tab.Until("another row", `!document.body.innerText.includes("node-0007:")`)
	tab.Press("ArrowUp")
	tab.UntilText("node-0007:")
	tab.Press("Enter")
	tab.UntilText("Node node-0007", "logging/fluentd")
}

// With scripts switched off all is there to read, the links lead on, and the forms do what they say.
func TestThePageWorksWithoutScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleets{"agents": newFleet(12).are(rollout.IsSettled, 0, 3).are(rollout.IsFailing, 3, 5)},
		inState(newSync("agents"), api.Stuck, "CrashLoop on 2 of 12 nodes"))
	tab := w.tab(t, browsertest.Look{NoScript: true})
	tab.Click(`a[href="/syncs/logging/agents"]`)
	tab.UntilText("Without scripts this page does not follow what happens", crash, "Nodes with trouble: 2")
	are(tab, "3s 2f 7o")
	tab.Click(`form[action$="/sync"] button`)
	tab.UntilText("The controller was asked to poll.")
	tab.Click("details:has(form[action$='/suspend']) summary")
	tab.Click(`form[action$="/suspend"] button`)
	tab.UntilText("The Sync was suspended.")
	tab.Click("details:has(form[action$='/release']) summary")
	tab.Click(`form[action$="/release"] button`)
	tab.UntilText("The commit was released.")
	for _, want := range []string{"request", `"suspend":true`, hash("b")} {
		if wrote := w.api.written(); !strings.Contains(wrote, want) {
			t.Errorf("%s was not written: %s", want, wrote)
		}
	}
}

// Who may not write is offered nothing that writes.
func TestWhoMayNotWriteIsOfferedNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleets{"agents": newFleet(12)}, newSync("agents"))
	w.api.mu.Lock()
	w.api.readOnly = true
	w.api.mu.Unlock()
	tab := w.tab(t, browsertest.Look{})
	w.open(t, tab, "/syncs/logging/agents")
	are(tab, "12o")
	var forms int
	if tab.Eval(`document.querySelectorAll("form[method=post]").length`, &forms); forms > 0 {
		t.Errorf("%d forms", forms)
	}
}

// Another site that the same browser shows can neither read the page nor have it do something, although the browser
// sends the cookie along: to a browser all ports of a host are one site.
func TestAnotherSiteGetsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleets{"agents": newFleet(12)}, newSync("agents"))
	suspend := w.url("/syncs/logging/agents/suspend")
	other := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(answer, `<title>another site</title><form method="post" action=%q><button>Win</button></form>`, suspend)
	}))
	defer other.Close()
	tab := w.tab(t, browsertest.Look{})
	tab.Except("to another host", "ERR_", "CORS", "403")
	tab.Open(other.URL)
	var told string
	tab.Eval(fmt.Sprintf(`fetch(%q, {credentials: "include"}).then(r => r.text(), e => "refused")`, w.url("/")), &told)
	if told != "refused" {
		t.Errorf("it reads: %s", told)
	}
	tab.Eval(fmt.Sprintf(`fetch(%q, {method: "POST", mode: "no-cors", credentials: "include"}).then(r => r.type, e => "refused")`,
		suspend), &told)
	if wrote := w.api.written(); wrote != "" {
		t.Fatalf("by a fetch, %s, it wrote: %s", told, wrote)
	}
	tab.Click("button")
	tab.UntilText("Another origin")
	if wrote := w.api.written(); wrote != "" {
		t.Errorf("by a form it wrote: %s", wrote)
	}
	w.open(t, tab, "/syncs/logging/agents") // whose page it is can still read it
	are(tab, "12o")
}
