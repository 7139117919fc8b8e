package html

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/cmd/daemongate/fleet/board"
	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/forge"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// told is what a cluster says of a commit.
func told(cluster, commit string, state api.CommitState, message string) forge.Said {
	return forge.Said{Cluster: cluster, Status: forge.Status{Commit: hash(commit), Description: message,
		Time: noon.Add(-time.Hour), Context: "daemongate/" + cluster + "/platform/agents",
		Details: forge.Details{Sync: "platform/agents", State: string(state)}}}
}

// lineOf is a branch, the newest commit first.
func lineOf(commits string) (line []gitsource.Commit) {
	for _, c := range commits {
		line = append(line, gitsource.Commit{Hash: hash(string(c)), Subject: "change " + string(c), Author: "ada", Time: noon})
	}
	return line
}

// threeClusters are one that is done, one that is stuck and one that waits.
func threeClusters() *board.Board {
	return board.New("https://git.example.com/fleet.git", lineOf("cba"), []forge.Said{
		told("canary", "c", api.Complete, "Complete: 3 nodes"),
		told("eu", "b", api.Stuck, "Stuck: CrashLoop on 2 of 12 nodes: container agent"), told("eu", "a", api.Complete, "Complete"),
		told("us", "c", api.Held, "Held: opens Mon 22:00"), told("us", "b", api.Complete, "Complete: 12 nodes"),
	}, nil)
}

func fleetData(b *board.Board) FleetData {
	return FleetData{Namespace: "platform", Name: "agents", Ref: "branch main", All: b, Board: b, Read: noon,
		FleetFilter: FleetFilter{Limit: FleetLimit}}
}

// fleetPageOf is the page of what was asked for of a fleet.
func fleetPageOf(t testing.TB, d FleetData) element {
	t.Helper()
	var err error
	if d.Board, err = d.All.Choose(d.Choice); err != nil {
		t.Fatal(err)
	}
	if d.Commit != "" {
		if d.Where, err = d.Board.Where(d.Commit); err != nil {
			t.Fatal(err)
		}
	}
	return parsed(t, written(t, func(b *bytes.Buffer) error { return Fleet(b, page(), d) }))
}

// tableOf is the table of a caption, as lines.
func tableOf(t testing.TB, p element, caption string) string {
	t.Helper()
	for _, table := range p.tags("table") {
		if c := table.tags("caption"); len(c) == 1 && c[0].attr("id") == caption {
			var lines []string
			for _, row := range table.cells() {
				lines = append(lines, strings.Join(row, " | "))
			}
			return strings.Join(lines, "\n")
		}
	}
	return ""
}

// The page has the command's tables: which commit is where, what needs somebody first, and why; a commit leads to where it
// is, and a row is not that of another Sync's state.
func TestAFleetIsShownAsTheCommandShowsIt(t *testing.T) {
	p := fleetPageOf(t, fleetData(threeClusters()))
	if got, want := tableOf(t, p, "matrix-caption"), `ccccccc | ✓ Complete | - | … Held | change c
bbbbbbb | - | ✗ Stuck | ✓ Complete | change b
aaaaaaa | - | ✓ Complete | - | change a`; got != want {
		t.Errorf("the commits:\n%s", got)
	}
	if got, want := tableOf(t, p, "syncs-caption"), `✗ Stuck | eu | platform/agents | bbbbbbb | 1 | 61m | Stuck: CrashLoop on 2 of 12 nodes: container agent
✓ Complete | us | platform/agents | bbbbbbb | 1 | 61m | Held: opens Mon 22:00
✓ Complete | canary | platform/agents | ccccccc |  | 61m |`; strings.TrimSpace(strings.ReplaceAll(got, " \n", "\n")) != want {
		t.Errorf("the Syncs:\n%s", got)
	}
	p.id(t, "fleet-verdict").says(t, "✗ 1 needs somebody", "3 Syncs in 3 clusters, 2 behind the newest commit", "ccccccc", "change c")
	if title := p.tags("title")[0].text(); !strings.HasPrefix(title, "✗ Fleet of platform/agents") {
		t.Errorf("the tab says %q", title)
	}
	for _, a := range p.id(t, "fleet-commits").tags("a") {
		if got := a.attr("href"); !strings.HasPrefix(got, "/syncs/platform/agents/fleet?commit="+hash(a.text()[:1])) {
			t.Errorf("%s leads to %s", a.text(), got)
		}
	}
}

