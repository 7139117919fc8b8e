package judge

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
)

// truth is what a recording amounts to in the end.
type truth struct {
	verdict rollout.Verdict
	code    rollout.Code
	nodes   string
	says    []string // in the message
}

var truths = map[string]truth{
	"healthy":             {verdict: rollout.Complete},
	"fleet-good-rollout":  {verdict: rollout.Complete},
	"fleet-good-minready": {verdict: rollout.Complete},
	"fleet-surge":         {verdict: rollout.Complete},
	"fleet-typo-then-fix": {verdict: rollout.Complete},
	"on-delete":           {verdict: rollout.Complete},
	"fleet-ondelete":      {verdict: rollout.Complete},
	"node-selector-none":  {verdict: rollout.Complete},
	"image-typo": {rollout.Stuck, rollout.ImagePull, "real-1", []string{"registry.local/agent:v2-typo",
		"no such host"}},
	"init-image-typo": {rollout.Stuck, rollout.ImagePull, "real-1",
		[]string{"init container", "registry.local/agent:typo"}},
	"fleet-typo":           {rollout.Stuck, rollout.ImagePull, "real-3", []string{"registry.local/agent:v9-typo"}},
	"invalid-image-name":   {rollout.Stuck, rollout.InvalidImage, "real-1", []string{"must be lowercase"}},
	"crash-loop":           {rollout.Stuck, rollout.CrashLoop, "real-1", []string{"exit code 3"}},
	"fleet-crash-flap":     {rollout.Stuck, rollout.CrashLoop, "real-1 real-2 real-3", []string{"exit code 3"}},
	"fleet-crash-minready": {rollout.Stuck, rollout.CrashLoop, "real-3", []string{"exit code 3"}},
	"readiness-fails": {rollout.Stuck, rollout.ProbeFailing, "real-1", []string{"readiness probe", "port 9",
		"connection refused"}},
	"startup-fails": {rollout.Stuck, rollout.ProbeFailing, "real-1", []string{"startup probe", "port 9",
		"connection refused"}},
	"missing-configmap-env": {rollout.Stuck, rollout.ConfigError, "real-1", []string{`configmap "nope" not found`}},
	"missing-secret-volume": {rollout.Stuck, rollout.VolumeMount, "real-1", []string{`secret "nope" not found`}},
	"insufficient-cpu": {rollout.Stuck, rollout.Unschedulable, "real-1",
		[]string{"Insufficient cpu", "short by at least"}},
	"fleet-one-node-full": {rollout.Stuck, rollout.Unschedulable, "real-3",
		[]string{"Insufficient cpu", "asks for cpu 1"}},
	"missing-serviceaccount": {rollout.Stuck, rollout.Forbidden, "real-1", []string{`serviceaccount "nope" not found`}},
	"fleet-quota":            {rollout.Stuck, rollout.Forbidden, "real-2", []string{"exceeded quota: q"}},
	"fleet-selector-to-none": {rollout.Stuck, rollout.NoEligibleNodes, "", nil},
	"fleet-node-dies-plain": {rollout.Stuck, rollout.BudgetSpent, "real-2", []string{"2 nodes still wait: real-[1,3]",
		"not ready since 2026-11-23 17:50:", "old pod was deleted at 2026-11-23 17:5"}},
}

func (w truth) check(t *testing.T, j rollout.Judgement) {
	t.Helper()
	if j.Verdict != w.verdict {
		t.Fatalf("verdict %s, want %s\n%s", j.Verdict, w.verdict, plain(j))
	}
	if w.code == "" {
		return
	}
	if len(j.Causes) == 0 || j.Causes[0].Code != w.code || !j.Causes[0].Final {
		t.Fatalf("want cause %s\n%s", w.code, plain(j))
	}
	c := j.Causes[0]
	if got := strings.Join(c.Nodes, " "); got != w.nodes {
		t.Errorf("nodes %q, want %q", got, w.nodes)
	}
	for _, said := range w.says {
		if !strings.Contains(c.Message, said) {
			t.Errorf("the message lacks %q: %s", said, c.Message)
		}
	}
	if c.Remedy == "" || c.Since.IsZero() {
		t.Errorf("no remedy or no time: %+v", c)
	}
}

// present holds the cause and the nodes of the last look itself, final or not: so soon people must see them.
func (w truth) present(t *testing.T, j rollout.Judgement) {
	t.Helper()
	if w.code == "" {
		return
	}
	if len(j.Causes) == 0 || j.Causes[0].Code != w.code || strings.Join(j.Causes[0].Nodes, " ") != w.nodes {
		t.Errorf("at the last look: want %s on %q\n%s", w.code, w.nodes, plain(j))
	}
}

// toldInWords holds that a look is told in words: its verdict, and each of its causes with where to read on.
func toldInWords(t *testing.T, judged report.Judged) {
	t.Helper()
	r := report.New(judged)
	text := r.Text()
	if r.Verdict != judged.Judgement.Verdict || !strings.Contains(text, string(r.Verdict)) {
		t.Errorf("%s is told as\n%s", judged.Judgement.Verdict, text)
	}
	for _, c := range judged.Judgement.Causes {
		if c.Code != rollout.Starting && !strings.Contains(text, "#"+strings.ToLower(string(c.Code))) {
			t.Errorf("%s is not in\n%s", c.Code, text)
		}
	}
}

// plain is a judgement for reading.
func plain(j rollout.Judgement) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s | %s | %d/%d/%d mark %d\n", j.Verdict, j.Headline, j.Settled, j.Updated, j.Desired, j.Mark)
	for _, c := range j.Causes {
		fmt.Fprintf(&b, "  %s final=%v %v since %s: %s\n    -> %s\n", c.Code, c.Final, c.Nodes,
			c.Since.Format(time.TimeOnly), c.Message, c.Remedy)
	}
	for _, n := range j.Notes {
		fmt.Fprintf(&b, "  note: %s\n", n)
	}
	return b.String()
}

