package html

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// Who opens the page of a stuck Sync at night reads the verdict, the cause, the evidence and what to do, with the nodes
// by name; and can act.
func TestAStuckSyncSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	d := stuck(12)
	d.Release, d.Is = hash("b"), api.Stuck
	p := parsed(t, syncPage(t, page(), d))
	if title := p.tags("title")[0].text(); !strings.HasPrefix(title, "✗ logging/agents") {
		t.Errorf("the tab says %q", title)
	}
	p.id(t, "verdict").says(t, "✗ Stuck bbbbbbb", "CrashLoop on 3 of 12 nodes: container fluentd, exit code 3; brake pulled",
		"3/12 settled, 3 with a new pod")
	causes := p.id(t, "causes")
	causes.says(t, "CrashLoop on node-[0002,0004,0006] of DaemonSet logging/fluentd since 60s", "parser \"cri2\" is not known",
		"then fix the commit or revert it.")
	if code := causes.tags("code"); len(code) != 1 || code[0].text() != "kubectl -n logging logs fluentd-00001 -c fluentd --previous" {
		t.Errorf("the command is not to be copied: %v", causes.text())
	}
	var rows []string
	for _, row := range p.id(t, "trouble").cells() {
		rows = append(rows, row[0]+" "+row[1])
	}
	want := "node-0005 ? lost|node-0002 ✗ failing|node-0004 ✗ failing|node-0006 ✗ failing|node-0008 ○ without a pod"
	if got := strings.Join(rows, "|"); got != want {
		t.Errorf("nodes with trouble: %s", got)
	}
	p.id(t, "sentence").says(t, "3 of 12 nodes settled, 3 with a new pod, 1 lost, 3 failing, 1 without a pod: CrashLoop")
	p.id(t, "waits").says(t, "2 commits held, the newest is ddddddd", "must not be read, so less is known: events",
		"minReadySeconds is 0")
	p.id(t, "drift").says(t, "1 object not as asked, for 2m30s",
		"spec.template.spec.containers[fluentd].image was changed by kubectl-edit")
	var acts []string
	for _, form := range p.id(t, "acts").tags("form") {
		act := form.attr("method") + " " + form.attr("action")
		for _, field := range form.tags("input") {
			act += " " + field.attr("name") + "=" + field.attr("value")
		}
		acts = append(acts, act)
	}
	if got := strings.Join(acts, "|"); got != "post /syncs/logging/agents/sync|post /syncs/logging/agents/release commit="+
		hash("b")+"|post /syncs/logging/agents/suspend" {
		t.Errorf("acts: %s", got)
	}
}

// Where the user may not act nothing is offered, and nothing that there is nothing to release for.
func TestNobodyIsOfferedWhatTheyMayNotDo(t *testing.T) {
	d := stuck(12)
	d.Release = hash("b")
	p := page()
	p.May = May{}
	if forms := parsed(t, syncPage(t, p, d)).tags("form"); len(forms) != 0 {
		t.Errorf("%d forms", len(forms))
	}
	p.May = May{Release: true}
	d.Release = ""
	if forms := parsed(t, syncPage(t, p, d)).tags("form"); len(forms) != 0 {
		t.Errorf("%d forms", len(forms))
	}
	p.May = May{Suspend: true}
	d.View.SuspendedBySpec = true
	parsed(t, syncPage(t, p, d)).id(t, "acts").says(t, "Resume")
}

// Every state of a commit has its sign and its words in the lane, and the verdict of a Sync that is in it says so.
func TestEveryStateOfACommitIsShown(t *testing.T) {
	for _, state := range []api.CommitState{api.Held, api.Applying, api.RollingOut, api.Complete, api.Stuck, api.Failed,
		api.Unchanged, api.Carried, api.Dropped} {
		d := rollingOut(4)
		d.View.State, d.View.Verdict = state, "in a sentence"
		d.View.Commits = []view.Commit{{Commit: hash("b"), Subject: "A change", State: state, Nodes: 2}}
		p := parsed(t, syncPage(t, page(), d))
		sign := view.CommitSign(state).Shape
		p.id(t, "verdict").says(t, sign+" "+string(state), "in a sentence")
		p.id(t, "lane").says(t, sign+" "+string(state), "bbbbbbb A change", "on 2 nodes")
		p.id(t, "said").says(t, "logging/agents: "+string(state))
		if len(p.id(t, "lane").class("none")) > 0 {
			t.Errorf("%s has no style", state)
		}
	}
}

// The lane has what waits, what is on its way and what has settled, with who takes over from whom.
func TestTheLaneTellsWhoTakesOver(t *testing.T) {
	d := rollingOut(12)
	d.View.Commits[1].Author = "Bob Sample"
	d.View.Commits[2].InPlaceOf = hash("8")
	lane := parsed(t, syncPage(t, page(), d)).id(t, "lane")
	lane.says(t, "… Held ddddddd Send metrics to the new collector", "ccccccc Raise the log level Bob Sample, 90s ago",
		"▶ RollingOut, in the place of 8888888 bbbbbbb Enable the new parser", "✓ Complete aaaaaaa Ship fluentd v5",
		"↑ Carried by aaaaaaa (Complete)")
	if link := lane.tags("a")[0].attr("href"); link != "/syncs/logging/agents/commits/"+hash("d") {
		t.Error(link)
	}
}