// Where there is no room for a column each the page counts; both forms are there where that depends on the window, and no
// Sync is in none of the counts.
func TestAFleetIsCountedWhereThereIsNoRoom(t *testing.T) {
	for n, want := range map[int]string{1: "for-any", 3: "for-some", 8: "for-wide", 9: "", 300: ""} {
		var said []forge.Said
		for i := range n {
			state := api.Complete
			if i%10 == 9 {
				state = "Odd"
			}
			said = append(said, told(fmt.Sprintf("cluster-%03d", i), "b", state, "is"))
		}
		p := fleetPageOf(t, fleetData(board.New("fleet", lineOf("ba"), said, nil)))
		matrix, tally := tableOf(t, p, "matrix-caption"), tableOf(t, p, "tally-caption")
		if got := p.id(t, "fleet-commits").attr("class"); got != want || (matrix != "") != (want != "") || (tally != "") != (n > 1) {
			t.Errorf("%d: %q\n%s\n%s", n, got, matrix, tally)
		}
		if n == 300 && tally != "bbbbbbb | 270 | 30 | 0 | change b\naaaaaaa | 0 | 0 | 300 | change a" {
			t.Errorf("counts\n%s", tally)
		}
	}
}

// Of many Syncs those with nothing the matter are one line, unless they are asked for.
func TestSyncsWithNothingTheMatterAreOneLine(t *testing.T) {
	var said []forge.Said
	for i := range 300 {
		said = append(said, told(fmt.Sprintf("cluster-%03d", i), "b", api.Complete, "Complete"))
	}
	said[7] = told("cluster-007", "b", api.Failed, "Failed: no such file")
	d := fleetData(board.New("fleet", lineOf("ba"), said, nil))
	p := fleetPageOf(t, d)
	if got := tableOf(t, p, "syncs-caption"); got != "! Failed | cluster-007 | platform/agents | bbbbbbb |  | 61m | Failed: no such file" {
		t.Errorf("lists\n%s", got)
	}
	p.id(t, "fleet-syncs").says(t, "299 Syncs Complete at bbbbbbb", "List them, too")
	d.Each = true
	if got := strings.Count(tableOf(t, fleetPageOf(t, d), "syncs-caption"), "\n"); got != 299 {
		t.Errorf("lists %d rows", got+1)
	}
}

// The form has what was asked for, links keep it, and what the whole fleet comes to stays above what is shown of it.
func TestAFleetIsFiltered(t *testing.T) {
	d := fleetData(threeClusters())
	d.Choice, d.Limit = board.Choice{Cluster: "e*", Behind: true, Stuck: true}, 50
	p := fleetPageOf(t, d)
	p.id(t, "syncs-caption").says(t, "1 of 3 Syncs")
	p.id(t, "fleet-verdict").says(t, "3 Syncs in 3 clusters")
	form := p.tags("form")[0]
	if form.attr("action") != "/syncs/platform/agents/fleet" || form.attr("method") != "get" {
		t.Error("the form leads elsewhere")
	}
	checked := 0
	for _, input := range form.tags("input") {
		if input.attr("name") == "cluster" && input.attr("value") != "e*" {
			t.Errorf("the form has %q", input.attr("value"))
		}
		for _, a := range input.Attr {
			if a.Key == "checked" {
				checked++
			}
		}
	}
	for _, o := range form.tags("option") {
		for _, a := range o.Attr {
			if a.Key == "selected" && o.attr("value") != "50" {
				t.Errorf("%s is chosen", o.text())
			}
		}
	}
	if link := p.id(t, "fleet-commits").tags("a")[0].attr("href"); checked != 2 || link !=
		"/syncs/platform/agents/fleet?behind=1&cluster=e%2A&commit="+hash("c")+"&limit=50&stuck=1" {
		t.Errorf("%d boxes, and a commit leads to %s", checked, link)
	}
	d.Choice = board.Choice{Cluster: "none"}
	fleetPageOf(t, d).id(t, "fleet-syncs").says(t, "No Sync is like that.", "Show all 3")
}

