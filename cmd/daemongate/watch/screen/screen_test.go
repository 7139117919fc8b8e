package screen

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

var update = flag.Bool("update", false, "write the golden files")

// golden holds a text against a file that people read.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what it was:\n%s\nwant:\n%s", name, got, want)
	}
}

// shown is what a terminal of the screen's size shows, without spaces at the ends of lines. It fails if the screen does
// not fit: a line more, or one that is too wide, would scroll the first one away.
func shown(t testing.TB, m *Model) string {
	t.Helper()
	terminal := vt.NewEmulator(m.width, m.height)
	frame := m.Frame()
	if lines := strings.Split(frame, "\n"); len(lines) != m.height {
		t.Errorf("%d lines on a screen of %d", len(lines), m.height)
	}
	for _, text := range strings.Split(frame, "\n") {
		if ansi.StringWidth(text) > m.width {
			t.Errorf("%d columns on a screen of %d: %q", ansi.StringWidth(text), m.width, text)
		}
	}
	_, _ = terminal.WriteString(strings.ReplaceAll(frame, "\n", "\r\n"))
	var b strings.Builder
	for y := range m.height {
		row := ""
		for x := 0; x < m.width; x++ {
			if c := terminal.CellAt(x, y); c != nil && c.Width > 0 {
				row += c.Content
			} else if c == nil || c.Content == "" && c.Width == 0 && x == 0 {
				row += " "
			}
		}
		b.WriteString(strings.TrimRight(row, " ") + "\n")
	}
	return b.String()
}

func hash(c string) string { return strings.Repeat(c, 40) }

// fleet is a view of so many nodes in three zones and two pools, of which a commit has reached some.
func fleet(nodes int, state func(i int) rollout.NodeState) *view.View {
	v := rolling(90, 0)
	v.Nodes = nil
	for i := range nodes {
		n := view.Node{Name: fmt.Sprintf("node-%04d", i+1), State: state(i), Pod: fmt.Sprintf("agent-%05d", i),
			Labels: map[string]string{"topology.kubernetes.io/zone": "eu-1" + string(rune('a'+i%3)),
				"karpenter.sh/nodepool": []string{"general", "gpu"}[i/8%2], "kubernetes.io/arch": []string{"amd64", "arm64"}[i%2]}}
		switch n.State {
		case rollout.IsSettled, rollout.IsUpdated, rollout.IsFailing:
			n.Commit = hash("b")
		case rollout.IsOld:
			n.Commit = hash("a")
		}
		if n.State == rollout.IsSettled {
			v.Counts.Settled++
		}
		if n.Commit == hash("b") {
			v.Counts.Updated++
		}
		v.Nodes = append(v.Nodes, n)
	}
	v.Counts.Desired = nodes
	v.Commits[0].Nodes, v.Commits[1].Nodes = v.Counts.Updated, nodes-v.Counts.Updated
	v.Commits = append([]view.Commit{{Commit: hash("c"), Subject: "Raise the log level", Author: "Ada", State: api.Held, First: noon,
		Since: noon}}, v.Commits...)
	v.Commits[1].Subject, v.Commits[2].Subject = "Enable the new parser", "Ship fluentd v5"
	v.Verdict = fmt.Sprintf("Progressing. %d of %d nodes settled.", v.Counts.Settled, nodes)
	v.Waits = []string{"1 commit held, the newest is ccccccc: bbbbbbb is rolling out"}
	return v
}

// stuck is twelve nodes of which a crashing agent has taken three.
func stuck() *view.View {
	v := fleet(12, func(i int) rollout.NodeState {
		return []rollout.NodeState{rollout.IsSettled, rollout.IsFailing, rollout.IsOld, rollout.IsOld}[i%4]
	})
	v.State, v.Commits[1].State = api.Stuck, api.Stuck
	v.Verdict = "Stuck: CrashLoop on 3 of 12 nodes: container fluentd, exit code 3; brake pulled"
	c := crashes("node-0002", "node-0006", "node-0010")
	c.Final, c.Since = true, noon.Add(30*time.Second)
	c.Message = "container fluentd keeps ending: exit code 3"
	c.Remedy = "Read why in its log, `kubectl -n logging logs fluentd-5kc4p -c fluentd --previous`, then fix the commit or " +
		"revert it."
	v.Causes = []view.Cause{c}
	return v
}

