package screen

import (
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// rolling is a view of commit b on its way, some seconds after noon.
func rolling(seconds, settled int) *view.View {
	return &view.View{Namespace: "platform", Name: "agents", Now: noon.Add(time.Duration(seconds) * time.Second),
		State: api.RollingOut, Commit: "bbbbbbb", Counts: view.Counts{Desired: 12, Settled: settled},
		Verdict: "Progressing. " + string(rune('0'+settled)) + " of 12 nodes settled.",
		Commits: []view.Commit{
			{Commit: strings.Repeat("b", 40), Subject: "second", Author: "Ada", State: api.RollingOut, First: noon,
				Since: noon, InFlight: true},
			{Commit: strings.Repeat("a", 40), Subject: "first", State: api.Complete, First: noon.Add(-time.Hour),
				Since: noon.Add(-50 * time.Minute)},
		}}
}

func crashes(nodes ...string) view.Cause {
	return view.Cause{Object: "DaemonSet logging/agent", NodeCount: len(nodes), CauseReport: report.CauseReport{
		Code: rollout.CrashLoop, Nodes: nodes, Message: "container agent keeps ending: exit code 3", Remedy: "Read its log."}}
}

func joined(lines []string) string { return strings.Join(lines, "\n") }

// A reader of lines is told of each change once: of commits, of causes as they come, spread and go, and of progress alone
// now and then.
func TestAChangeIsOneLine(t *testing.T) {
	p := &Plain{}
	want := func(v *view.View, lines ...string) {
		t.Helper()
		if got := p.Lines(v); joined(got) != joined(lines) {
			t.Errorf("told:\n%s\nwant:\n%s", joined(got), joined(lines))
		}
	}
	want(rolling(0, 0), `12:00:00Z  commit bbbbbbb, second (Ada): RollingOut`,
		`12:00:00Z  bbbbbbb: Progressing. 0 of 12 nodes settled.`)
	want(rolling(1, 0))
	want(rolling(2, 1)) // so soon after
	want(rolling(11, 2), `12:00:11Z  bbbbbbb: Progressing. 2 of 12 nodes settled.`)
	v := rolling(12, 2)
	v.Causes = []view.Cause{crashes("node-1")}
	want(v, `12:00:12Z  CrashLoop on node-1 of DaemonSet logging/agent, which may pass: container agent keeps ending: exit `+
		`code 3. Do: Read its log.`)
	v.Causes[0].Message = "container agent keeps ending: exit code 4"
	want(v)
	v.Causes = []view.Cause{crashes("node-1", "node-2")}
	v.Causes[0].Final = true
	v.State, v.Verdict, v.Commits[0].State = api.Stuck, "Stuck: CrashLoop on 2 of 12 nodes", api.Stuck
	want(v, `12:00:12Z  commit bbbbbbb, second (Ada): Stuck`,
		`12:00:12Z  CrashLoop on node-[1-2] of DaemonSet logging/agent: container agent keeps ending: exit code 3. Do: Read `+
			`its log.`, `12:00:12Z  bbbbbbb: Stuck: CrashLoop on 2 of 12 nodes`)
	v = rolling(40, 3)
	want(v, `12:00:40Z  commit bbbbbbb, second (Ada): RollingOut`, `12:00:40Z  no longer: CrashLoop of DaemonSet logging/agent`,
		`12:00:40Z  bbbbbbb: Progressing. 3 of 12 nodes settled.`)
	v.Waits = []string{"no window is open; the next opens 2026-12-01, in 59m"}
	want(v, `12:00:40Z  no window is open; the next opens 2026-12-01, in 59m`)
	v.Waits = []string{"no window is open; the next opens 2026-12-01, in 58m"}
	want(v)
}

// That the API server is gone is said once, with when, and that it is back.
func TestALostAPIServerIsSaidOnce(t *testing.T) {
	p := &Plain{}
	p.Lines(rolling(0, 0))
	if got := joined(p.Lost(noon, errors.New("connection refused"))); got !=
		"12:00:00Z  the API server does not answer, what was seen last stands: connection refused" {
		t.Error(got)
	}
	if got := p.Lost(noon, errors.New("connection refused")); got != nil {
		t.Error(got)
	}
	if got := joined(p.Lines(rolling(1, 0))); got != "12:00:01Z  the API server answers again" {
		t.Error(got)
	}
}

// Whatever others have written, a line stays one line and moves no cursor.
func TestWhatOthersHaveWrittenIsFitForALine(t *testing.T) {
	for text, want := range map[string]string{
		"a\nb\r\tc":                       "a b c",
		"\x1b[2J\x1b]0;title\x07x":        "[2J ]0;titlex",
		"\u009b31m\u202eevil\u200b\u2066": "31mevil",
		"\xff\xfe":                        "?",
		"宽 字符 \U0001F9D1\u200d\U0001F4BB fine": "宽 字符 \U0001F9D1\U0001F4BB fine",
	} {
		if got := line(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
	v := rolling(0, 0)
	v.Commits[0].Subject, v.Verdict = "\x1b[31m\nred", "\x1b[0m\r\nx"
	for _, text := range (&Plain{}).Lines(v) {
		if strings.ContainsAny(text, "\x1b\n\r") {
			t.Errorf("%q", text)
		}
	}
}

// A stage is a line when it is entered and when it waits for something else, not for each of its nodes; also where the names
// of two stages differ in a number alone.
func TestAStageIsALine(t *testing.T) {
	p := &Plain{}
	told := func(seconds int, st api.FlightStage) string {
		v := rolling(seconds, 0)
		st.Since, v.Stage = metav1.NewMicroTime(noon), &st
		var stages []string
		for _, text := range p.Lines(v) {
			if strings.Contains(text, "stage") {
				stages = append(stages, text)
			}
		}
		return joined(stages)
	}
	st := api.FlightStage{Name: "rest/1", Index: 2, Of: 4, Nodes: 3, WaitsFor: api.StageNodes}
	if got := told(1, st); got != "12:00:01Z  stage 2 of 4 (rest/1), for 1s: 0 of 3 nodes settled; waits for its nodes" {
		t.Error(got)
	}
	st.Settled = 1
	if got := told(2, st); got != "" {
		t.Error(got)
	}
	st.WaitsFor, st.Settled = api.StageSoak, 3
	if got := told(60, st); got != "12:01:00Z  stage 2 of 4 (rest/1), for 60s: 3 of 3 nodes settled; soaks" {
		t.Error(got)
	}
	if got := told(61, api.FlightStage{Name: "rest/2", Index: 3, Of: 4, Nodes: 3, WaitsFor: api.StageSoak}); !strings.Contains(got,
		"stage 3 of 4 (rest/2)") {
		t.Error(got)
	}
}