// Of hundreds of commits that wait the newest are shown, and what is in flight always is.
func TestALongLaneIsFolded(t *testing.T) {
	d := rollingOut(12)
	var many []view.Commit
	for i := range 300 {
		many = append(many, view.Commit{Commit: fmt.Sprintf("%040x", i+1), State: api.Held})
	}
	d.View.Commits = append(many, d.View.Commits...)
	lane := parsed(t, syncPage(t, page(), d)).id(t, "lane")
	lane.says(t, "298 more commits held", "Enable the new parser")
	if n := len(lane.tags("li")); n > 12 {
		t.Errorf("%d entries", n)
	}
}

// A Sync whose repository has never been polled says so, as one without a commit, and nothing is drawn of nothing.
func TestASyncThatWasNeverPolled(t *testing.T) {
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "new", Name: "agents"}}
	p := parsed(t, syncPage(t, page(), dataOf(s)))
	p.id(t, "waits").says(t, "the repository has not been polled yet; is the controller running?")
	p.id(t, "lane").says(t, "No commit has been seen yet.")
	p.id(t, "sentence").says(t, "Nothing is in flight whose nodes are looked at.")
	p.id(t, "said").says(t, "new/agents: no commit yet")
	if got := p.id(t, "history").text() + p.id(t, "burnup").text() + p.id(t, "windows").text(); got != "" {
		t.Errorf("is shown: %s", got)
	}
}

// While the API server does not answer the page says since when and why, and what was seen last stands.
func TestALostServerIsSaid(t *testing.T) {
	p := page()
	p.Lost = Lost{Since: noon, Why: "connection refused"}
	got := parsed(t, syncPage(t, p, stuck(12)))
	got.id(t, "lost").says(t, "No answer from the API server since 2026-11-29 12:00:00Z (90s).", "connection refused")
	got.id(t, "said").says(t, "the API server does not answer")
	got.id(t, "verdict").says(t, "Stuck")
}

// A screen reader hears of states, quarters and causes; a single node more changes nothing of that.
func TestSingleNodesAreNotAnnounced(t *testing.T) {
	heard := map[string]bool{}
	var order, when []string
	for settled := range 121 {
		d := dataOf(fleetSync(), judged(120, func(i int) rollout.NodeState {
			if i < settled {
				return rollout.IsSettled
			}
			return rollout.IsOld
		}))
		text := parsed(t, syncPage(t, page(), d)).id(t, "said").text()
		if !heard[text] {
			heard[text] = true
			order, when = append(order, text), append(when, fmt.Sprint(settled))
		}
	}
	if strings.Join(when, " ") != "0 30 60 90 120" || !strings.HasSuffix(order[2], "half of the nodes settled") || !strings.HasSuffix(order[4], "all of the nodes settled") {
		t.Errorf("heard %q at %v", order, when)
	}
}

// Nodes are grouped as the address asks for, by zone if it does not; another grouping has its own address.
func TestTheGroupingIsInTheAddress(t *testing.T) {
	groups := func(by string) (texts []string) {
		d := rollingOut(12)
		d.Group = by
		for _, g := range parsed(t, syncPage(t, page(), d)).class("group") {
			texts = append(texts, g.text())
		}
		return texts
	}
	for by, want := range map[string]string{"": "[eu-1a 2 /4 eu-1b 2 /4 eu-1c 2 /4]", "pool": "[general 6 /8 gpu 0 /4]",
		"none": "[]", "no-such-label": "[(none) 6 /12]"} {
		if got := fmt.Sprint(groups(by)); got != want {
			t.Errorf("by %q: %s", by, got)
		}
	}
	p := parsed(t, syncPage(t, page(), rollingOut(12)))
	var links []string
	for _, a := range p.id(t, "by").tags("a") {
		links = append(links, a.attr("href")+a.attr("aria-current"))
	}
	if got := strings.Join(links, " "); got != "/syncs/logging/agents?group=none /syncs/logging/agents?group=zonetrue "+
		"/syncs/logging/agents?group=pool /syncs/logging/agents?show=nodes" {
		t.Error(got)
	}
}

// All nodes stand in a table of its own address, the worst first, for whom cells are no use.
func TestAllNodesAsATable(t *testing.T) {
	d := stuck(12)
	d.Show = ShowNodes
	p := parsed(t, syncPage(t, page(), d))
	rows := p.tags("table")[0].cells()
	if len(rows) != 12 || rows[0][1] != "? lost" || rows[11][1] != "■ settled" {
		t.Errorf("%q", rows)
	}
}

