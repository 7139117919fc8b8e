package judge

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/report"
)

// A rollout that is remembered by the UIDs of its nodes, read again before every look, is judged as one that is
// remembered by their names, but for what programs said; and neither what is kept of it nor what is told of it as
// counts names a node.
func TestARolloutIsRememberedWithoutNames(t *testing.T) {
	for _, r := range readRecordings(t) {
		t.Run(r.name, func(t *testing.T) {
			var kept, m rollout.Memory
			generation := int64(0)
			for i := range r.Snapshots {
				target, look := r.target(i), r.look(i, 0)
				for _, n := range look.Nodes {
					n.UID = types.UID("uid of " + strings.TrimPrefix(n.Name, "real-"))
				}
				if target.Generation != generation {
					generation, kept, m = target.Generation, rollout.Memory{}, rollout.Memory{}
				}
				var j, named rollout.Judgement
				j, kept = bothWays(look, target, overAgain(t, kept).WithNames(look.Nodes), rollout.Options{})
				kept = kept.WithUIDs(look.Nodes)
				named, m = bothWays(look, target, m, rollout.Options{})
				if jsonOf(t, wordless(j)) != jsonOf(t, wordless(named)) {
					t.Errorf("t=%.1f\n%s\nis judged otherwise by names:\n%s", r.Snapshots[i].T, plain(j), plain(named))
				}
				if raw := jsonOf(t, kept); strings.Contains(raw, "real-") {
					t.Errorf("kept: %s", raw)
				}
				namesNobody(t, named)
			}
		})
	}
}

// wordless is a judgement without the words that are told of it.
func wordless(j rollout.Judgement) rollout.Judgement {
	j.Headline, j.Notes = "", nil
	for i := range j.Causes {
		c := j.Causes[i]
		j.Causes[i] = rollout.Cause{Code: c.Code, Nodes: c.Nodes, Since: c.Since, Final: c.Final}
	}
	return j
}

// namesNobody holds that what is told of a judgement as counts names no node but in its lists, and nothing that a
// program said.
func namesNobody(t *testing.T, j rollout.Judgement) {
	t.Helper()
	told := report.Counts(j)
	texts := []string{told.Headline, strings.Join(told.Notes, "\n")}
	for i, c := range told.Causes {
		if was := j.Causes[i]; c.Code != was.Code || len(c.Nodes) != len(was.Nodes) || !c.Since.Equal(was.Since) {
			t.Errorf("%+v is told as %+v", was, c)
		}
		c.Nodes = nil
		texts = append(texts, jsonOf(t, c))
	}
	for n := range told.Nodes.All() {
		n.Name = ""
		texts = append(texts, jsonOf(t, n))
	}
	for _, text := range texts {
		if strings.Contains(text, "real-") || strings.Contains(text, "no such host") ||
			strings.Contains(text, "connection refused") || strings.Contains(text, "exceeded quota") {
			t.Errorf("told: %s", text)
		}
	}
}

// What is remembered of a node comes back under its name, whatever it is; of one that is gone nothing is kept. What
// hooks, probes and other programs said is not kept at all, and an object's own times are.
func TestMemoryByUIDs(t *testing.T) {
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	look := rollout.Look{Nodes: []*corev1.Node{
		{ObjectMeta: metav1.ObjectMeta{Name: "node-1", UID: "uid of the first"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "node-2", UID: "uid of the second"}}}}
	m := rollout.Memory{Hash: "h", Mark: 3, Rose: at,
		Since: map[string]time.Time{"CrashLoop/node-1": at, "CrashLoop/gone": at, "Starting/": at, "NotReady": at},
		Lost:  map[string]time.Time{"node-1": at, "gone": at}, Counted: []string{"gone", "node-2"},
		Boots: map[string]string{"node-2": "b"}, Clocks: map[string]rollout.ReadClock{"node-1": {At: at,
			Unknown: "node-1 does not answer"}}, Rejected: map[string]rollout.Rejections{"node-2": {Count: 2, UID: "p"}},
		Ended:   map[string]rollout.Ending{"node-1": {Count: 1}},
		Killed:  map[string]rollout.Killed{"pod-uid/agent": {By: "liveness"}},
		Answers: map[string]string{"agent postStart": "a secret of node-1"},
		Brake: []rollout.Cause{{Code: rollout.CrashLoop, Nodes: []string{"node-1", "gone"}, About: "exit code 3",
			Message: "a secret of node-1", Remedy: "kubectl logs node-1", Final: true}}}
	raw := jsonOf(t, m.WithUIDs(look.Nodes))
	for _, word := range []string{"node-", "gone", "secret"} {
		if strings.Contains(raw, word) {
			t.Errorf("%q is kept in %s", word, raw)
		}
	}
	var kept rollout.Memory
	if err := json.Unmarshal([]byte(raw), &kept); err != nil {
		t.Fatal(err)
	}
	want := m
	delete(want.Since, "CrashLoop/gone")
	delete(want.Lost, "gone")
	want.Counted, want.Answers = []string{"node-2"}, nil
	want.Clocks = map[string]rollout.ReadClock{"node-1": {At: at, Unknown: "not known"}}
	want.Brake = []rollout.Cause{{Code: rollout.CrashLoop, Nodes: []string{"node-1"}, About: "exit code 3",
		Message: rollout.CrashLoop.Meaning() + ": exit code 3", Final: true}}
	if got := jsonOf(t, kept.WithNames(look.Nodes)); got != jsonOf(t, want) {
		t.Errorf("\n%s\nwant\n%s", got, jsonOf(t, want))
	}
	failing := []rollout.FailingNode{{Node: "node-2", Cause: rollout.CrashLoop}, {Node: "gone"}}
	byUID := rollout.FailingByUID(failing, look.Nodes)
	if len(byUID) != 1 || byUID[0].Node != "uid of the second" {
		t.Errorf("%+v", byUID)
	}
	if back := rollout.FailingByName(byUID, look.Nodes); len(back) != 1 || back[0] != failing[0] {
		t.Errorf("%+v", back)
	}
}
