package judge

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with a file of testdata/report, or rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "report", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test ./rollout/judge -run %s -update writes it)", err, t.Name())
	}
	if got != string(want) {
		t.Errorf("%s differs:\n--- got\n%s--- want\n%s", path, got, want)
	}
}

// reported is a recording twenty minutes after its last snapshot, as it is told.
func reported(r recording) report.Report {
	l := r.look(len(r.Snapshots)-1, 20*time.Minute)
	j, _ := bothWays(l, r.fromDump(len(r.Snapshots)-1), rollout.Memory{}, rollout.Options{})
	return report.New(report.Judged{Target: r.fromDump(len(r.Snapshots) - 1), Look: l, Judgement: j})
}

// longestSummary is what fits beside a commit's state on a Git host.
const longestSummary = 110

// What a person is told of every recorded rollout. Read the difference as that person would.
func TestReportsReadLikeAColleague(t *testing.T) {
	for _, r := range readRecordings(t) {
		t.Run(r.name, func(t *testing.T) { golden(t, r.name+".txt", reported(r).Text()) })
	}
}

// A large fleet fits on a screen: nodes are folded, classes with a reason of their own stand apart, and several
// DaemonSets follow each other.
func TestAReportOfALargeFleetFitsOnAScreen(t *testing.T) {
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	failing := rollout.Cause{Code: rollout.CrashLoop, Nodes: []string{"node-007", "node-021", "node-022"},
		Pods:    []string{"agent-a", "agent-b"},
		Message: "container agent keeps ending: exit code 3", Remedy: "Read its last words.",
		Since: now.Add(-192 * time.Second)}
	j := rollout.Judgement{Verdict: rollout.Stuck, Headline: `daemon set "agent" is stuck`, Desired: 118, Updated: 40,
		Settled: 37,
		Notes:   []string{"absent, not counted: node-119, node-120"}, Causes: []rollout.Cause{failing}}
	for i := 1; i <= 120; i++ {
		n := rollout.Node{Name: nodeName(i), State: rollout.IsOld}
		switch {
		case slices.Contains(failing.Nodes, n.Name):
			n.State, n.Cause = rollout.IsFailing, rollout.CrashLoop
		case i <= 40:
			n.State = rollout.IsSettled
		case i > 118:
			n.State = rollout.IsAbsent
			j.Absent = append(j.Absent, n.Name)
		}
		j.Nodes = j.Nodes.And([]rollout.Node{n})
	}
	other := rollout.Judgement{Verdict: rollout.Complete, Headline: `daemon set "shipper" successfully rolled out`,
		Desired: 1, Updated: 1, Settled: 1,
		Nodes: rollout.NodeList{}.And([]rollout.Node{{Name: "node-001", State: rollout.IsSettled},
			{Name: "node-002", State: rollout.IsNotEligible, Why: "taint gpu=true:NoSchedule is not tolerated"}})}
	look := rollout.Look{Now: now}
	report := report.New(report.Judged{Target: rollout.Target{Namespace: "platform", Name: "agent"}, Look: look,
		Judgement: j}, report.Judged{Target: rollout.Target{Namespace: "platform", Name: "shipper"}, Look: look,
		Judgement: other})
	if report.Verdict != rollout.Stuck {
		t.Errorf("verdict %s", report.Verdict)
	}
	golden(t, "large-fleet.txt", report.Text())
}

func nodeName(i int) string { return "node-" + strings.Repeat("0", 3-len(itoa(i))) + itoa(i) }

func itoa(i int) string { b, _ := json.Marshal(i); return string(b) }

// Scripts get the fields of docs/design.md §9 under their names, and lists that are never null.
func TestScriptsGetTheFieldsOfTheDesign(t *testing.T) {
	raw, err := json.MarshalIndent(reported(recorded(t, "fleet-typo")), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "fleet-typo.json", string(raw)+"\n")
	bare, err := json.Marshal(report.New(report.Judged{}))
	if err != nil || strings.Contains(string(bare), "null") {
		t.Errorf("%s, %v", bare, err)
	}
}

// A summary for a Git host is short and names the cause, how many nodes and what of the commit it is about; and of the
// cluster nothing: no node, no pod, no message, no time.
func TestSummariesForAGitHost(t *testing.T) {
	var all strings.Builder
	for _, r := range readRecordings(t) {
		l := r.look(len(r.Snapshots)-1, 20*time.Minute)
		j, _ := bothWays(l, r.target(len(r.Snapshots)-1), rollout.Memory{}, rollout.Options{})
		summary := report.Summarize([]rollout.Judgement{j})
		all.WriteString(r.name + ": " + string(j.Verdict) + ": " + summary + "\n")
		if n := utf8.RuneCountInString(summary); n > longestSummary {
			t.Errorf("%s: %d characters", r.name, n)
		}
		for _, node := range l.Nodes {
			if strings.Contains(summary, node.Name) {
				t.Errorf("%s names a node: %s", r.name, summary)
			}
		}
		for _, pod := range l.Pods {
			if strings.Contains(summary, pod.Name) {
				t.Errorf("%s names a pod: %s", r.name, summary)
			}
		}
	}
	golden(t, "summaries.txt", all.String())
}

