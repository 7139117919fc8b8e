package html

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/cmd/daemongate/fleet/board"
	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// pages are one of each kind, and what is on them; hostile replaces every text that others write.
func pages(t testing.TB, base, hostile string) map[string]string {
	t.Helper()
	p := page()
	p.Base, p.Told = base, "asked for a poll"
	d := stuck(12)
	if hostile != "" {
		p.Cluster, p.User, p.Told, p.Lost = hostile, hostile, hostile, Lost{noon, hostile}
		d = spoiled(d, hostile)
	}
	d.Release, d.Is = hash("b"), api.Stuck
	all := d
	all.Show = ShowNodes
	rows := []Row{RowOf(d.Sync, p.Now), RowOf(&api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "new", Name: "agents"}}, p.Now)}
	rows[0].Verdict, rows[0].Commit = rows[0].Verdict+hostile, hostile
	c := CommitData{View: d.View, Sync: d.Sync, Commit: hash("b"),
		Diff: "+a" + hostile + "\n-b\n"}
	n := NodeData{Name: "node-1" + hostile, Known: true, On: []OnNode{{Namespace: d.View.Namespace, Sync: d.View.Name,
		Node: d.View.Nodes[1], Causes: d.View.Causes}}}
	fleet := fleetData(threeClusters())
	if hostile != "" {
		fleet = spoiledFleet(hostile)
	}
	where := fleet
	where.Where = &board.Where{Commit: fleet.All.Commits[0], Syncs: []board.Place{{Cluster: "c" + hostile, Name: hostile,
		Fate: board.Fate{State: "Odd" + api.CommitState(hostile), Message: hostile}}}}
	list := []FleetRow{{Namespace: "a", Name: "b" + hostile, Repository: "r" + hostile, Ref: hostile, Why: hostile}}
	made := map[string]string{}
	for name, write := range map[string]func(b *bytes.Buffer) error{
		"syncs":   func(b *bytes.Buffer) error { return Syncs(b, p, rows, Filter{Text: hostile, Namespace: hostile}) },
		"rows":    func(b *bytes.Buffer) error { return Syncs(b, p, rows, Filter{}) },
		"empty":   func(b *bytes.Buffer) error { return Syncs(b, p, nil, Filter{}) },
		"sync":    func(b *bytes.Buffer) error { return Sync(b, p, d) },
		"nodes":   func(b *bytes.Buffer) error { return Sync(b, p, all) },
		"commit":  func(b *bytes.Buffer) error { return Commit(b, p, c) },
		"node":    func(b *bytes.Buffer) error { return Node(b, p, n) },
		"fleet":   func(b *bytes.Buffer) error { return Fleet(b, p, fleet) },
		"where":   func(b *bytes.Buffer) error { return Fleet(b, p, where) },
		"fleets":  func(b *bytes.Buffer) error { return Fleets(b, p, list) },
		"problem": func(b *bytes.Buffer) error { return Problem(b, p, "No"+hostile, "Why"+hostile, "Do"+hostile) },
	} {
		made[name] = written(t, write)
	}
	return made
}

// spoiled is a page in which others have written something into every text.
func spoiled(d SyncData, text string) SyncData {
	v := &d.View
	v.Namespace, v.Name, v.Verdict = v.Namespace+text, v.Name+text, v.Verdict+text
	d.Sync.Namespace, d.Sync.Name = v.Namespace, v.Name
	for i := range v.Nodes {
		n := &v.Nodes[i]
		n.Name, n.Why, n.Pod, n.DaemonSet, n.Cause = n.Name+text, text, n.Pod+text, text, rollout.Code(text)
		n.Labels = map[string]string{"topology.kubernetes.io/zone": "zone" + text}
	}
	for i := range v.Commits {
		v.Commits[i].Subject, v.Commits[i].By, v.Commits[i].Author = text, text, text
	}
	v.Commits[0].State = api.CommitState("Odd" + text)
	for i := range v.Causes {
		c := &v.Causes[i]
		c.Message, c.Remedy, c.Object, c.Nodes, c.Code = text, "run `x"+text+"` and "+text, text, []string{text}, rollout.Code(text)
		c.Help = "javascript:alert(1)//" + text
	}
	v.Waits, v.Notes, v.Missing = []string{text}, []string{text}, []string{text}
	v.DaemonSets = []view.DaemonSet{{Namespace: text, Name: text, Headline: text}}
	s := &d.Sync.Status
	s.Drift.Objects[0].Manager, s.Drift.Problem = text, text
	for i := range s.History {
		s.History[i].Private, s.History[i].Author = text, text
	}
	d.Sync.Spec.Windows = append(d.Sync.Spec.Windows, api.Window{Allow: text, TimeZone: text})
	d.Group = ""
	return d
}

