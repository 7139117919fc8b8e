package commitstatus

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/gitsource/forge"
	"github.com/daemongate/daemongate/gitsource/forge/statuses"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/promotion"
)

var (
	c1, c2, c3 = strings.Repeat("1", 40), strings.Repeat("2", 40), strings.Repeat("3", 40)
	noon       = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
)

// moves are all that can be told of a commit, with a message.
func moves(message api.Public) (all []gate.Move) {
	states := []api.CommitState{api.Held, api.Applying, api.RollingOut, api.Complete, api.Stuck, api.Failed, api.Dropped}
	for _, state := range states {
		own := gate.Move{Commit: c1, State: state, Message: api.ForAll(message)}
		all = append(all, own)
		for _, as := range []api.CommitState{api.Carried, api.Unchanged} {
			m := own
			m.State, m.By, m.Outcome = as, c2, state
			all = append(all, m)
		}
	}
	for _, m := range []gate.Move{{State: api.Complete}, {State: api.Carried, By: c2, Outcome: api.Complete},
		{State: api.Unchanged, By: c2, Outcome: api.Complete}} {
		for _, text := range []api.Public{"relapsed", "relapsed: " + message, "relapsed; " + message, message} {
			m.Commit, m.Relapsed, m.Message = c1, true, api.ForAll(text)
			all = append(all, m)
		}
	}
	return all
}

// asListed is a state and a text as a host lists them that was told so: with fewer words for states, and with what it
// cuts off and leaves out.
func asListed(state forge.State, text string, hasErrors, basicPlane bool) (forge.State, string) {
	if state == forge.Error && !hasErrors {
		state = forge.Failure
	}
	if basicPlane {
		text = strings.Map(func(c rune) rune {
			if c > 0xFFFF {
				return -1
			}
			return c
		}, text)
	}
	return state, strings.TrimSpace(text)
}

// What is told is what is read again, on each host, whatever a message says and wherever it is cut: the state, whose it
// takes over, what that one came to, and whether it has relapsed. Only how one fares that is carried and under way is not
// told, and that is no state that lets anything through.
func TestWhatIsToldIsWhatIsRead(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"Complete", ": ", "Stuck", " ", "(node-1)", "relapsed", "🚀", "ünïcödé", "\n", "carried by 2222222", "12 nodes", ", which is ",
		"Unchanged: the same as ", "rolled out as part of ", "1234567", ";", "\x1b[0m", "…"}
	messages := []api.Public{"", "12 nodes", api.Public(strings.Repeat("x", 200))}
	for range 300 {
		var text strings.Builder
		for range random.IntN(12) {
			text.WriteString(pieces[random.IntN(len(pieces))])
		}
		messages = append(messages, api.Public(text.String()))
	}
	for _, message := range messages {
		for _, m := range moves(message) {
			for _, host := range [][2]bool{{true, true}, {true, false}, {false, false}} {
				nodes := []string{"", " (node-[1-2,4] and 19 more)"}[random.IntN(2)]
				if m.State != api.Stuck && m.Outcome != api.Stuck && !m.Relapsed {
					nodes = ""
				}
				state, text := asListed(StateOf(m), forge.Shorten(string(Describe(m))+nodes), host[0], host[1])
				want := promotion.Word{State: m.State, Outcome: m.Outcome, Relapsed: m.Relapsed}
				if m.By != "" {
					want.By = api.Short(m.By)
				}
				if m.State == api.Carried && m.Outcome != api.Complete && m.Outcome != api.Stuck {
					want.Outcome = ""
				}
				if got := Read(state, text); got != want {
					t.Fatalf("told %s %q, read %+v, want %+v", state, text, got, want)
				}
			}
		}
	}
}

// What a status does not say exactly lets nothing through: a text of others, one that does not go with its state, or one
// that nearly is what is told.
func TestWhatIsNotSaidExactlyIsNoState(t *testing.T) {
	for _, state := range []forge.State{"", forge.Pending, forge.Success, forge.Failure, forge.Error} {
		for _, text := range []string{"", "complete", "Completed", "Complete!", "CompleteX", " Complete", "Complete 12 nodes", "All good: Complete",
			"rolled out as part of ", "rolled out as part of 222222", "rolled out as part of 2222222x", "rolled out as part of 2222222, and more",
			"rolled out as part of abcdefg", "carried by ", "carried by 2222222, which is", "carried by 2222222, which is Completed",
			"Unchanged", "Unchanged: the same as 2222222", "Unchanged: the same as 2222222, which is ", "Unchanged: the same as , which is Complete",
			"Unchanged: the same as 2222222, which is Completed", "Unchanged: Complete", "relapse", "relapsedx", "Carried", "Build passed"} {
			if w := Read(state, text); w.State == api.Complete || w.Outcome == api.Complete {
				t.Errorf("%s %q is read as %+v", state, text, w)
			}
		}
		for text, needs := range map[string]forge.State{"Complete": forge.Success, "rolled out as part of 2222222": forge.Success,
			"Unchanged: the same as 2222222, which is Complete": forge.Success, "Stuck": forge.Failure, "RollingOut": forge.Pending,
			"relapsed": forge.Failure, "carried by 2222222, which relapsed: x": forge.Failure} {
			if w := Read(state, text); (w.State != "") != (state == needs || state == forge.Error && text == "Stuck") {
				t.Errorf("%s %q is read as %+v", state, text, w)
			}
		}
	}
}

