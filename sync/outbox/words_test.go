package outbox

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/commitstatus"
	"github.com/daemongate/daemongate/sync/gate"
)

// Every state of a commit is one of a host's, with a text that says the same for as long as the state does.
func TestStatesAsAHostIsTold(t *testing.T) {
	by := strings.Repeat("b", 40)
	for _, c := range []struct {
		move  gate.Move
		state forge.State
		under bool
		text  string
	}{
		{gate.Move{State: api.Held, Message: api.ForAll("waits for bbbbbbb, which is rolling out")}, forge.Pending,
			false, "Held: waits for bbbbbbb, which is rolling out"},
		{gate.Move{State: api.Held, Message: api.Message{Private: "cannot be checked yet: dial tcp 10.0.0.1:6443: " +
			"connection refused", Public: "cannot be checked yet"}}, forge.Pending, false,
			"Held: cannot be checked yet"},
		{gate.Move{State: api.Applying}, forge.Pending, true, "Applying"},
		{gate.Move{State: api.RollingOut, Message: api.ForAll("webhook 10.0.0.7 does not answer")}, forge.Pending, true,
			"RollingOut"},
		{gate.Move{State: api.Complete, Message: api.ForAll("12 nodes")}, forge.Success, false, "Complete: 12 nodes"},
		{gate.Move{State: api.Stuck, Message: api.ForAll("ImagePull on 3 of 12 nodes: image agent:v2")}, forge.Failure,
			false, "Stuck: ImagePull on 3 of 12 nodes: image agent:v2"},
		{gate.Move{State: api.Stuck, Message: api.Message{Private: "ApplyFailed: Secret x: password s3cret is too short", Public: "ApplyFailed: the API server does not take the objects"}}, forge.Failure, false, "Stuck: ApplyFailed: the API server does not take the objects"},
		{gate.Move{State: api.Failed, Message: api.ForAll("kustomization.yaml: line 3: unknown field")}, forge.Error,
			false, "Failed: kustomization.yaml: line 3: unknown field"},
		{gate.Move{State: api.Failed, Message: api.Message{Private: "policy of team-x says no", Public: "the cluster " +
			"refuses it"}}, forge.Error, false, "Failed: the cluster refuses it"},
		{gate.Move{State: api.Dropped, Message: api.ForAll("no longer reachable")}, forge.Error, false,
			"Dropped: no longer reachable"},
		{gate.Move{State: api.Carried, By: by, Outcome: api.RollingOut}, forge.Pending, true, "carried by bbbbbbb"},
		{gate.Move{State: api.Carried, By: by, Outcome: api.Complete}, forge.Success, false,
			"rolled out as part of bbbbbbb"},
		{gate.Move{State: api.Carried, By: by, Outcome: api.Stuck, Message: api.ForAll("CrashLoop on 1 of 3 nodes")},
			forge.Failure, false, "carried by bbbbbbb, which is Stuck: CrashLoop on 1 of 3 nodes"},
		{gate.Move{State: api.Carried, By: by, Outcome: api.Stuck, Message: api.Message{Private: "ApplyFailed: x",
			Public: "ApplyFailed: the API server does not take the objects"}}, forge.Failure, false,
			"carried by bbbbbbb, which is Stuck: ApplyFailed: the API server does not take the objects"},
		{gate.Move{State: api.Unchanged, By: by, Outcome: api.Complete, Message: api.ForAll("12 nodes")}, forge.Success,
			false, "Unchanged: the same as bbbbbbb, which is Complete: 12 nodes"},
		{gate.Move{State: api.Complete, Relapsed: true, Message: api.ForAll("relapsed: CrashLoop on 3 of 3 nodes")},
			forge.Failure, false, "relapsed: CrashLoop on 3 of 3 nodes"},
		{gate.Move{State: api.Complete, Relapsed: true, Message: api.Message{Private: "relapsed: CrashLoop on 3 of 3 " +
			"nodes; not rolled back: s3cret", Public: "relapsed: CrashLoop on 3 of 3 nodes; not rolled back"}},
			forge.Failure, false, "relapsed: CrashLoop on 3 of 3 nodes; not rolled back"},
		{gate.Move{State: api.Complete, Recovered: true, Message: api.ForAll("3 nodes")}, forge.Success, false,
			"Complete: 3 nodes"},
		{gate.Move{State: api.Carried, By: by, Outcome: api.Complete, Relapsed: true,
			Message: api.ForAll("relapsed: CrashLoop on 3 of 3 nodes")}, forge.Failure, false,
			"carried by bbbbbbb, which relapsed: CrashLoop on 3 of 3 nodes"},
		{gate.Move{State: api.Carried, By: by, Outcome: api.Complete, Recovered: true}, forge.Success, false,
			"rolled out as part of bbbbbbb"},
		{gate.Move{State: api.Unchanged, By: by, Outcome: api.Complete, Relapsed: true,
			Message: api.ForAll("relapsed: CrashLoop on 3 of 3 nodes")}, forge.Failure, false,
			"Unchanged: the same as bbbbbbb, which relapsed: CrashLoop on 3 of 3 nodes"},
		{gate.Move{State: api.Unchanged, By: by, Outcome: api.Stuck, Message: api.ForAll("CrashLoop")}, forge.Failure,
			false, "Unchanged: the same as bbbbbbb, which is Stuck: CrashLoop"},
	} {
		l := reportOf(c.move, "")
		if l.State != c.state || l.Underway != c.under || string(l.Description) != c.text {
			t.Errorf("%s: %s %v %q, want %s %v %q", c.move.State, l.State, l.Underway, l.Description, c.state, c.under,
				c.text)
		}
	}
	long := string(reportOf(gate.Move{State: api.Failed,
		Message: api.ForAll(api.Public(strings.Repeat("ünïcödé ", 50)))}, "").Description)
	if n := utf8.RuneCountInString(long); n != forge.MaxDescription || !utf8.ValidString(long) {
		t.Errorf("%d characters: %q", n, long)
	}
}