// spoiledFleet is a fleet in which others have written something into every text.
func spoiledFleet(text string) FleetData {
	line := lineOf("ba")
	line[0].Subject, line[0].Author = text, text
	said := told("eu"+text, "b", api.Stuck, text)
	said.Details.Sync, said.Details.State = text, "Odd"+text
	d := fleetData(board.New(text, line, []forge.Said{said, told("us", "b", api.Stuck, text)}, []string{"silent" + text}))
	d.Ref, d.Notes, d.Namespace, d.Name = text, []string{text}, "a"+text, "b"+text
	d.Choice.Cluster, d.Commit = text, text
	return d
}

// hostileText is harmless, and would be seen if any of it were taken for more than text.
const hostileText = `"'><script>alert(1)</script><img src=x onerror=alert(2)></hx-partial></template>&lt;&amp;{{.}}` + "`\u202e"

// Whatever somebody calls a node, a namespace or a commit, or a program prints: it stays text, on pages and in frames.
func TestWhatOthersWriteStaysText(t *testing.T) { //nolint:gocyclo // one rule after the other of one result
	made := pages(t, "", hostileText)
	d := spoiled(stuck(12), hostileText)
	f := frame(t, page(), d)
	made["grid"] = f.Grid
	told, err := FleetFrame(page(), spoiledFleet(hostileText))
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range append(f.Fragments, told.Fragments...) {
		made["fragment "+one.ID] = one.HTML
		if strings.Contains(one.HTML, "</hx-partial") || strings.Contains(one.HTML, "</template") {
			t.Errorf("%s ends the element around it", one.ID)
		}
	}
	for name, text := range made {
		p := parsed(t, text)
		for _, s := range p.tags("script", "img", "iframe", "object", "style", "template") {
			if s.Data != "script" || !strings.HasPrefix(s.attr("src"), "/assets/") || s.text() != "" {
				t.Errorf("%s has an element %s", name, s.Data)
			}
		}
		for _, e := range p.all(func(element) bool { return true }) {
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
					t.Errorf("%s: %s has %s=%q", name, e.Data, a.Key, a.Val)
				}
			}
		}
	}
	if !strings.Contains(parsed(t, made["sync"]).id(t, "causes").text(), `<script>alert(1)</script>`) {
		t.Error("the text is not there as it was written")
	}
}

// What templ does not escape is made in two places of this package: the grid, and rows that it has escaped before. No
// template says of a text that it is safe.
func TestNobodyElseSaysThatATextIsSafe(t *testing.T) {
	files, err := filepath.Glob("*.templ")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	code, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, code...) {
		if strings.HasSuffix(file, "_templ.go") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, used := range regexp.MustCompile(`templ\.\w+`).FindAllString(string(text), -1) {
			raw := used == "templ.Raw" && (file == "grid.go" || file == "syncs.go")
			if !raw && used != "templ.Component" && used != "templ.KV" {
				t.Errorf("%s uses %s: what others write must be escaped", file, used)
			}
		}
	}
}

