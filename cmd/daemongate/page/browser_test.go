package page_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/daemongate/daemongate/cmd/daemongate/changes"
	"github.com/daemongate/daemongate/cmd/daemongate/diff"
	"github.com/daemongate/daemongate/cmd/daemongate/page"
	"github.com/daemongate/daemongate/cmd/daemongate/page/browsertest"
	"github.com/daemongate/daemongate/manifests/clustertest"
	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

var browser browsertest.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	browser.Stop()
	os.Exit(code)
}

// world is an API server that is played, and the page that shows what it has.
type world struct {
	api    *apiServer
	fleets fleets
	told   *told
	opened func(path string) string // the address to be opened first
	at     string                   // host and port
	server *http.Server
	page   *page.Page
}

// newWorld serves the page for whoever has started it.
func newWorld(t testing.TB, fleets fleets, syncs ...*api.Sync) *world {
	t.Helper()
	w := &world{api: newAPIServer(t), fleets: fleets, told: newTold()}
	for _, s := range syncs {
		w.api.put(s)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.at = listener.Addr().String()
	w.page, w.opened, err = page.OfCaller(page.Reach{Config: w.api.config(), Cluster: "prod-eu", Sight: fleets.sight,
		Released: released, Changes: readFromGit, Fleets: w.told}, w.at)
	if err != nil {
		t.Fatal(err)
	}
	w.serve(listener)
	t.Cleanup(func() {
		w.server.Close()
		w.page.Close()
	})
	return w
}

func (w *world) serve(listener net.Listener) {
	w.server = &http.Server{Handler: w.page.Handler()}
	go func() { _ = w.server.Serve(listener) }()
}

func (w *world) url(path string) string { return "http://" + w.at + path }

// tab is a tab that has been let in.
func (w *world) tab(t testing.TB, look browsertest.Look) *browsertest.Tab {
	t.Helper()
	tab := browser.Start(t).Tab(t, look)
	tab.Open(w.opened("/"))
	tab.Until("to be let in", `document.querySelector("header.bar")`)
	w.open(t, tab, "/")
	return tab
}

// open opens a page; again where the machine is too slow for the page's patience.
func (w *world) open(t testing.TB, tab *browsertest.Tab, path string) {
	t.Helper()
	tab.Except("status of 503")
	clustertest.Until(t, 5*time.Minute, "the page "+path, func() (seen string, opened bool) {
		tab.Open(w.url(path))
		tab.Eval("document.body.innerText", &seen)
		return seen, !strings.Contains(seen, "Not just now")
	})
}

func released(s *api.SyncStatus) (string, api.CommitState) {
	if f := s.InFlight; f != nil && f.State == api.Stuck && !f.Released {
		return f.Commit, f.State
	}
	return "", ""
}

// readFromGit is what every commit has changed there: more than is as wide as a window, and one object too many.
func readFromGit(context.Context, *api.Sync, string, string) changes.Of {
	return changes.Of{Author: "Ann Example", At: time.Now().Add(-time.Hour), Message: "Enable the new parser\n\nIt is faster, " +
		strings.Repeat("and-it-has-no-end-", 20), Objects: []changes.Object{
		{Object: diff.Object{Text: "diff -u -N BEFORE/v1.ConfigMap.logging.parser COMMIT/v1.ConfigMap.logging.parser\n" +
			"--- BEFORE/v1.ConfigMap.logging.parser\n+++ COMMIT/v1.ConfigMap.logging.parser\n@@ -1,3 +1,3 @@\n data:\n" +
			"-  parser: cri\n+  parser: cri2 " + strings.Repeat("x", 300) + "\n kind: ConfigMap\n"},
			Resource: schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}},
		{}}}
}

// shown is a page, with what is to be read on it and the classes of the cells.
type shown struct {
	path  string
	texts []string
	cells string
}