// Every recording ends as it did in truth: watched from its beginning, with a restart before every look, and twenty
// minutes after the last one.
func TestRecordedRolloutsAsTheyHappen(t *testing.T) {
	for _, r := range readRecordings(t) {
		t.Run(r.name, func(t *testing.T) {
			var m, unbroken rollout.Memory
			generation := int64(0)
			for i := range r.Snapshots {
				target := r.target(i)
				if target.Generation != generation {
					generation, m, unbroken = target.Generation, rollout.Memory{}, rollout.Memory{}
				}
				var j, same rollout.Judgement
				j, m = bothWays(r.look(i, 0), target, overAgain(t, m), rollout.Options{})
				same, unbroken = bothWays(r.look(i, 0), target, unbroken, rollout.Options{})
				t.Logf("t=%.1f %s", r.Snapshots[i].T, plain(j))
				sameJudgement(t, j, same)
				neverTooEarly(t, r, i, j)
				toldInWords(t, report.Judged{Target: target, Look: r.look(i, 0), Judgement: j})
				if i == len(r.Snapshots)-1 {
					truths[r.name].present(t, j)
				}
			}
			last := len(r.Snapshots) - 1
			j, _ := bothWays(r.look(last, 20*time.Minute), r.target(last), overAgain(t, m), rollout.Options{})
			t.Logf("20 minutes later: %s", plain(j))
			truths[r.name].check(t, j)
		})
	}
}

// Every recording ends as it did in truth also for whoever has only a dump of its last moment.
func TestRecordedRolloutsFromADump(t *testing.T) {
	for _, r := range readRecordings(t) {
		t.Run(r.name, func(t *testing.T) {
			for i := range r.Snapshots {
				j, _ := bothWays(r.look(i, 0), r.fromDump(i), rollout.Memory{}, rollout.Options{})
				t.Logf("t=%.1f %s", r.Snapshots[i].T, plain(j))
				neverTooEarly(t, r, i, j)
			}
			last := len(r.Snapshots) - 1
			j, _ := bothWays(r.look(last, 20*time.Minute), r.fromDump(last), rollout.Memory{}, rollout.Options{})
			t.Logf("20 minutes later: %s", plain(j))
			truths[r.name].check(t, j)
		})
	}
}

// neverTooEarly holds that no look at a rollout that fails is Complete, that none is Stuck for another cause than the
// true one, and that one which succeeds is never Stuck.
func neverTooEarly(t *testing.T, r recording, i int, j rollout.Judgement) {
	t.Helper()
	failing := truths[r.name].verdict == rollout.Stuck
	before := r.Snapshots[i].DaemonSet.Generation < r.Snapshots[len(r.Snapshots)-1].DaemonSet.Generation
	if failing && !before && j.Verdict == rollout.Complete {
		t.Errorf("t=%.1f: Complete\n%s", r.Snapshots[i].T, plain(j))
	}
	if !before && j.Verdict == rollout.Stuck && (len(j.Causes) == 0 || j.Causes[0].Code != truths[r.name].code) {
		t.Errorf("t=%.1f: Stuck for another cause\n%s", r.Snapshots[i].T, plain(j))
	}
	if strings.Contains(j.Headline, "successfully") && j.Verdict != rollout.Complete {
		t.Errorf("t=%.1f: the headline lies: %s", r.Snapshots[i].T, j.Headline)
	}
}

func sameJudgement(t *testing.T, a, b rollout.Judgement) {
	t.Helper()
	if !reflect.DeepEqual(jsonOf(t, a), jsonOf(t, b)) {
		t.Errorf("a restart changed the judgement:\n%s\n%s", plain(a), plain(b))
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Whatever order the watches deliver in, the judgement is the same.
func TestTheOrderOfObjectsDoesNotMatter(t *testing.T) {
	for _, r := range readRecordings(t) {
		for i := range r.Snapshots {
			l := r.look(i, time.Minute)
			a, _ := bothWays(l, r.target(i), rollout.Memory{}, rollout.Options{})
			back := l
			back.Pods, back.Nodes, back.Events, back.Revisions = slices.Clone(l.Pods), slices.Clone(l.Nodes),
				slices.Clone(l.Events), slices.Clone(l.Revisions)
			slices.Reverse(back.Pods)
			slices.Reverse(back.Nodes)
			slices.Reverse(back.Events)
			slices.Reverse(back.Revisions)
			b, _ := bothWays(back, r.target(i), rollout.Memory{}, rollout.Options{})
			sameJudgement(t, a, b)
		}
	}
}

// On the recorded crash loop the brake is to be pulled at the first look that shows an end, while one node still has
// its old pod; kubectl had called the rollout a success by then.
func TestTheRecordedCrashLoopIsBraked(t *testing.T) {
	r := recorded(t, "fleet-crash-flap")
	var m rollout.Memory
	for i := range r.Snapshots {
		var j rollout.Judgement
		j, m = bothWays(r.look(i, 0), r.target(i), m, rollout.Options{})
		if len(j.Ended) > 0 {
			if j.Brake != rollout.BrakePull || j.OldAvailable != 1 || !slices.Equal(j.Ended, []string{"real-1"}) {
				t.Errorf("t=%.1f %s %v\n%s", r.Snapshots[i].T, j.Brake, j.Ended, plain(j))
			}
			return
		}
	}
	t.Error("no end was seen")
}