// A page is read without a script, under a policy that allows none in it and no style: what it needs it names by
// addresses of its own, below its base, and every control is a link or a form.
func TestPagesNeedNothingThatThePolicyForbids(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:`)
	for name, text := range pages(t, "/base", "") {
		if found := inline.FindString(text); found != "" {
			t.Errorf("%s has %s", name, found)
		}
		p := parsed(t, text)
		ownAddresses(t, name, p)
		if live := strings.Contains(text, "hx-sse:connect"); live != strings.Contains(text, "<noscript>") {
			t.Errorf("%s: followed %v, without a word to who has no scripts", name, live)
		}
	}
}

// ownAddresses fails if a page names an address that is not below its base, or a file that there is not.
func ownAddresses(t *testing.T, name string, p element) {
	t.Helper()
	for _, e := range p.all(func(element) bool { return true }) {
		for _, key := range []string{"href", "src", "action", "hx-sse:connect"} {
			at := e.attr(key)
			outside := e.Data == "a" && strings.HasPrefix(at, "https://github.com/daemongate/daemongate/")
			if at != "" && !strings.HasPrefix(at, "/base/") && !strings.HasPrefix(at, "#") && !outside {
				t.Errorf("%s: %s %s=%q", name, e.Data, key, at)
			}
		}
		if e.Data == "button" && (e.Parent.Data != "form" || e.attr("type") == "button") {
			t.Errorf("%s: a button that does nothing without a script", name)
		}
		if asset, ok := strings.CutPrefix(e.attr("src")+e.attr("href"), "/base/assets/"); ok {
			if _, _, found := Asset(asset); !found {
				t.Errorf("%s: there is no %s", name, asset)
			}
		}
	}
}

// Who hears a page, or goes through it by keys, finds their way: names for tables and regions, headings in order, ids
// that are there once, a link to the content, one place that is announced.
func TestPagesCanBeHeard(t *testing.T) {
	for name, text := range pages(t, "", "") {
		p := parsed(t, text)
		if top := p.tags("html")[0]; top.attr("lang") != "en" || p.tags("a")[0].attr("href") != "#main" || len(p.tags("h1")) != 1 {
			t.Errorf("%s: language %q, first link %q, %d h1", name, top.attr("lang"), p.tags("a")[0].attr("href"), len(p.tags("h1")))
		}
		namesAreThere(t, name, p)
		tablesCanBeHeard(t, name, p)
		for _, svg := range p.all(func(e element) bool { return e.Data == "svg" && e.attr("role") == "img" }) {
			if len(svg.tags("title")) != 1 || len(svg.tags("desc")) != 1 {
				t.Errorf("%s: a picture without words", name)
			}
		}
	}
	p := parsed(t, pages(t, "", "")["sync"])
	if said := p.all(func(e element) bool { return e.attr("role") == "status" }); len(said) != 1 {
		t.Errorf("%d places are announced", len(said))
	}
	if title := p.tags("title")[0].text(); !strings.HasPrefix(title, "asked for a poll") {
		t.Errorf("what became of an act is not heard: %s", title)
	}
	if grid := p.id(t, "grid"); grid.attr("role") != "img" || grid.attr("aria-labelledby") != "sentence" {
		t.Error("the grid has no sentence")
	}
}

// What has nothing in it has no space either: the style sheet hides what is empty.
func TestWhatIsEmptyHasNoSpace(t *testing.T) {
	for name, text := range pages(t, "", "") {
		for _, e := range parsed(t, text).tags("section", "div", "ul", "p", "td") {
			only := e.FirstChild
			if only != nil && only == e.LastChild && only.Type == html.TextNode && strings.TrimSpace(only.Data) == "" {
				t.Errorf("%s: %s %v has but a space in it", name, e.Data, e.Attr)
			}
		}
	}
}

// namesAreThere fails if an id is there twice, or is named and not there.
func namesAreThere(t *testing.T, name string, p element) {
	t.Helper()
	ids := map[string]int{}
	for _, e := range p.all(func(e element) bool { return e.attr("id") != "" }) {
		if ids[e.attr("id")]++; ids[e.attr("id")] > 1 {
			t.Errorf("%s has the id %s more than once", name, e.attr("id"))
		}
	}
	for _, e := range p.all(func(element) bool { return true }) {
		for _, key := range []string{"aria-labelledby", "aria-describedby"} {
			for id := range strings.FieldsSeq(e.attr(key)) {
				if ids[id] == 0 {
					t.Errorf("%s: %s of %s names %s, which is not there", name, key, e.Data, id)
				}
			}
		}
	}
}

// tablesCanBeHeard fails if a table has no caption, a heading is of nothing, or a phone cannot scroll it.
func tablesCanBeHeard(t *testing.T, name string, p element) {
	t.Helper()
	for _, table := range p.tags("table") {
		if captions := table.tags("caption"); len(captions) != 1 || captions[0].text() == "" {
			t.Errorf("%s: a table without a caption", name)
		}
		for _, head := range table.tags("th") {
			if !slices.Contains([]string{"col", "row"}, head.attr("scope")) {
				t.Errorf("%s: a heading of nothing: %s", name, head.text())
			}
		}
		if parent := (element{table.Parent}); parent.attr("class") != "scroll" || parent.attr("tabindex") != "0" {
			t.Errorf("%s: a table that a phone cannot scroll", name)
		}
	}
}

// Text stands out from what is behind it by 4.5 to 1 at least, in the light and in the dark.
func TestColoursCanBeRead(t *testing.T) {
	css, err := staticFiles.ReadFile("static/page.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, found := strings.Cut(string(css), "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("there is no dark scheme")
	}
	for scheme, text := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6})`).FindAllStringSubmatch(text, -1) {
			if _, known := colours[m[1]]; !known {
				colours[m[1]] = m[2]
			}
		}
		for on, over := range map[string]string{"ground": "ink faint link bad lost busy warn late good", "panel": "ink faint link",
			"bad-soft": "ink faint bad link", "warn-soft": "ink faint warn link", "busy-soft": "ink busy", "good-soft": "good",
			"quiet-soft": "ink quiet link", "cell-old": "faint", "bad": "on", "lost": "on"} {
			for name := range strings.FieldsSeq(over) {
				if ratio := contrast(t, colours[name], colours[on]); ratio < 4.5 {
					t.Errorf("%s: %s on %s is %.2f to 1", scheme, name, on, ratio)
				}
			}
		}
	}
}

// contrast is the ratio of WCAG 2 between two colours.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	light := func(colour string) float64 {
		var channel [3]uint8
		if _, err := fmt.Sscanf(colour, "#%02x%02x%02x", &channel[0], &channel[1], &channel[2]); err != nil {
			t.Fatalf("%q: %v", colour, err)
		}
		return 0.2126*linear(channel[0]) + 0.7152*linear(channel[1]) + 0.0722*linear(channel[2])
	}
	high, low := max(light(a), light(b)), min(light(a), light(b))
	return (high + 0.05) / (low + 0.05)
}

func linear(channel uint8) float64 {
	c := float64(channel) / 255
	if c <= 0.04045 {
		return c / 12.92
	}
	return math.Pow((c+0.055)/1.055, 2.4)
}