// everyState is a cluster in which there is a Sync in each state.
func everyState(t testing.TB) (*world, map[string]shown) {
	never := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "logging", Name: "never", UID: "never"}}
	stuck := inState(newSync("stuck"), api.Stuck, "CrashLoop on 2 of 12 nodes: "+crash)
	complete := inState(newSync("complete"), api.Complete, "12 of 12 nodes settled")
	complete.Status.History = append(complete.Status.History[:1:1], append([]api.Record{{Commit: hash("9"),
		Subject: "Fix the buffer's path", State: api.Carried, By: hash("b"), Outcome: api.Complete, First: ago(3 * time.Minute),
		Since: ago(time.Minute)}}, complete.Status.History[1:]...)...)
	suspended := inState(newSync("suspended"), api.Complete, "12 of 12 nodes settled")
	suspended.Spec.Suspend = true
	held := inState(newSync("held"), api.Complete, "12 of 12 nodes settled")
	held.Spec.Windows = []api.Window{{Allow: "0 22 * * 1-5", Duration: metav1.Duration{Duration: 6 * time.Hour},
		TimeZone: "Europe/Berlin"}}
	next := metav1.NewTime(time.Now().Add(3 * time.Hour))
	held.Status.NextWindow = &next
	held.Status.Held = api.HeldCommits{Count: 1, Newest: hash("c"), Reason: "no window is open", Commits: []string{hash("c")}}
	held.Status.History = append([]api.Record{{Commit: hash("c"), Subject: "Raise the log level", State: api.Held,
		First: ago(time.Minute), Since: ago(time.Minute)}}, held.Status.History...)

	paced := inState(newSync("paced"), api.RollingOut, "")
	paced.Spec.Rollout.OnDelete = api.OnDeletePace
	paced.Spec.Rollout.Pace = &api.Pace{Stages: []api.PaceStage{{Name: "canary", AtMost: 3, Approve: true},
		{Name: "zone", Each: "topology.kubernetes.io/zone"}}}
	paced.Status.InFlight.Stage = &api.FlightStage{Name: "canary", Index: 1, Of: 4, Since: ago(3 * time.Minute), Nodes: 3, Settled: 3,
		WaitsFor: api.StageApproval, Message: "has soaked, and waits for a person"}

	w := newWorld(t, fleets{
		"paced":     newFleet(12).are(rollout.IsSettled, 0, 3),
		"rolling":   newFleet(120).are(rollout.IsSettled, 0, 60).are(rollout.IsUpdated, 60, 66),
		"stuck":     newFleet(12).are(rollout.IsSettled, 0, 3).are(rollout.IsFailing, 3, 5),
		"complete":  newFleet(12).are(rollout.IsSettled, 0, 12),
		"suspended": newFleet(12).are(rollout.IsSettled, 0, 12),
		"held":      newFleet(12).are(rollout.IsSettled, 0, 12),
	}, never, newSync("rolling"), stuck, complete, suspended, held, paced)
	one := func(name string) string { return "/syncs/logging/" + name }
	return w, map[string]shown{
		"all Syncs":    {"/", []string{"7 Syncs, what is stuck first", "logging/stuck", "suspended", "never"}, ""},
		"never polled": {one("never"), []string{"the repository has not been polled yet", "No commit has been seen yet"}, ""},
		"rolling out": {one("rolling"), []string{"RollingOut", "60 of 120 nodes settled", "6 with a new pod",
			"Enable the new parser", "eu-1a"}, "60s 6u 54o"},
		"stuck": {one("stuck"), []string{"Stuck", "CrashLoop", crash, "Read why in its log", "node-0004",
			"Nodes with trouble: 2"}, "3s 2f 7o"},
		"complete and carried": {one("complete"), []string{"Complete", "Fix the buffer's path", "Carried"}, "12s"},
		"a stage that waits": {one("paced"), []string{"stage 1 of 4 (canary)", "3 of 3 nodes settled", "has soaked, and waits for a person",
			"Promote bbbbbbb", "Pause"}, "3s 9o"},
		"suspended":        {one("suspended"), []string{"suspended", "Resume"}, "12s"},
		"held by a window": {one("held"), []string{"Raise the log level", "no window is open", "Europe/Berlin"}, "12s"},
		"a commit": {one("stuck") + "/commits/" + hash("b"), []string{"Enable the new parser", "and-it-has-no-end",
			"2 objects differ from what aaaaaaa asked for", "+  parser: cri2", "no room for so much here"}, ""},
		"a node":           {"/nodes/node-0004", []string{"node-0004", "CrashLoop"}, ""},
		"nodes as a table": {one("stuck") + "?show=nodes", []string{"node-0012", "All 12 nodes"}, ""},
		"not there":        {one("nothing"), []string{"logging/nothing"}, ""},
	}
}

// cells are how many cells the grid has of each class, the first seen first: 3s 2f.
const cells = `(() => { const n = new Map();
	const in_order = [...document.querySelectorAll("#grid i")].sort((a, b) => a.title < b.title ? -1 : 1);
	for (const c of in_order) n.set(c.classList[0], (n.get(c.classList[0]) ?? 0) + 1);
	return [...n].map(([letter, count]) => count + letter).join(" ") })()`

// How somebody looks at a page: at a desk in the light, and on a phone in the dark.
var (
	desk  = browsertest.Look{Width: 1280, Height: 800}
	phone = browsertest.Look{Width: 360, Height: 740, Dark: true}
)

// Every state looks right on a wide and on a narrow window, in the light and in the dark: what is to be read is there,
// the cells have their classes, nothing is wider than the window, and axe-core finds nothing.
func TestEveryStateLooksRight(t *testing.T) {
	t.Parallel()
	w, pages := everyState(t)
	tab := w.tab(t, browsertest.Look{})
	tab.Except("404") // what is not there
	for name, p := range pages {
		t.Run(name, func(t *testing.T) {
			tab := tab.For(t)
			w.open(t, tab, p.path)
			check(t, tab, p, desk, phone)
		})
	}
}

