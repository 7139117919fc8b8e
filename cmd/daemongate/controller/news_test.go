package controller

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/tools/record"

	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/pacing"
)

// Every kind of news has its line for a person who follows, and its Event if people may want to look it up later.
func TestNewsAsItIsFollowedAndRecorded(t *testing.T) {
	commit := strings.Repeat("a", 40)
	s := &api.Sync{}
	s.Namespace, s.Name = "platform", "agents"
	s.Status.InFlight = &api.Flight{Commit: commit, State: api.RollingOut, Nodes: api.NodeCounts{Desired: 4,
		Settled: 2}}
	private := func(text string) api.Message { return api.Message{Private: text} }
	override := &api.Override{By: "ada", Manager: "kubectl", Reason: "it leaks"}
	for _, c := range []struct {
		news           sync.News
		follow, events string // with "; " between lines
	}{
		{sync.News{Kind: sync.NewsMoved, Move: &gate.Move{Commit: commit, State: api.Stuck,
			Message: private("CrashLoop on 1 of 3 nodes")}},
			"Stuck        CrashLoop on 1 of 3 nodes", "Warning Stuck commit aaaaaaa: CrashLoop on 1 of 3 nodes"},
		{sync.News{Kind: sync.NewsMoved, Move: &gate.Move{Commit: commit, State: api.Applying, Subject: "v1",
			Override: override}},
			`override     started outside the windows; who asked says to be ada (field manager kubectl): it leaks; Applying     "v1"`,
			"Warning WindowOverridden commit aaaaaaa: started outside the windows; who asked says to be ada (field manager kubectl): it leaks; Normal Applying " +
				"commit aaaaaaa: v1"},
		{sync.News{Kind: sync.NewsMoved, Move: &gate.Move{Commit: commit, State: api.RollingOut}}, "RollingOut   ",
			"Normal RollingOut commit aaaaaaa"},
		{sync.News{Kind: sync.NewsMoved, Move: &gate.Move{Commit: commit, State: api.Held, Message: private("no window is open")}},
			"Held         no window is open", "Normal Held commit aaaaaaa: no window is open"},
		{sync.News{Kind: sync.NewsMoved, Move: &gate.Move{Commit: commit, State: api.Carried, By: strings.Repeat("b", 40),
			Outcome: api.RollingOut}}, "Carried by bbbbbbb (RollingOut) ", ""},
		{sync.News{Kind: sync.NewsMoved, Move: &gate.Move{Commit: commit, State: api.Carried, By: strings.Repeat("b", 40),
			Outcome: api.Complete}}, "Carried by bbbbbbb (Complete) ",
			"Normal Carried commit aaaaaaa: with bbbbbbb, which is Complete"},
		{sync.News{Kind: sync.NewsMoved, Move: &gate.Move{Commit: commit, State: api.Unchanged, Subject: "docs"}},
			`Unchanged    "docs"`, ""},
		{sync.News{Kind: sync.NewsMoved, Move: &gate.Move{Commit: commit, State: api.Complete, Relapsed: true,
			Message: private("relapsed: CrashLoop on 3 nodes")}},
			"Complete     relapsed: CrashLoop on 3 nodes", "Warning Relapsed commit aaaaaaa relapsed: CrashLoop on 3 " +
				"nodes; see daemongate explain agents -n platform"},
		{sync.News{Kind: sync.NewsMoved, Move: &gate.Move{Commit: commit, State: api.Complete, Recovered: true,
			Message: private("3 nodes")}},
			"Complete     well again: 3 nodes", "Normal Recovered commit aaaaaaa is well again after its relapse"},
		{sync.News{Kind: sync.NewsProgressed, Commit: commit}, "RollingOut   50% of 4 nodes settled", ""},
		{sync.News{Kind: sync.NewsPruned, Commit: commit, Message: private("deleted 2 objects that commit aaaaaaa no " +
			"longer asks for"), Objects: []string{"ConfigMap a", "ConfigMap b"}},
			"pruned       ConfigMap a; pruned       ConfigMap b",
			"Normal Pruned deleted 2 objects that commit aaaaaaa no longer asks for"},
		{sync.News{Kind: sync.NewsBrake, Commit: commit, Message: private("lifted on DaemonSet a/b")},
			"brake        lifted on DaemonSet a/b", "Warning Brake lifted on DaemonSet a/b"},
		{sync.News{Kind: sync.NewsHandedOver, Commit: commit, Message: private("DaemonSet a/b gives up n1")},
			"handover     DaemonSet a/b gives up n1", "Normal HandedOver DaemonSet a/b gives up n1"},
		{sync.News{Kind: sync.NewsWarning, Commit: commit, Message: private("odd")}, "warning      odd",
			"Warning CommitWarning commit aaaaaaa: odd"},
		{sync.News{Kind: sync.NewsWarning, Message: private("odd")}, "warning      odd", "Warning SpecWarning odd"},
		{sync.News{Kind: sync.NewsDrifted, Commit: commit, Message: private("x")}, "drifted      x",
			"Warning Drifted x"},
		{sync.News{Kind: sync.NewsCorrected, Commit: commit, Message: private("applied again: x")},
			"corrected    applied again: x", "Normal Corrected applied again: x"},
		{sync.News{Kind: sync.NewsUnhealthy, Commit: commit, Message: private("x: ails")}, "unhealthy    x: ails",
			"Warning Unhealthy x: ails; see daemongate explain agents -n platform"},
		{sync.News{Kind: sync.NewsRecovered, Commit: commit,
			Message: private("all that the commit wrote is well again")},
			"recovered    all that it wrote is well again", "Normal Recovered all that the commit wrote is well again"},
		{sync.News{Kind: sync.NewsStage, Stage: pacing.ApprovalWaited, Commit: commit, Message: private("stage 1 of 5 (canary): has " +
			"soaked")}, "stage        stage 1 of 5 (canary): has soaked", "Normal ApprovalWaited commit aaaaaaa: stage 1 of 5 (canary): has soaked"},
		{sync.News{Kind: sync.NewsTrouble, Message: private("down")}, "", "Warning Trouble down"},
	} {
		var out strings.Builder
		events := record.NewFakeRecorder(10)
		tellers{&follower{out: &out, log: quiet()}, &announcer{events: events}, newMetrics()}.Tell(s, c.news)
		close(events.Events)
		var recorded []string
		for e := range events.Events {
			recorded = append(recorded, e)
		}
		if got := strings.Join(recorded, "; "); got != c.events {
			t.Errorf("%s: recorded %q, want %q", c.news.Kind, got, c.events)
		}
		if got := followed(out.String()); got != c.follow {
			t.Errorf("%s: printed %q, want %q", c.news.Kind, got, c.follow)
		}
	}
}