// rollingFleet is 5,000 nodes half-way: most cells stand for several nodes, and what is wrong shows through.
func rollingFleet(nodes int) *view.View {
	v := fleet(nodes, func(i int) rollout.NodeState {
		switch {
		case i == 4321%nodes:
			return rollout.IsLost
		case i%997 == 13:
			return rollout.IsFailing
		case i < nodes/2:
			return rollout.IsSettled
		case i < nodes/2+nodes/100:
			return rollout.IsUpdated
		}
		return rollout.IsOld
	})
	v.Estimate = &view.Estimate{PerMinute: 120, Left: 1250, From: view.FromRollout}
	v.Causes = []view.Cause{{Object: "DaemonSet logging/fluentd", NodeCount: 6, CauseReport: report.CauseReport{
		Code: rollout.ImagePull, Nodes: []string{"node-0014", "node-1011", "node-2008", "node-3005", "node-4002", "node-4999"},
		Message: `image "registry.local/fluentd:v6" cannot be pulled: i/o timeout`, Since: noon.Add(time.Minute),
		Remedy: "See whether these nodes reach the registry."}}}
	return v
}

func screenOf(v *view.View, width, height int) *Model {
	m := New(false)
	m.Resize(width, height)
	m.See(v, Offer{})
	return m
}

// What a person sees of twelve and of 5,000 nodes, at three sizes of a terminal.
func TestWhatIsOnTheScreen(t *testing.T) {
	for name, v := range map[string]*view.View{"stuck": stuck(), "fleet": rollingFleet(5000)} {
		for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
			m := screenOf(v, size[0], size[1])
			text := shown(t, m)
			m.Key("g") // by zone
			text += strings.Repeat("=", size[0]) + "\n" + shown(t, m)
			golden(t, fmt.Sprintf("%s-%dx%d.txt", name, size[0], size[1]), text)
		}
	}
}

// Every key does what the help says; what writes is asked about first, and only y does it.
func TestKeys(t *testing.T) {
	m := New(false)
	if act := m.Key("s"); act != (Act{}) {
		t.Errorf("before anything was seen: %v", act)
	}
	m.See(stuck(), Offer{Release: hash("b"), Is: "Stuck"})
	says := func(what string) {
		t.Helper()
		if text := shown(t, m); !strings.Contains(text, what) {
			t.Errorf("there is no %q in\n%s", what, text)
		}
	}
	for _, w := range []struct {
		key, asks string
		act       Act
	}{
		{"s", "Poll for platform/agents now, and try again a head that failed? y/n", Act{Do: Sync}},
		{"r", "Release bbbbbbb, which is Stuck? y/n", Act{Do: Release, Commit: hash("b")}},
		{"p", "Suspend platform/agents", Act{Do: Suspend, On: true}},
	} {
		for _, no := range []string{"n", "q", "enter", "ctrl+c", w.key} {
			if act := m.Key(w.key); act != (Act{}) {
				t.Errorf("%s did %v without a question", w.key, act)
			}
			says(w.asks)
			if act := m.Key(no); act != (Act{}) {
				t.Errorf("%s did %v for the answer %s", w.key, act, no)
			}
			says("nothing was done")
		}
		m.Key(w.key)
		if act := m.Key("y"); act != w.act {
			t.Errorf("%s did %v, want %v", w.key, act, w.act)
		}
	}
	// What suspends all Syncs is not lifted by resuming one of them.
	all := stuck()
	all.Suspended = true
	m.See(all, Offer{})
	m.Key("p")
	says("Suspend platform/agents")
	all.SuspendedBySpec = true
	m.Key("n")
	m.See(all, Offer{})
	m.Key("p")
	says("Resume platform/agents")
	m.Key("n")
	m.See(stuck(), Offer{Release: hash("b"), Is: "Stuck"})
	m.Tell("suspended")
	says("suspended")
	if act := m.Key("e"); act.Do != Explain {
		t.Errorf("e: %v", act)
	}
	m.Show("explain", "DaemonSet logging/agent\n  seen:  "+strings.Repeat("word ", 30)+"\n"+strings.Repeat("more\n", 40))
	says("explain")
	m.Key("pgdown")
	says("more")
	m.Key("x")
	says("CrashLoop on node-[0002,0006,0010]")
	if act := m.Key("l"); act.Do != Log {
		t.Errorf("l: %v", act)
	}
	if act := m.Key("d"); act.Do != Diff {
		t.Errorf("d: %v", act)
	}
	m.Key("n")
	says("✗ failing         node-0002")
	m.Key("x")
	m.Key("?")
	says("poll now, and try again a head that failed")
	m.Key("x")
	m.See(stuck(), Offer{})
	m.Key("r")
	says("there is nothing to release")
	for _, key := range []string{"q", "esc", "ctrl+c"} {
		if act := m.Key(key); act.Do != Quit {
			t.Errorf("%s: %v", key, act)
		}
	}
}