// Where a commit is: on how many Syncs it has taken over, and why it has not on the others, which come first.
func TestWhereACommitIsOnThePage(t *testing.T) {
	d := fleetData(threeClusters())
	d.Commit = "bbbb"
	p := fleetPageOf(t, d)
	if got, want := tableOf(t, p, "where-caption"), `no | eu | platform/agents | ✗ Stuck | 61m | bbbbbbb | Stuck: CrashLoop on 2 of 12 nodes: container agent
yes | canary | platform/agents | - |  | ccccccc |
yes | us | platform/agents | ✓ Complete | 61m | bbbbbbb |`; strings.TrimSpace(strings.ReplaceAll(got, " \n", "\n")) != want {
		t.Errorf("it is\n%s", got)
	}
	p.id(t, "fleet-verdict").says(t, "bbbbbbb change b", "has taken over on 2 of 3 Syncs")
	if len(p.id(t, "fleet-commits").tags("table")) != 0 {
		t.Error("the commits are there, too")
	}
}

// A fleet of which nothing is known, or nothing is to be seen, says so, and how that comes about.
func TestAFleetOfWhichNothingIsToldSaysHow(t *testing.T) {
	silent := fleetData(board.New("fleet", lineOf("ba"), nil, nil))
	fleetPageOf(t, silent).id(t, "fleet-syncs").says(t, "No Sync that you may see has told anything", "provider: Notes")
	unknown := FleetData{Namespace: "platform", Name: "agents", Notes: []string{"It is being read"}, FleetFilter: FleetFilter{Limit: FleetLimit}}
	p := parsed(t, written(t, func(b *bytes.Buffer) error { return Fleet(b, page(), unknown) }))
	p.id(t, "fleet-syncs").says(t, "Nothing is known of the fleet yet.")
	p.id(t, "fleet-notes").says(t, "It is being read")
}

// What keeps an open page in step is what a page drawn anew would show.
func TestAFleetsFrameIsItsPage(t *testing.T) {
	around := page()
	around.Live = true
	d := fleetData(threeClusters())
	f, err := FleetFrame(around, d)
	if err != nil {
		t.Fatal(err)
	}
	p := parsed(t, written(t, func(b *bytes.Buffer) error { return Fleet(b, around, d) }))
	for _, one := range f.Fragments {
		if got, want := p.id(t, one.ID).text(), parsed(t, one.HTML).text(); got != want {
			t.Errorf("%s is\n%s\nand not\n%s", one.ID, got, want)
		}
	}
	if len(f.Fragments) != 6 {
		t.Errorf("%d fragments", len(f.Fragments))
	}
}

// The list has each repository with what its fleet comes to, or why that is not known.
func TestFleetsAreListed(t *testing.T) {
	sum := SumOf(threeClusters())
	p := parsed(t, written(t, func(b *bytes.Buffer) error {
		return Fleets(b, page(), []FleetRow{{Namespace: "platform", Name: "agents", Repository: "https://git.example.com/fleet.git",
			Ref: "branch main", Syncs: 2, Sum: &sum}, {Namespace: "web", Name: "proxy", Repository: "https://git.example.com/web.git",
			Ref: "tag v1", Syncs: 1, Why: "It is being read."}})
	}))
	if got, want := tableOf(t, p, "fleets-caption"), `https://git.example.com/fleet.git branch main | 2 Syncs here | ✗ 1 needs somebody | 3 | 3 | 2
https://git.example.com/web.git tag v1 | 1 Sync here | It is being read.`; got != want {
		t.Errorf("lists\n%s", got)
	}
	none := parsed(t, written(t, func(b *bytes.Buffer) error { return Fleets(b, page(), nil) }))
	none.id(t, "main").says(t, "There is no Sync that you may see")
}

// A fleet in which the newest commit is on its way is not said to be at it.
func TestWhatAFleetIsSaidToBeAt(t *testing.T) {
	for want, state := range map[string]api.CommitState{"✓ all at the newest": api.Complete,
		"▶ 1 on the way": api.RollingOut, "✗ 1 needs somebody": api.Stuck} {
		s := SumOf(board.New("https://git.example.com/fleet.git", lineOf("ba"), []forge.Said{
			told("canary", "b", api.Complete, "Complete: 3 nodes"), told("eu", "b", state, string(state)+": 3 nodes")}, nil))
		if got := s.Shape() + " " + s.Word(); got != want {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
	}
}