// That a commit is Applying is an Event of its own only if that lasts, or if something else is told meanwhile: else its
// next state says so, with its subject.
func TestApplyingIsToldOnlyIfItLasts(t *testing.T) {
	moved := func(commit string, state api.CommitState, message string) sync.News {
		return sync.News{Kind: sync.NewsMoved, Move: &gate.Move{Commit: commit, State: state, Subject: "subject of " + commit,
			Message: api.Message{Private: message}}}
	}
	applying := func(commit string) sync.News { return moved(commit, api.Applying, "") }
	for name, c := range map[string]struct {
		news  []sync.News
		later bool
		want  []string
	}{
		"complete at once":   {news: []sync.News{applying("a"), moved("a", api.Complete, "")}, want: []string{"Normal Complete commit a: subject of a"}},
		"begins to roll out": {news: []sync.News{applying("a"), moved("a", api.RollingOut, "0 of 3 nodes")}, want: []string{"Normal RollingOut commit a: subject of a: 0 of 3 nodes"}},
		"lasts":              {news: []sync.News{applying("a")}, later: true, want: []string{"Normal Applying commit a: subject of a"}},
		"has not lasted":     {news: []sync.News{applying("a")}},
		"twice at once":      {news: []sync.News{applying("a"), applying("a"), moved("a", api.Complete, "")}, want: []string{"Normal Complete commit a: subject of a"}},
		"another commit": {news: []sync.News{applying("a"), applying("b"), moved("b", api.Complete, "")},
			want: []string{"Normal Applying commit a: subject of a", "Normal Complete commit b: subject of b"}},
		"is refused": {news: []sync.News{applying("a"), {Kind: sync.NewsTrouble, Message: api.Message{Private: "apply a: refused"}},
			moved("a", api.Complete, "")}, want: []string{"Normal Applying commit a: subject of a", "Warning Trouble apply a: refused",
			"Normal Complete commit a: subject of a"}},
		"is Stuck": {news: []sync.News{applying("a"), moved("a", api.Stuck, "CrashLoop")},
			want: []string{"Normal Applying commit a: subject of a", "Warning Stuck commit a: CrashLoop"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				events := record.NewFakeRecorder(10)
				a := &announcer{events: events, lasting: lastingApply}
				s := &api.Sync{}
				s.Namespace, s.Name = "platform", "agents"
				for _, n := range c.news {
					a.Tell(s, n)
				}
				if c.later {
					time.Sleep(2 * lastingApply)
				}
				synctest.Wait()
				var got []string
				for len(events.Events) > 0 {
					got = append(got, <-events.Events)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("told %q instead of %q", got, c.want)
				}
			})
		})
	}
}

// followed are the printed lines without what they begin with, which must be a time, the Sync and the commit.
func followed(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		found := regexp.MustCompile(`^\d\d:\d\d:\d\d  platform/agents  (?:aaaaaaa)?  (.*)\n$`).FindStringSubmatch(line)
		if found == nil {
			return fmt.Sprintf("an odd line %q", line)
		}
		lines = append(lines, found[1])
	}
	return strings.Join(lines, "; ")
}