// pacedFleet is twelve nodes of which the canary has soaked and waits for an approval.
func pacedFleet() *view.View {
	v := fleet(12, func(i int) rollout.NodeState {
		if i < 3 {
			return rollout.IsSettled
		}
		return rollout.IsOld
	})
	v.Paced = true
	v.Stage = &api.FlightStage{Name: "canary", Index: 1, Of: 5, Nodes: 3, Settled: 3, Early: 1,
		Since: metav1.NewMicroTime(noon), WaitsFor: api.StageApproval, Message: "has soaked, and waits for a person"}
	v.Promotion = &view.Promotion{Commit: hash("b"), Stage: "stage 1 of 5 (canary)", Index: 1}
	return v
}

// Where rollouts are paced, p is for the stage that waits for an approval and for nothing else, P for a pause, and S
// suspends; what each does is said before.
func TestThePacedRolloutHasItsKeys(t *testing.T) {
	m := screenOf(pacedFleet(), 120, 40)
	says := func(what string) {
		t.Helper()
		if text := shown(t, m); !strings.Contains(text, what) {
			t.Errorf("there is no %q in\n%s", what, text)
		}
	}
	says("stage 1 of 5 (canary), for 90s: 3 of 3 nodes settled; has soaked, and waits for a person; 1 node of later stages")
	says("p promote  P pause  S suspend")
	m.Key("p")
	says("Let bbbbbbb go on after stage 1 of 5 (canary)? y/n")
	waiting := pacedFleet()
	waiting.Promotion = nil // what is asked stands, whatever is seen meanwhile
	m.See(waiting, Offer{})
	says("Let bbbbbbb go on after stage 1 of 5 (canary)? y/n")
	if act := m.Key("y"); act != (Act{Do: Promote, Promotion: *pacedFleet().Promotion}) {
		t.Errorf("%+v", act)
	}
	if m.Key("p"); m.asked != (Act{}) {
		t.Errorf("it asks for %+v", m.asked)
	}
	says("no stage waits for an approval (P pauses the rollout, S suspends the Sync)")
	m.Key("P")
	says("Pause the rollouts of platform/agents")
	if act := m.Key("y"); act != (Act{Do: Pause, On: true}) {
		t.Errorf("%+v", act)
	}
	waiting.Paused = "paused by ada: latency rises"
	m.See(waiting, Offer{})
	m.Key("P")
	says("Let the rollouts of platform/agents go on: paused by ada: latency rises? y/n")
	if act := m.Key("y"); act != (Act{Do: Pause}) {
		t.Errorf("%+v", act)
	}
	m.Key("S")
	says("Suspend platform/agents")
}

