package notify

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/kept"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 123456789, time.UTC)

func hashOf(i int) string { return fmt.Sprintf("%040x", i) }

// syncOf is a Sync that notifies somebody of some changes.
func syncOf(states ...api.Notice) *api.Sync {
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents", UID: "ours"}}
	s.Spec.Report.Notify = &api.Notify{SecretRef: api.LocalObjectReference{Name: "chat"}, States: states}
	return s
}

// move puts a move into the history of a Sync, as the gate does, and returns it.
func move(s *api.Sync, m gate.Move) gate.Move {
	r := api.Record{Commit: m.Commit, State: m.State, By: m.By, Outcome: m.Outcome, Message: m.Message,
		Relapsed: m.Relapsed, Since: metav1.NewMicroTime(m.At)}
	for i, old := range s.Status.History {
		if old.Commit == m.Commit {
			s.Status.History[i] = r
			return m
		}
	}
	s.Status.History = append([]api.Record{r}, s.Status.History...)
	return m
}

// waiting is what waits, in short.
func (n *Notices) waiting() []string {
	var all []string
	for _, m := range n.is.Waiting {
		all = append(all, string(m.Is)+" "+strings.TrimLeft(m.Commit, "0"))
	}
	return all
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// Each change of a commit's state is one message, in order. What the gate only tells anew in the same words is none, and
// neither is what is not to be told: without a choice what follows at once, or concerns another commit.
func TestOneMessageForEachChange(t *testing.T) {
	moves := []gate.Move{
		{Commit: hashOf(1), State: api.Held, Message: api.ForAll("denied by a window")},
		{Commit: hashOf(1), State: api.Held, Message: api.Message{Private: "other words for those who may read", Public: "denied by a window"}},
		{Commit: hashOf(1), State: api.Held, Message: api.ForAll("another commit rolls out")},
		{Commit: hashOf(1), State: api.Applying},
		{Commit: hashOf(2), State: api.Carried, By: hashOf(1), Outcome: api.Applying},
		{Commit: hashOf(1), State: api.RollingOut},
		{Commit: hashOf(1), State: api.Stuck, Message: api.ForAll("ImagePull on 1 node")},
		{Commit: hashOf(1), State: api.Complete},
		{Commit: hashOf(2), State: api.Carried, By: hashOf(1), Outcome: api.Complete},
		{Commit: hashOf(1), State: api.Complete, Relapsed: true, Message: api.ForAll("relapsed: CrashLoop")},
		{Commit: hashOf(1), State: api.Complete, Recovered: true},
		{Commit: hashOf(3), State: api.Failed},
		{Commit: hashOf(4), State: api.Dropped},
		{Commit: hashOf(5), State: api.Unchanged, By: hashOf(1), Outcome: api.Complete},
	}
	told := func(states ...api.Notice) []string {
		s := syncOf(states...)
		n := resumed(s, nil)
		for i, m := range moves {
			m.At = noon.Add(time.Duration(i) * time.Second)
			n.Add(s, []gate.Move{move(s, m)})
		}
		return n.waiting()
	}
	expect(t, "without a choice", told(), "Held 1", "Held 1", "RollingOut 1", "Stuck 1", "Complete 1", "Relapsed 1",
		"Recovered 1", "Failed 3", "Dropped 4")
	expect(t, "chosen", told("Carried", "Stuck", "Recovered"), "Carried 2", "Stuck 1", "Carried 2", "Recovered 1")
}

// What becomes of going back is said of the commit that is rolled back, whose state stays as it is: also if it becomes
// stuck in the same step.
func TestARollbackIsTold(t *testing.T) {
	s := syncOf()
	n := resumed(s, nil)
	stuck := gate.Move{Commit: hashOf(2), State: api.Stuck, Message: api.ForAll("ImagePull"), At: noon}
	back := &api.Flight{Commit: hashOf(1), State: api.Applying, RollbackOf: &api.StuckCommit{Commit: hashOf(2)}}
	s.Status.InFlight = back
	again := func(text api.Public, after time.Duration) gate.Move {
		m := stuck
		m.Message, m.At = api.ForAll("ImagePull; "+text), noon.Add(after)
		return move(s, m)
	}
	n.Add(s, []gate.Move{stuck, again("rolling back to 1", 0)})
	back.State = api.RollingOut
	n.Add(s, []gate.Move{again("rolling back to 1", 1)})
	back.State = api.Complete
	n.Add(s, []gate.Move{again("rolled back to 1", 2)})
	expect(t, "rolled back", n.waiting(), "Stuck 2", "RollingBack 2", "RolledBack 2")
	back.State = api.Stuck
	n.Add(s, []gate.Move{again("the rollback to 1 is stuck too", 3)})
	expect(t, "stuck too", n.waiting()[3:], "Stuck 2")
}

// A receiver is told what everybody may be told: nothing that a container or the cluster said, and nodes only if the Sync
// lets them be named.
func TestAReceiverIsToldWhatIsPublic(t *testing.T) {
	for _, c := range []struct {
		nodes bool
		in    api.Detail
		named bool
	}{{false, api.TellDetails, false}, {true, api.TellDetails, true}, {true, api.TellCounts, false}} {
		s := syncOf()
		s.Spec.Report.Nodes, s.Spec.Report.InCluster = c.nodes, c.in
		n := resumed(s, nil)
		s.Status.InFlight = &api.Flight{Commit: hashOf(1), State: api.Stuck, Causes: []api.Cause{{Code: "CrashLoop",
			Nodes: []string{"node-7"}, NodeCount: 1}}, Stage: &api.FlightStage{Name: "berlin", Index: 2, Of: 3}}
		n.Add(s, []gate.Move{move(s, gate.Move{Commit: hashOf(1), State: api.Stuck, At: noon, Message: api.Message{
			Private: "CrashLoop on node-7: hunter2", Public: "CrashLoop\non 1 node"}})})
		body, err := EventOf(s, "prod", n.is.Waiting[0]).Body()
		text := string(body)
		if err != nil || strings.Contains(text, "node-7") != c.named || strings.Contains(text, "hunter2") ||
			strings.Contains(text, "berlin") || !strings.Contains(text, `"cause":"CrashLoop"`) ||
			!strings.Contains(text, "CrashLoop on 1 node") || !strings.Contains(text, `"stage":{"number":2,"of":3}`) {
			t.Errorf("nodes %v, %s: %v, %s", c.nodes, c.in, err, text)
		}
	}
}

// No two messages have one id, whatever befalls a commit again and again.
func TestIdsTellMessagesApart(t *testing.T) {
	s, seen := syncOf(), map[string]bool{}
	n := resumed(s, nil)
	for i := range 40 {
		for _, state := range []api.CommitState{api.Stuck, api.RollingOut} {
			n.Add(s, []gate.Move{move(s, gate.Move{Commit: hashOf(i % 2), State: state,
				At: noon.Add(time.Duration(i) * time.Second)})})
		}
	}
	for _, m := range n.is.Waiting {
		seen[m.ID] = true
	}
	if len(seen) != len(n.is.Waiting) || len(seen) < 70 {
		t.Errorf("%d ids of %d messages", len(seen), len(n.is.Waiting))
	}
}

// What waits is bounded and fits into a ConfigMap; the oldest goes first.
func TestWhatWaitsIsBounded(t *testing.T) {
	s := syncOf("Complete")
	n := resumed(s, nil)
	for i := range maxWaiting + 3 {
		n.Add(s, []gate.Move{{Commit: hashOf(i), State: api.Complete, At: noon,
			Message: api.ForAll(api.Public(strings.Repeat("<\"\n\u2028\U0001F680", 300)))}})
	}
	text, err := kept.Encode(n.is)
	if err != nil || len(text) > 900_000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	first, waiting := n.first()
	if waiting != maxWaiting || first.Commit != hashOf(3) || n.takeDropped() != 3 || n.takeDropped() != 0 {
		t.Errorf("%d wait, the first is of %s", waiting, first.Commit)
	}
}

// A Sync is told of from when its receiver was named on. After a crash between the status and the ConfigMap, what the
// status remembers is told, once; of what was not to be told before nothing is told when that changes.
func TestWhatARestartTells(t *testing.T) {
	s := syncOf()
	move(s, gate.Move{Commit: hashOf(1), State: api.Complete, At: noon})
	n := resumed(s, nil)
	expect(t, "before", n.waiting())
	n.Add(s, []gate.Move{move(s, gate.Move{Commit: hashOf(2), State: api.Held, At: noon.Add(time.Second)})})
	saved, _ := n.all()
	for i, state := range []api.CommitState{api.Applying, api.RollingOut} {
		n.Add(s, []gate.Move{move(s, gate.Move{Commit: hashOf(2), State: state,
			At: noon.Add(time.Duration(2+i) * time.Second)})})
	}
	n.Add(s, []gate.Move{move(s, gate.Move{Commit: hashOf(1), State: api.Complete, Relapsed: true,
		At: noon.Add(5 * time.Second)})})
	n = resumed(s, &saved)
	expect(t, "after a crash", n.waiting(), "Held 2", "RollingOut 2", "Relapsed 1")
	saved, _ = n.all()
	n = resumed(s, &saved)
	expect(t, "and another", n.waiting(), "Held 2", "RollingOut 2", "Relapsed 1")

	n.Add(s, []gate.Move{move(s, gate.Move{Commit: hashOf(3), State: api.Unchanged, At: noon.Add(6 * time.Second)})})
	move(s, gate.Move{Commit: hashOf(1), State: api.Complete, At: noon.Add(7 * time.Second)})
	saved, _ = n.all()
	s.Spec.Report.Notify.States = []api.Notice{"Unchanged", "Recovered"}
	n = resumed(s, &saved)
	expect(t, "with another choice", n.waiting(), "Held 2", "RollingOut 2", "Relapsed 1")
	n.Add(s, []gate.Move{move(s, gate.Move{Commit: hashOf(4), State: api.Unchanged, At: noon.Add(8 * time.Second)})})
	expect(t, "and then", n.waiting()[3:], "Unchanged 4")
}
