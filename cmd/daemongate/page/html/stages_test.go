package html

import (
	"fmt"
	"strings"
	"testing"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// pacedOut is a fleet whose canary has soaked and waits for an approval; one node of a later stage has the commit already.
func pacedOut(st api.FlightStage, parts ...view.Part) SyncData {
	s := fleetSync()
	s.Spec.Rollout.OnDelete = api.OnDeletePace
	s.Spec.Rollout.Pace = &api.Pace{Stages: []api.PaceStage{{Name: "canary", AtMost: 3, Approve: true}}}
	st.Since = at(0)
	s.Status.InFlight.Stage = &st
	d := dataOf(s, judged(12, func(i int) rollout.NodeState {
		if i < 3 || i == 7 {
			return rollout.IsSettled
		}
		return rollout.IsOld
	}))
	d.View.Nodes[7].Early = true
	d.View.Stages = parts
	return d
}

var fiveParts = []view.Part{{Name: "canary", Nodes: 3}, {Name: "zone/eu-1a", Nodes: 3}, {Name: "zone/eu-1b", Nodes: 3},
	{Name: "zone/eu-1c", Nodes: 3}, {Name: "rest"}}

func steps(t *testing.T, d SyncData) string {
	t.Helper()
	var all []string
	for _, li := range parsed(t, syncPage(t, page(), d)).id(t, "stages").tags("li") {
		all = append(all, strings.TrimSpace(li.attr("class")+" "+li.attr("aria-current"))+": "+li.text())
	}
	return strings.Join(all, "|")
}

// The stages of a paced rollout are a row: what is done, where it is and how far, and what comes. What it waits for stands
// above it in words, and a person who may let it go on is offered that, for this stage of this commit.
func TestStagesAreARow(t *testing.T) {
	d := pacedOut(api.FlightStage{Name: "zone/eu-1a", Index: 2, Of: 5, Nodes: 3, Settled: 1, WaitsFor: api.StageApproval, Early: 1,
		Message: "has soaked"}, fiveParts...)
	if got, want := steps(t, d), "done: ✓ 1 canary done|waits step: 2 zone/eu-1a 1/3 settled|ahead: 3 zone/eu-1b 3 nodes|ahead: 4 "+
		"zone/eu-1c 3 nodes|ahead: 5 rest 0 nodes"; got != want {
		t.Errorf("%s", got)
	}
	p := page()
	if forms := len(parsed(t, syncPage(t, p, d)).id(t, "acts").tags("form")); forms != 3 {
		t.Errorf("%d forms for who may not promote", forms) // poll, pause, suspend
	}
	p.May.Promote = true
	shown := parsed(t, syncPage(t, p, d))
	shown.id(t, "stages").says(t, "stage 2 of 5 (zone/eu-1a)", "for 90s", "1 of 3 nodes settled; has soaked; 1 node of later stages already on the "+
		"commit, out of turn")
	acts := shown.id(t, "acts")
	acts.says(t, "Promote bbbbbbb …", "stage 2 of 5 (zone/eu-1a) waits for an approval", "Pause …")
	fields := ""
	for _, field := range acts.tags("input") {
		fields += field.attr("name") + "=" + field.attr("value") + " "
	}
	if fields != "commit="+hash("b")+" stage=2 reason= " {
		t.Error(fields)
	}
	d.View.Paused = "paused by ada"
	parsed(t, syncPage(t, p, d)).id(t, "acts").says(t, "Lift the pause")
}

// A stage that overlaps says so before its turn, and while its last nodes settle beside the next one.
func TestAStageThatOverlapsIsNotDoneBeforeItHasSettled(t *testing.T) {
	parts := []view.Part{{Name: "canary", Nodes: 3}, {Name: "zone/a", Nodes: 3, Overlap: true}, {Name: "zone/b", Nodes: 3}}
	d := pacedOut(api.FlightStage{Name: "canary", Index: 1, Of: 3, Nodes: 3, WaitsFor: api.StageNodes}, parts...)
	if got := steps(t, d); !strings.Contains(got, "ahead: 2 zone/a 3 nodes, overlaps|ahead: 3 zone/b 3 nodes") {
		t.Error(got)
	}
	d = pacedOut(api.FlightStage{Name: "zone/b", Index: 3, Of: 3, Nodes: 3, WaitsFor: api.StageNodes, Behind: "zone/a"}, parts...)
	if got := steps(t, d); !strings.Contains(got, "canary done|now: 2 zone/a settles still|now step: 3 zone/b") {
		t.Error(got)
	}
	parsed(t, syncPage(t, page(), d)).id(t, "stages").says(t, "nodes of stage zone/a settle still")
}

// Of many stages, of which there may be one for each node, those around the present one are shown. While names are not known
// numbers stand there, and the nodes with a broken commit come before all.
func TestALongRowOfStagesIsFolded(t *testing.T) {
	got := steps(t, pacedOut(api.FlightStage{Name: "host/n", Index: 40, Of: 5000, Nodes: 1, WaitsFor: api.StageNodes}))
	want := "done: 36 stages done|done: ✓ 37 done|done: ✓ 38 done|done: ✓ 39 done|now step: 40 host/n 0/1 settled|ahead: 41|ahead: 42|" +
		"ahead: 43|ahead: 44|ahead: 45|ahead: 4955 more stages"
	if got != want {
		t.Error(got)
	}
	got = steps(t, pacedOut(api.FlightStage{Name: "fix", Of: 2, Nodes: 4, WaitsFor: api.StageNodes}, fiveParts[:2]...))
	if got != "now step: 0 fix 0/4 settled|ahead: 1 canary 3 nodes|ahead: 2 zone/eu-1a 3 nodes" {
		t.Error(got)
	}
	if text := parsed(t, syncPage(t, page(), rollingOut(12))).id(t, "stages").text(); strings.TrimSpace(text) != "" {
		t.Errorf("of what is not paced: %q", text)
	}
}

// A node that has the commit before its stage is marked in words: in the sentence above the cells, and in the table.
func TestEarlyNodesAreMarked(t *testing.T) {
	d := pacedOut(api.FlightStage{Name: "canary", Index: 1, Of: 5, Nodes: 3, Settled: 3, Early: 1}, fiveParts...)
	parsed(t, syncPage(t, page(), d)).id(t, "sentence").says(t, "4 of 12 nodes settled, 1 early")
	d.Show = ShowNodes
	rows := ""
	for _, row := range parsed(t, syncPage(t, page(), d)).cells() {
		if len(row) > 1 && strings.Contains(row[1], "early") {
			rows += fmt.Sprint(row[:2])
		}
	}
	if rows != "[node-0008 ■ settled, early]" {
		t.Error(rows)
	}
}