// What a paced rollout looks like on a small screen and on a large one.
func TestAStageIsOnTheScreen(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		golden(t, fmt.Sprintf("paced-%dx%d.txt", size[0], size[1]), shown(t, screenOf(pacedFleet(), size[0], size[1])))
	}
}

// Whoever is asked sees that they are, on a narrow terminal too, and what is on its way is not told any more beside what
// has come of it.
func TestTheLastLineTellsWhatIsAwaited(t *testing.T) {
	for _, width := range []int{200, 80, 50, 20} {
		m := screenOf(stuck(), width, 24)
		for _, key := range []string{"s", "p"} {
			m.Key(key)
			if text := strings.TrimRight(shown(t, m), " \n"); !strings.HasSuffix(text, "y/n") {
				t.Errorf("%d columns, %s:\n%s", width, key, text)
			}
			m.Key("n")
		}
	}
	m := screenOf(stuck(), 80, 24)
	m.Tell("asking the cluster…")
	m.Show("diff", "+ image")
	if text := shown(t, m); strings.Contains(text, "asking") || !strings.Contains(text, "any other key: back") {
		t.Error(text)
	}
}

// A text of a page that is too wide keeps its columns: what explains a word stays beside it.
func TestPagesKeepTheirColumns(t *testing.T) {
	m := screenOf(stuck(), 40, 40)
	m.Show("explain", "  do:    Read why in its log, then fix the commit or revert it.\nNote: "+strings.Repeat("word ", 10))
	for _, want := range []string{"  do:    Read why in its log, then fix\n         the commit or revert it.\n", "\nword"} {
		if text := shown(t, m); !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	m.Show("log", "COMMIT   STATE     TOOK   SUBJECT\naaaaaaa  Complete  27.3s  Ship the agent of the year")
	if text, want := shown(t, m), "aaaaaaa  Complete  27.3s  Ship the agent\n         of the year\n"; !strings.Contains(text, want) {
		t.Errorf("there is no %q in\n%s", want, text)
	}
	m = screenOf(stuck(), 80, 40)
	m.Key("?")
	for _, want := range []string{"\n          large prune go on", "\ncell for several nodes as the worst of them."} {
		if text := shown(t, m); !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
}

// The nodes are grouped by zone, by pool, by a label, and not at all, in turn.
func TestGrouping(t *testing.T) {
	m := screenOf(stuck(), 80, 40)
	for _, want := range []string{"12 nodes by zone (3)", "12 nodes by pool (2)", "12 nodes by kubernetes.io/arch (2)", "12 nodes\n"} {
		m.Key("g")
		if text := shown(t, m); !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
}

// While the API server does not answer, what was seen last stays, with since when; afterwards that is gone.
func TestALostAPIServer(t *testing.T) {
	m := screenOf(stuck(), 120, 30)
	m.Lose(noon.Add(time.Minute), noon.Add(3*time.Minute), errors.New("dial tcp 10.0.0.1:443: connection refused"))
	text := shown(t, m)
	for _, want := range []string{"no answer since 12:01:00Z (2m)", "what was seen last stands here; dial tcp", "CrashLoop on node-[0002,0006,0010]"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	m.See(stuck(), Offer{})
	if text := shown(t, m); strings.Contains(text, "no answer") {
		t.Errorf("it answers again:\n%s", text)
	}
}

// Whatever stands in names and messages, and however small the terminal is, the screen holds: as many lines as there are,
// none too wide, and not one escape sequence but our colours.
func TestNothingBreaksTheScreen(t *testing.T) {
	evil := []string{"\x1b[2J\x1b[H\x1b]0;owned\x07", "a\r\nb\x00\x9b31m", strings.Repeat("宽", 300), "\u202e\u2066drow",
		strings.Repeat("e\u0301\u0302", 200), "\U0001F9D1\u200d\U0001F4BB\U0001F3FD", "\xff\xfe\xc3(", strings.Repeat("x", 5000), "\t\t\v\f\u2028\u0085"}
	for i, text := range evil {
		v := stuck()
		v.Verdict, v.Waits, v.Notes, v.Missing = text, []string{text}, []string{text}, []string{text}
		v.Causes[0].Message, v.Causes[0].Remedy, v.Causes[0].Nodes, v.Causes[0].Object = text, text, []string{text}, text
		v.Name, v.Commit, v.Paced, v.Paused = text, text, true, text
		v.Stage = &api.FlightStage{Name: text, Message: text, WaitsFor: api.StageApproval}
		v.Promotion = &view.Promotion{Commit: text, Stage: text}
		for k := range v.Commits {
			v.Commits[k].Subject = text
		}
		for k := range v.Nodes {
			v.Nodes[k].Name += text
			v.Nodes[k].Labels["topology.kubernetes.io/zone"] = text
			v.Nodes[k].Labels[text] = "x" + fmt.Sprint(k%2)
		}
		for _, size := range [][2]int{{80, 24}, {20, 8}, {1, 1}, {3, 40}} {
			m := screenOf(v, size[0], size[1])
			m.offer = Offer{Release: text, Is: text}
			for _, key := range []string{"", "g", "g", "end", "n", "x", "r", "n", "p", "n", "P", "n", "?"} {
				m.Key(key)
				onlyColours(t, fmt.Sprint(i, size, key), m.Frame())
			}
			shown(t, m)
			m.Key("x")
			shown(t, m)
			m.Show(text, text+"\n"+text)
			m.Tell(text)
			m.Lose(noon, noon, errors.New(text))
			shown(t, m)
			onlyColours(t, fmt.Sprint(i, size), m.Frame())
		}
	}
}

// onlyColours fails if a text has control characters besides the ends of lines and SGR sequences.
func onlyColours(t *testing.T, name, frame string) {
	t.Helper()
	var state byte
	for text := frame; text != ""; {
		sequence, _, n, next := ansi.DecodeSequence(text, state, nil)
		state, text = next, text[n:]
		if sequence == "\n" || strings.HasPrefix(sequence, "\x1b[") && strings.HasSuffix(sequence, "m") {
			continue
		}
		if strings.ContainsFunc(sequence, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x2066 }) {
			t.Fatalf("%s: %q is on the screen", name, sequence)
		}
	}
}

// Each class of nodes is known by its shape alone and by its colour alone, also where there is only ASCII.
func TestShapeAndColourBothTell(t *testing.T) {
	shapes, ascii, colours := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, state := range view.States() {
		if state == rollout.IsNotEligible {
			continue
		}
		s, colour := view.NodeSign(state), nodeColours[state]
		if s.Words == string(state) {
			t.Errorf("%s has no sign", state)
		}
		if shapes[s.Shape] || ascii[s.ASCII] || colours[colour] || ansi.StringWidth(s.Shape) != 1 || len(s.ASCII) != 1 {
			t.Errorf("%s looks like another one: %+v", state, s)
		}
		shapes[s.Shape], ascii[s.ASCII], colours[colour] = true, true, true
	}
	m := New(true)
	m.See(stuck(), Offer{})
	for _, r := range shown(t, m) {
		if r > 126 && r != '…' {
			t.Errorf("%q is no ASCII in\n%s", r, shown(t, m))
			break
		}
	}
}

// A cell that stands for several nodes shows the worst of them: one lost node among 5,000 is on every screen.
func TestACellShowsTheWorst(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		m := screenOf(rollingFleet(5000), size[0], size[1])
		m.view.Causes, m.view.Waits = nil, nil
		for range 4 {
			m.Key("g")
			text := shown(t, m)
			grid := text[strings.LastIndex(text, "old pod")+len("old pod"):]
			if strings.Count(grid[:strings.LastIndex(grid, "g group")], "?") != 1 {
				t.Errorf("by %q, at %v, the lost node is not in one cell:\n%s", m.by, size, text)
			}
		}
	}
}