// The names of nodes stand on the host only if the Sync says so (law 11).
func TestNodesAreNamedOnlyIfAllowed(t *testing.T) {
	commit := strings.Repeat("a", 40)
	s := &api.Sync{}
	s.Status.InFlight = &api.Flight{Commit: commit, State: api.Stuck,
		Causes: []api.Cause{{Code: "CrashLoop", NodeCount: 22, Nodes: []string{"node-1", "node-2", "node-4"}}}}
	m := gate.Move{Commit: commit, State: api.Stuck, Message: api.ForAll("CrashLoop on 22 of 30 nodes")}
	if got := reportOf(m, nodesToTell(s, m)).Description; strings.Contains(string(got), "node-") {
		t.Errorf("told %q", got)
	}
	s.Spec.Report.Nodes = true
	if got := reportOf(m, nodesToTell(s, m)).Description; got != "Stuck: CrashLoop on 22 of 30 nodes (node-[1-2,4] "+
		"and 19 more)" {
		t.Errorf("told %q", got)
	}
	other := gate.Move{Commit: strings.Repeat("c", 40), State: api.Failed}
	if got := nodesToTell(s, other); got != "" {
		t.Errorf("of another commit %q", got)
	}
	s.Spec.Report.InCluster = api.TellCounts // it was stored before the schema knew that it contradicts the other
	if got := nodesToTell(s, m); got != "" {
		t.Errorf("of a Sync that tells counts %q", got)
	}
}

// Beside what people read, programs are told the commit's own state, whose it takes over, since when and the cause.
func TestProgramsReadWhatACommitCameTo(t *testing.T) {
	broken, passed, at := strings.Repeat("a", 40), strings.Repeat("b", 40), time.Date(2026, 11, 30, 2, 11, 0, 0, time.UTC)
	s := &api.Sync{}
	s.Namespace, s.Name = "platform", "agents"
	s.Status.InFlight = &api.Flight{Commit: broken, State: api.Stuck, Causes: []api.Cause{{Code: "CrashLoop"}}}
	moves := []gate.Move{{Commit: broken, State: api.Stuck, At: at},
		{Commit: passed, State: api.Carried, By: broken, Outcome: api.Stuck, At: at}}
	stuck, carried := newOutbox(nil).reportsOf(s, moves)[0].addressed(s, "prod"), newOutbox(nil).reportsOf(s, moves)[1].addressed(s, "prod")
	if want := (forge.Details{Sync: "platform/agents", State: "Stuck", Cause: "CrashLoop"}); stuck.Details != want || !stuck.Time.Equal(at) {
		t.Errorf("told %+v at %s", stuck.Details, stuck.Time)
	}
	if want := (forge.Details{Sync: "platform/agents", State: "Carried", By: broken, Outcome: "Stuck", Cause: "CrashLoop"}); carried.Details != want {
		t.Errorf("told %+v", carried.Details)
	}
}

// Progress is told in quarters, each of them once, however often nodes come and go.
func TestProgressIsToldInQuarters(t *testing.T) {
	var q quarters
	var said []int
	for _, settled := range []int{0, 1, 30, 29, 30, 60, 59, 95, 120, 91} {
		f := &api.Flight{Commit: "c1", State: api.RollingOut, Nodes: api.NodeCounts{Desired: 120, Settled: settled}}
		if n := q.rise(f); n > 0 {
			said = append(said, n)
		}
	}
	if fmt.Sprint(said) != "[1 2 3]" {
		t.Errorf("told %v", said)
	}
	if n := q.rise(&api.Flight{Commit: "c2", State: api.RollingOut, Nodes: api.NodeCounts{Desired: 4,
		Settled: 2}}); n != 2 {
		t.Errorf("of the next commit %d", n)
	}
	back := &api.Flight{Commit: "c1", State: api.RollingOut, Nodes: api.NodeCounts{Desired: 4, Settled: 2},
		RollbackOf: &api.StuckCommit{Commit: "c2"}}
	if n := q.rise(back); n != 0 {
		t.Errorf("of a commit that is gone back to, and was a success, %d", n)
	}
	if got := progress("c2", 2, time.Time{}).Description; got != "RollingOut: 50% of nodes" {
		t.Errorf("told %q", got)
	}
}