// While a rollout moves its summary changes in quarters, and not with every pod.
func TestASummaryMovesInQuarters(t *testing.T) {
	var said []string
	for settled := range 120 {
		said = append(said, report.Summarize([]rollout.Judgement{{Verdict: rollout.Progressing, Desired: 120,
			Settled: settled, Causes: []rollout.Cause{{Code: rollout.Starting}}}}))
	}
	said = slices.Compact(said)
	want := []string{"120 nodes", "120 nodes, a quarter done", "120 nodes, half done", "120 nodes, three quarters done"}
	if !slices.Equal(said, want) {
		t.Errorf("said %q", said)
	}
}

// Of several DaemonSets the stuck one is told; a long image keeps its tag; what may pass is called that.
func TestSummariesOfSeveralDaemonSets(t *testing.T) {
	stuck := rollout.Judgement{Verdict: rollout.Stuck, Eligible: 12, Braked: true,
		Causes: []rollout.Cause{{Code: rollout.CrashLoop, Nodes: []string{"a", "b"}, About: "container agent, exit " +
			"code 3"}}}
	long := rollout.Judgement{Verdict: rollout.Stuck, Eligible: 12,
		Causes: []rollout.Cause{{Code: rollout.ImagePull, Nodes: []string{"a"},
			About: "image registry.example.com/" + strings.Repeat("platform/", 20) + "agent:v2-typo"}}}
	moving := rollout.Judgement{Verdict: rollout.Progressing, Desired: 12, Settled: 6,
		Causes: []rollout.Cause{{Code: rollout.ImagePull, Nodes: []string{"a"}, About: "image agent:v2"}}}
	done := rollout.Judgement{Verdict: rollout.Complete, Desired: 12, Settled: 12}
	failed := rollout.Judgement{Verdict: rollout.Stuck, Object: "Job web/migrate",
		Causes: []rollout.Cause{{Code: rollout.JobFailed, About: "Job web/migrate", Message: "it said: secret"}}}
	waiting := rollout.Judgement{Verdict: rollout.Progressing, Object: "Deployment web/shop",
		Causes: []rollout.Cause{{Code: rollout.NotReady, About: "Deployment web/shop"}}}
	ready := rollout.Judgement{Verdict: rollout.Complete, Object: "Deployment web/shop"}
	for want, judgements := range map[string][]rollout.Judgement{
		"": nil,
		"CrashLoop on 2 of 12 nodes: container agent, exit code 3; brake pulled": {done, stuck,
			moving},
		"CrashLoop on 2 of 12 nodes: container agent, exit code 3; brake pulled (and 1 other DaemonSet)": {stuck, long},
		"12 nodes, half done; at present ImagePull (image agent:v2)":                                     {moving},
		"24 nodes, three quarters done; at present ImagePull (image agent:v2)": {moving,
			{Verdict: rollout.Progressing, Desired: 12, Settled: 12}},
		"JobFailed: Job web/migrate (and 1 other object)": {done, failed,
			{Verdict: rollout.Stuck, Object: "Deployment web/shop"}},
		"12 nodes, half done; at present ImagePull (image agent:v2); waits for Deployment web/shop": {moving, waiting},
		"waits for Deployment web/shop and 1 other object": {done, waiting,
			waiting},
		"2 objects ready":   {ready, ready},
		"12 nodes":          {done, ready},
		"no eligible nodes": {{Verdict: rollout.Complete}},
	} {
		if got := report.Summarize(judgements); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := report.Summarize([]rollout.Judgement{long}); !strings.HasPrefix(got,
		"ImagePull on 1 of 12 nodes: image") || !strings.HasSuffix(got, "agent:v2-typo") ||
		utf8.RuneCountInString(got) != longestSummary {
		t.Errorf("%d characters: %s", utf8.RuneCountInString(got), got)
	}
}

// Every cause has words, and a heading in the guide that its link leads to.
func TestEveryCauseHasAHeadingInTheGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range append(append(rollout.Codes(), rollout.PaceCodes()...), rollout.ApplyFailed) {
		if !strings.Contains(string(guide), "\n## "+string(code)+"\n") {
			t.Errorf("docs/troubleshooting.md: no heading \"## %s\", where explain sends people: write what to do "+
				"there", code)
		}
	}
	constants, err := os.ReadFile("../verdict.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`(?m)^\t(\w+) +Code = "`).FindAllStringSubmatch(string(constants), -1) {
		if rollout.Code(name[1]).Meaning() == name[1] {
			t.Errorf("rollout/codes.go: no words for %s in the table meanings: add them", name[1])
		}
	}
}