// The history has what daemongate log has.
func TestTheHistory(t *testing.T) {
	rows := parsed(t, syncPage(t, page(), rollingOut(12))).id(t, "history").cells()
	if len(rows) != 9 || fmt.Sprint(rows[3]) != "[aaaaaaa ✓ Complete 2026-11-29 11:00:00Z 10m0s Ship fluentd v5 ]" ||
		rows[5][5] != "CrashLoop on 2 of 12 nodes: container fluentd, exit code 3" || rows[0][3] != "" {
		t.Errorf("%q", rows)
	}
}

// A commit has a page of its own: what became of it, who made it, what it changes, and when its nodes got it.
func TestACommit(t *testing.T) {
	d := rollingOut(4)
	series := &Series{}
	for i := range 4 {
		one := dataOf(fleetSync(), judged(4, func(k int) rollout.NodeState {
			if k < i {
				return rollout.IsSettled
			}
			return rollout.IsOld
		}))
		one.View.Now = noon.Add(time.Duration(i) * time.Second)
		series.See(&one.View)
	}
	for i := range d.View.Commits {
		d.View.Commits[i].Author = "Ann Example"
	}
	c := CommitData{View: d.View, Sync: d.Sync, Series: series, Commit: hash("b"),
		Diff: "--- live\n+++ merged\n@@ -1 +1 @@\n-image: a\n+image: b\n same\n"}
	p := parsed(t, written(t, func(b *bytes.Buffer) error { return Commit(b, page(), c) }))
	p.id(t, "main").says(t, "bbbbbbb Enable the new parser", "RollingOut", "Ann Example",
		"2 of 4 nodes settled", "Values of Secrets are cut out.", "seen since 2026-11-29 12:00:00Z")
	for style, want := range map[string]string{"plus": "+image: b", "minus": "-image: a", "hunk": "@@ -1 +1 @@"} {
		if got := p.class(style); len(got) != 1 || got[0].text() != want {
			t.Errorf("%s: %v", style, got)
		}
	}
	c.Notes, c.Against = []string{"Of another one nothing is shown.", "There is no room."}, "2 objects differ."
	c.Message, c.Author, c.Made = "Enable the new parser\n\n* it is <faster>", "Ada Writer", noon
	all := parsed(t, written(t, func(b *bytes.Buffer) error { return Commit(b, page(), c) }))
	all.id(t, "main").says(t, "+image: b", c.Notes[0], c.Notes[1], c.Against, "Ada Writer", "2026-11-29 12:00:00Z")
	if got := all.class("message"); len(got) != 1 || !strings.Contains(got[0].text(), "* it is <faster>") {
		t.Errorf("the message is %v", got)
	}
	all.id(t, "burnup").says(t, "bbbbbbb 2 of 4 after")
	table := p.id(t, "timeline").tags("table")[0].cells()
	if len(table) != 3 || fmt.Sprint(table[0]) != "[2026-11-29 12:00:03Z ■ settled 1 node-0003]" {
		t.Errorf("%q", table)
	}
	c.Commit, c.Diff, c.Against, c.Notes = hash("e"), "", "", []string{"The repository cannot be read."}
	p = parsed(t, written(t, func(b *bytes.Buffer) error { return Commit(b, page(), c) }))
	p.id(t, "main").says(t, "eeeeeee", "The Sync says nothing of this commit", "The repository cannot be read.")
}

// A node has a page: the DaemonSets of all Syncs on it, the commits, and what ails it.
func TestANode(t *testing.T) {
	d := stuck(12)
	n := NodeData{Name: "node-0002", Known: true, On: []OnNode{{Namespace: "logging", Sync: "agents", Causes: d.View.Causes,
		Node: view.Node{Name: "node-0002", DaemonSet: "logging/fluentd", State: rollout.IsFailing, Cause: rollout.CrashLoop,
			Pod: "fluentd-00001", Commit: hash("b")}}}}
	write := func() element {
		return parsed(t, written(t, func(b *bytes.Buffer) error { return Node(b, page(), n) }))
	}
	p := write()
	if row := fmt.Sprint(p.tags("table")[0].cells()); row != "[[logging/fluentd logging/agents ✗ failing bbbbbbb fluentd-00001 CrashLoop]]" {
		t.Error(row)
	}
	p.id(t, "main").says(t, "container fluentd keeps ending", "then fix the commit")
	n.On = nil
	write().id(t, "main").says(t, "No DaemonSet of a Sync that you may see is meant for this node.")
	n.Known = false
	write().id(t, "main").says(t, "No Sync that you may see knows of a node with this name.")
}

// What cannot be shown is said in a sentence, with what to do.
func TestAProblem(t *testing.T) {
	p := parsed(t, written(t, func(b *bytes.Buffer) error {
		return Problem(b, page(), "Not found", "There is no such Sync.", "Look at all Syncs.")
	}))
	p.id(t, "main").says(t, "Not found", "There is no such Sync.", "Look at all Syncs.")
}