// check holds a page that is open against what is to be seen.
func check(t *testing.T, tab *browsertest.Tab, p shown, looks ...browsertest.Look) {
	t.Helper()
	tab.UntilText(p.texts...)
	tab.Until("the cells "+p.cells, fmt.Sprintf("%s === %q", cells, p.cells))
	for _, look := range looks {
		tab.Change(look)
		var wide string
		tab.Eval(tooWide, &wide)
		if wide != "" {
			t.Errorf("in a window %d wide this is too wide: %s", look.Width, wide)
		}
		for _, said := range tab.Accessible() {
			t.Errorf("dark %t: %s", look.Dark, said)
		}
	}
}

// tooWide names what reaches beyond the window and cannot be scrolled by itself; nothing if the document is as wide.
const tooWide = `(() => { const width = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth <= width) return "";
	return [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > width + 1 &&
		!e.parentElement.closest(".scroll")).slice(0, 5).map(e => e.outerHTML.slice(0, 120)).join("\n") || "the document" })()`

// inForcedColours says what of the classes of cells cannot be told apart, or read, where the system's few colours stand in
// the place of the page's; and whether those with trouble stand out. It is empty if all is well.
const inForcedColours = `(() => {
	if (!matchMedia("(forced-colors: active)").matches) return "the colours are not forced";
	const light = (text) => { const c = text.match(/[\d.]+/g).slice(0, 3).map(v => v / 255)
		.map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * c[0] + .7152 * c[1] + .0722 * c[2]; };
	const contrast = (a, b) => (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
	const shapes = new Map(), wrong = [], grounds = {};
	for (const letter of "slufombat") for (const cell of [document.querySelector("#grid i." + letter),
			document.querySelector(".legend i." + letter)]) {
		const style = getComputedStyle(cell), shape = getComputedStyle(cell, "::before").content;
		if ((shapes.get(shape) ?? letter) !== letter) wrong.push(letter + " has the shape of " + shapes.get(shape));
		shapes.set(shape, letter);
		grounds[letter] = style.backgroundColor;
		if (contrast(light(style.color), light(style.backgroundColor)) < 4.5)
			wrong.push(letter + ": " + style.color + " on " + style.backgroundColor);
	}
	for (const letter of "fl") if (grounds[letter] === grounds.s) wrong.push(letter + " does not stand out");
	return wrong.join("; ") })()`

// Where the system has few colours, as with high contrast, the shape of each class is still its own and can be read, in the
// light and in the dark, and what fails stands out.
func TestClassesStayApartInForcedColours(t *testing.T) {
	t.Parallel()
	all := []rollout.NodeState{rollout.IsSettled, rollout.IsUpdated, rollout.IsOld, rollout.IsFailing, rollout.IsLost,
		rollout.IsMissing, rollout.IsFailingBefore, rollout.IsAbsent, rollout.IsLate}
	f := newFleet(len(all))
	for i, state := range all {
		f.are(state, i, i+1)
	}
	w := newWorld(t, fleets{"agents": f}, newSync("agents"))
	tab := w.tab(t, browsertest.Look{})
	w.open(t, tab, "/syncs/logging/agents")
	for _, dark := range []bool{false, true} {
		look := browsertest.Look{Width: 1280, Height: 800, Dark: dark, Forced: true}
		check(t, tab, shown{"", []string{"1 of 9 nodes settled"}, "1s 1u 1o 1f 1l 1m 1b 1a 1t"}, look)
		var wrong string
		if tab.Eval(inForcedColours, &wrong); wrong != "" {
			t.Errorf("dark %t: %s", dark, wrong)
		}
	}
}

// A cluster without a Sync says so, and how the first one is made.
func TestAnEmptyClusterSaysHowToBegin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fleets{})
	tab := w.tab(t, browsertest.Look{})
	check(t, tab, shown{"/", []string{"There is no Sync yet that you may see", "daemongate create sync"}, ""}, desk, phone)
}

// A thousand Syncs are one page, the stuck one first, and can be filtered; five thousand nodes are one grid.
func TestAThousandSyncsAndFiveThousandNodes(t *testing.T) {
	t.Parallel()
	var syncs []*api.Sync
	for i := range 999 {
		s := inState(newSync(fmt.Sprintf("agents-%04d", i)), api.Complete, "12 of 12 nodes settled")
		s.Namespace = fmt.Sprintf("team-%02d", i%23)
		syncs = append(syncs, s)
	}
	w := newWorld(t, fleets{"large": newFleet(5000).are(rollout.IsSettled, 0, 4000).are(rollout.IsFailing, 4000, 4003)},
		append(syncs, inState(newSync("large"), api.Stuck, "CrashLoop on 3 of 5000 nodes"))...)
	tab := w.tab(t, phone)
	tab.UntilText("1000 Syncs, what is stuck first")
	if first := tab.Text("table.syncs tbody tr"); !strings.Contains(first, "logging/large") {
		t.Errorf("first stands %s", first)
	}
	w.open(t, tab, "/?namespace=team-07&q=agents-0007")
	check(t, tab, shown{"", []string{"1 of 1000 Syncs", "team-07/agents-0007"}, ""}, phone)
	w.open(t, tab, "/syncs/logging/large")
	check(t, tab, shown{"", []string{"4000 of 5000 nodes settled", "node-4001", crash}, "4000s 3f 997o"}, phone)
}