// A context tells of which cluster and Sync a status is, if it is one that names both.
func TestAContextNamesClusterAndSync(t *testing.T) {
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents"}}
	if cluster, sync, ok := speaker(Context(s, "eu-1")); cluster != "eu-1" || sync != "platform/agents" || !ok {
		t.Errorf("read %s %s", cluster, sync)
	}
	own := s.DeepCopy()
	own.Spec.Report.Context = "ours"
	for _, context := range []string{Context(s, ""), Context(own, "eu-1"), "ci/eu-1/platform/agents", "daemongate/eu-1/platform/agents/x",
		"daemongate//platform/agents", "daemongate/eu-1/platform/", "daemongate/eu-1/platform/agen…", "daemongate/e u/platform/agents", ""} {
		if cluster, sync, ok := speaker(context); ok {
			t.Errorf("%q is read as %s %s", context, cluster, sync)
		}
	}
	s.Namespace, s.Name = strings.Repeat("n", 63), strings.Repeat("s", 63)
	if n := len(Context(s, strings.Repeat("c", 63))); n > 255 {
		t.Errorf("a context has %d characters, and hosts take 255", n)
	}
}

// told is a status in the context of canary-1, so long ago.
func told(by string, state forge.State, text string, ago time.Duration) statuses.Status {
	return statuses.Status{Context: "daemongate/canary-1/platform/agents", State: state, Description: text, Creator: by, Time: noon.Add(-ago)}
}

// Of each Sync of a cluster the newest status of a commit counts, of those that one of the creators wrote; who takes over
// another commit's state names it in full, if it can be told which one it is.
func TestStatusesSayHowClustersFare(t *testing.T) {
	here := func(name string) bool { return strings.HasPrefix(name, "canary-") }
	list := map[string][]statuses.Status{
		c1: {told("bot", forge.Success, "rolled out as part of 2222222", time.Minute), told("bot", forge.Pending, "Held", time.Hour)},
		c2: {told("bot", forge.Success, "Complete: 12 nodes", 5*time.Minute), told("bot", forge.Failure, "Stuck", time.Hour)},
		c3: {told("mallory", forge.Success, "Complete", time.Hour),
			told("Bot", forge.Pending, "Held: waits for cluster eu-1 to have 3333333 Complete", 2*time.Hour),
			{Context: "daemongate/eu/platform/agents", State: forge.Success, Description: "Complete", Creator: "bot", Time: noon},
			{Context: "ci/build", State: forge.Success, Description: "Complete", Creator: "bot", Time: noon}},
	}
	words := func(creators ...string) map[string]promotion.Word {
		all := Clusters(list, creators, here)
		if len(all) != 1 {
			t.Errorf("told of %+v", all)
		}
		return all["canary-1"].Syncs["platform/agents"]
	}
	at := func(ago time.Duration, w promotion.Word) promotion.Word {
		w.Since, w.Told = noon.Add(-ago), noon.Add(-ago)
		return w
	}
	want := map[string]promotion.Word{
		c1: at(time.Minute, promotion.Word{State: api.Carried, By: c2, Outcome: api.Complete}),
		c2: at(5*time.Minute, promotion.Word{State: api.Complete}),
		c3: at(2*time.Hour, promotion.Word{State: api.Held, Waits: "eu-1"})}
	if got := words("daemongate-bot", "bot"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("with creators %+v, want %+v", got, want)
	}
	want[c3] = at(time.Hour, promotion.Word{State: api.Complete})
	if got := words(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("without creators %+v, want %+v", got, want)
	}
	others := Clusters(list, []string{"somebody"}, here)["canary-1"]
	if text := "its statuses are by Bot, bot, mallory, and creators does not name that account"; string(others.Unread) != text || len(others.Syncs) != 0 {
		t.Errorf("%+v, want %q", others, text)
	}
	alike := "2222222" + strings.Repeat("9", 33)
	list[alike] = []statuses.Status{told("bot", forge.Failure, "Stuck", 0)}
	if got := words("bot")[c1].By; got != "2222222" {
		t.Errorf("of two commits that begin alike %s is taken", got)
	}
}