// Context and link tell Syncs and clusters apart.
func TestContextAndLinkNameClusterAndSync(t *testing.T) {
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents"}}
	if got := commitstatus.Context(s, "prod"); got != "daemongate/prod/platform/agents" {
		t.Error(got)
	}
	s.Spec.Report.TargetURL = "https://dash.example.com/{cluster}/{namespace}/{name}?commit={commit}"
	if got := TargetURL(s, "prod", "abc"); got != "https://dash.example.com/prod/platform/agents?commit=abc" {
		t.Error(got)
	}
	before := placeOf(s, "prod")
	s.Spec.Report.Context = "ours"
	if got := commitstatus.Context(s, "prod"); got != "ours" || placeOf(s, "prod") == before {
		t.Error(got)
	}
}

// After a crash everyone who follows a flight is told what became of it, and nothing that the API server said.
func TestWhatTheStatusRemembersIsTold(t *testing.T) {
	at := func(seconds int) metav1.MicroTime {
		return metav1.NewMicroTime(noon.Add(time.Duration(seconds) * time.Second))
	}
	refused := api.Message{Private: gate.CauseApplyFailed + ": password s3cret", Public: gate.CauseApplyFailed + ": " +
		gate.ApplyFailedMeaning}
	s := &api.Sync{}
	s.Status.InFlight = &api.Flight{Commit: "c9", State: api.Stuck, Since: at(0), Message: refused,
		Causes:    []api.Cause{{Code: gate.CauseApplyFailed}},
		Followers: []api.Follower{{Commit: "c1", State: api.Carried}}}
	s.Status.History = []api.Record{{Commit: "c8", State: api.Carried, By: "c9", Outcome: api.Stuck, Message: refused,
		Since: at(900)}}
	told := map[string]gate.Move{}
	for _, m := range recorded(s) {
		told[m.Commit] = m
		if text := string(reportOf(m, "").Description); strings.Contains(text, "s3cret") ||
			!strings.Contains(text, gate.ApplyFailedMeaning) {
			t.Errorf("of %s %q", m.Commit, text)
		}
	}
	if len(told) != 3 || !told["c1"].At.Equal(at(900).Time) || !told["c9"].At.Equal(at(900).Time) {
		t.Errorf("%+v", told)
	}
}

// A status that an older version wrote says nothing of what of its messages is for everybody: none is told then, only
// the states.
func TestMessagesOfAnOlderStatusStayPrivate(t *testing.T) {
	s := &api.Sync{}
	old := `{
		"inFlight": {"commit": "c9", "state": "Complete", "message": "s3cret", "relapse": {"message": "s3cret", "since": null},
			"noRollback": {"commit": "c7", "attempts": 1, "message": "s3cret"}, "followers": [{"commit": "c1", "state": "Carried"}],
			"rollbackOf": {"commit": "c8", "message": "s3cret", "followers": [{"commit": "c2", "state": "Unchanged"}]}},
		"history": [
			{"commit": "c3", "state": "Failed", "message": "s3cret"},
			{"commit": "c4", "state": "Held", "message": "s3cret"},
			{"commit": "c5", "state": "Carried", "by": "c6", "outcome": "Stuck", "message": "s3cret"},
			{"commit": "c6", "state": "Stuck", "message": "ApplyFailed: s3cret; rolled back to 1234567"},
			{"commit": "c0", "state": "Complete", "relapsed": true, "message": "relapsed: s3cret"}]}`
	if err := json.Unmarshal([]byte(old), &s.Status); err != nil {
		t.Fatal(err)
	}
	if s.Status.InFlight.Private != "s3cret" || s.Status.InFlight.Relapse.Private != "s3cret" ||
		s.Status.History[0].Private != "s3cret" {
		t.Fatalf("the messages are lost: %+v", s.Status)
	}
	moves := recorded(s)
	if len(moves) != 9 {
		t.Errorf("%d moves: %+v", len(moves), moves)
	}
	for _, m := range moves {
		if text := reportOf(m, "").Description; strings.Contains(string(text), "s3cret") || text == "" ||
			strings.HasSuffix(string(text), " ") {
			t.Errorf("of %s %q", m.Commit, text)
		}
	}
}

// What the gate says of a set that could not be written is what the judge says of the cause.
func TestApplyFailedMeansTheSameEverywhere(t *testing.T) {
	if got := rollout.ApplyFailed.Meaning(); got != gate.ApplyFailedMeaning ||
		string(rollout.ApplyFailed) != gate.CauseApplyFailed {
		t.Errorf("%s: %q", rollout.ApplyFailed, got)
	}
}
