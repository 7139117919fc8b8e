package promotion

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// said is what one Sync of a cluster has said, of each commit, as "state ago [by outcome]" or "relapsed ago".
func said(words map[string]string) Cluster { return saidAs("platform/agents", words) }

func saidAs(sync string, words map[string]string) Cluster {
	c := Cluster{Syncs: map[string]map[string]Word{sync: {}}, Refused: map[string]api.Public{}}
	for commit, text := range words {
		fields := strings.Fields(text)
		ago, err := time.ParseDuration(fields[1])
		if err != nil {
			panic(err)
		}
		w := Word{State: api.CommitState(fields[0]), Since: now.Add(-ago), Told: now.Add(-ago)}
		if w.State == "relapsed" {
			w.State, w.Relapsed = api.Complete, true
		}
		if w.State == "ailing" {
			w.State, w.Ailing = api.Complete, true
		}
		if len(fields) == 4 {
			w.By, w.Outcome = fields[2], api.CommitState(fields[3])
		}
		if len(fields) == 3 {
			w.Waits = fields[2]
		}
		c.Syncs[sync][commit] = w
	}
	return c
}

// both is a cluster with the Syncs of two.
func both(a, b Cluster) Cluster {
	for sync, words := range b.Syncs {
		a.Syncs[sync] = words
	}
	return a
}

// behind says for whom a commit of a Sync in cluster "here" waits, and until when at least.
func behind(entry api.After, known map[string]Cluster, commit string) (api.Message, time.Time) {
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents"}}
	s.Spec.Gate.After = []api.After{entry}
	none := func(string) *api.Sync { return nil }
	u := Look(RulesOf(s, none, "here", all(Clusters{At: now, Known: known})), []gate.Commit{{Hash: "c1"}, {Hash: "c2"}}, now)
	return u.Waits[commit], u.Changes
}

func canaries(count int32) api.After {
	return api.After{Cluster: "canary-*", Count: count, Soak: metav1.Duration{Duration: 30 * time.Minute}}
}

type fleet = map[string]Cluster

// all is what was heard through every channel.
func all(c Clusters) func(api.After) Clusters { return func(api.After) Clusters { return c } }

// A commit starts when it, and no other, has been Complete for long enough on as many clusters as were asked for; what
// a cluster carried or did not change counts by the commit whose state it takes over. Who lacks it is named.
func TestACommitWaitsForSoManyClusters(t *testing.T) {
	done := said(map[string]string{"c1": "Complete 1h"})
	for name, c := range map[string]struct {
		after api.After
		fleet fleet
		want  string // empty if c1 may start
	}{
		"on two of two":      {canaries(2), fleet{"canary-1": done, "canary-2": done}, ""},
		"on two of three":    {canaries(2), fleet{"canary-1": done, "canary-2": done, "canary-3": said(map[string]string{"c1": "RollingOut 5m"})}, ""},
		"on one of two":      {canaries(2), fleet{"canary-1": done, "canary-2": said(map[string]string{"c1": "RollingOut 5m"})}, "1 of 2 (canary-2 is RollingOut since 2026-11-30T11:55:00Z)"},
		"silent":             {canaries(2), fleet{"canary-1": done, "canary-2": said(map[string]string{"c0": "Complete 5h"})}, "canary-2 has said nothing of it"},
		"too few there are":  {canaries(2), fleet{"canary-1": done, "eu-1": done}, "1 of 2; only 1 cluster of that name has told anything"},
		"none there is":      {canaries(1), fleet{"eu-1": done}, "0 of 1; no cluster of that name has told anything"},
		"soaks":              {canaries(1), fleet{"canary-1": said(map[string]string{"c1": "Complete 10m"})}, "canary-1 soaks until 2026-11-30T12:20:00Z"},
		"an older one":       {canaries(1), fleet{"canary-1": said(map[string]string{"c0": "Complete 1h"})}, "has said nothing of it"},
		"stuck":              {canaries(1), fleet{"canary-1": said(map[string]string{"c1": "Stuck 1h"})}, "canary-1 is stuck at c1"},
		"failed":             {canaries(1), fleet{"canary-1": said(map[string]string{"c1": "Failed 1h"})}, "canary-1 is Failed since"},
		"carried":            {canaries(1), fleet{"canary-1": said(map[string]string{"c1": "Carried 1m c2 Complete", "c2": "Complete 1h"})}, ""},
		"carried, and soaks": {canaries(1), fleet{"canary-1": said(map[string]string{"c1": "Carried 1h c2 Complete", "c2": "Complete 1m"})}, "canary-1 soaks until"},
		"carried by a stuck": {canaries(1), fleet{"canary-1": said(map[string]string{"c1": "Carried 1h c2 Stuck", "c2": "Stuck 1h"})}, "is stuck at c2"},
		"unchanged":          {canaries(1), fleet{"canary-1": said(map[string]string{"c1": "Unchanged 1s c0 Complete", "c0": "Complete 5h"})}, ""},
		"unchanged, relapse": {canaries(1), fleet{"canary-1": said(map[string]string{"c1": "Unchanged 1h c0 Complete", "c0": "relapsed 5h"})}, "has relapsed at c1"},
		"relapsed":           {canaries(1), fleet{"canary-1": said(map[string]string{"c1": "relapsed 5h"})}, "has relapsed at c1"},
		"stuck at the next":  {canaries(1), fleet{"canary-1": said(map[string]string{"c1": "Complete 5h", "c2": "Stuck 1m"})}, "is stuck at c2"},
		"mended by the next": {canaries(1), fleet{"canary-1": said(map[string]string{"c1": "Stuck 5h", "c2": "Complete 1h"})}, "canary-1 is Stuck since"},
		"the next waits":     {canaries(1), fleet{"canary-1": said(map[string]string{"c1": "Complete 5h", "c2": "Held 1m"})}, ""},
		"unread":             {canaries(1), fleet{"canary-1": {Unread: "its notes cannot be read: bad"}}, "canary-1 does not count: its notes cannot be read: bad"},
		"one by name":        {api.After{Cluster: "eu"}, fleet{"eu": done}, ""},
		"one by name lacks":  {api.After{Cluster: "eu"}, fleet{}, "waits for cluster eu to have c1 Complete: 0 of 1"},
		"this one":           {api.After{Cluster: "h*", Count: 1}, fleet{"here": done}, "and here, which is this one, does not count"},
		"all Syncs of one": {canaries(1), fleet{"canary-1": both(said(map[string]string{"c1": "Complete 1h"}),
			saidAs("logging/agents", map[string]string{"c1": "RollingOut 1m"}))}, "canary-1 is RollingOut since"},
		"a Sync by name": {api.After{Cluster: "canary-1", Sync: "agents"}, fleet{"canary-1": both(said(map[string]string{"c1": "Complete 1h"}),
			saidAs("platform/others", map[string]string{"c1": "Stuck 1m"}))}, ""},
		"a Sync by namespace": {api.After{Cluster: "canary-1", Sync: "logging/agents"}, fleet{"canary-1": both(said(map[string]string{"c1": "Stuck 1h"}),
			saidAs("logging/agents", map[string]string{"c1": "Complete 1m"}))}, ""},
	} {
		why, changes := behind(c.after, c.fleet, "c1")
		if (why.Private == "") != (c.want == "") || !strings.Contains(why.Private, c.want) {
			t.Errorf("%s: waits %q, want %q", name, why.Private, c.want)
		}
		if soaks := strings.Contains(c.want, "soaks"); soaks == changes.IsZero() {
			t.Errorf("%s: changes at %s", name, changes)
		}
	}
}

// More clusters in trouble than may be close the gate for all that has not started, whatever they and others let
// through before; as many as may be do not.
func TestTroubleOfAClusterClosesTheGateForAll(t *testing.T) {
	known := fleet{"canary-1": said(map[string]string{"c1": "Complete 1h"}), "canary-2": said(map[string]string{"c1": "Complete 1h", "c2": "Complete 1h"}),
		"canary-3": said(map[string]string{"c1": "relapsed 1h"})}
	after := canaries(1)
	ailing := maps.Clone(known)
	ailing["canary-3"] = said(map[string]string{"c0": "ailing 2h", "c1": "Carried 1h c2 Complete", "c2": "ailing 1h"})
	if why, _ := behind(after, ailing, "c1"); !strings.Contains(why.Private, "canary-3 is no longer well at c2") {
		t.Errorf("waits %q", why.Private)
	}
	for budget, want := range map[int32]string{0: "canary-3 has relapsed at c1", 1: ""} {
		after.FailureBudget = budget
		for _, commit := range []string{"c1", "c2"} {
			if why, _ := behind(after, known, commit); (why.Private == "") != (want == "") || !strings.Contains(why.Private, want) {
				t.Errorf("with %d, %s waits %q, want %q", budget, commit, why.Private, want)
			}
		}
	}
	after.Count, after.FailureBudget = 3, 1
	if why, _ := behind(after, known, "c1"); !strings.Contains(why.Private, "2 of 3 (canary-3 has relapsed at c1)") {
		t.Errorf("waits %q", why.Private)
	}
}

// Notes that are not signed by who may speak for a cluster count for nothing, neither for nor against a commit, where
// signatures are asked for.
func TestUnsignedNotesCountForNothing(t *testing.T) {
	forged, stuck := said(map[string]string{"c1": "Complete 1h"}), said(map[string]string{"c1": "Stuck 1h"})
	forged.Refused["signers"], stuck.Refused["signers"] = "its notes are not signed", "its notes are not signed"
	after := canaries(1)
	if why, _ := behind(after, fleet{"canary-1": forged}, "c1"); why.Private != "" {
		t.Errorf("waits %q, and no signature was asked for", why.Private)
	}
	after.Verify = &api.AfterVerify{SecretRef: api.LocalObjectReference{Name: "signers"}}
	if why, _ := behind(after, fleet{"canary-1": forged}, "c1"); !strings.Contains(why.Private, "canary-1 does not count: its notes are not signed") {
		t.Errorf("waits %q", why.Private)
	}
	if why, _ := behind(after, fleet{"canary-1": stuck, "canary-2": said(map[string]string{"c1": "Complete 1h"})}, "c1"); why.Private != "" {
		t.Errorf("waits %q", why.Private)
	}
}

// What is not known lets nothing through: before the first look, and while what was told cannot be read.
func TestWhatIsNotKnownLetsNothingThrough(t *testing.T) {
	done := fleet{"canary-1": said(map[string]string{"c1": "Complete 1h"})}
	s := &api.Sync{}
	s.Spec.Gate.After = []api.After{canaries(1)}
	for want, others := range map[string]Clusters{"is not known yet": {}, "cannot be read now; no route": {At: now, Known: done, Trouble: errors.New("no route")}, "": {At: now, Known: done}} {
		u := Look(RulesOf(s, nil2, "here", all(others)), []gate.Commit{{Hash: "c1"}}, now.Add(time.Hour))
		if why := u.Waits["c1"]; (why.Private == "") != (want == "") || !strings.Contains(why.Private, want) || strings.Contains(string(why.Public), "route") {
			t.Errorf("waits %q, want %q", why, want)
		}
	}
}

func nil2(string) *api.Sync { return nil }

// The soak is over only when a look has seen that it still is so: what was seen before says nothing of that.
func TestASoakEndsByALook(t *testing.T) {
	s := &api.Sync{}
	s.Spec.Gate.After = []api.After{canaries(1)}
	others := Clusters{At: now, Known: fleet{"canary-1": said(map[string]string{"c1": "Complete 10m"})}}
	u := Look(RulesOf(s, nil2, "here", all(others)), []gate.Commit{{Hash: "c1"}}, now.Add(time.Hour))
	if why := u.Waits["c1"]; !strings.Contains(why.Private, "soaks until") {
		t.Errorf("waits %q", why.Private)
	}
}

// A commit that was not asked about at a look does not start by what was seen of it earlier, whose trouble counts all
// the same. What a status does not say exactly is said so.
func TestWhatWasNotAskedAboutLetsNothingThrough(t *testing.T) {
	s := &api.Sync{}
	entry := canaries(1)
	entry.Channel = api.ChannelStatuses
	s.Spec.Gate.After = []api.After{entry}
	for name, c := range map[string]struct {
		known fleet
		asked map[string]bool
		want  string
	}{
		"asked":           {fleet{"canary-1": said(map[string]string{"c1": "Complete 1h"})}, map[string]bool{"c1": true}, ""},
		"not asked":       {fleet{"canary-1": said(map[string]string{"c1": "Complete 1h"})}, map[string]bool{"c2": true}, "to have c1 Complete: newer ones were asked for before it"},
		"stuck elsewhere": {fleet{"canary-1": said(map[string]string{"c1": "Complete 1h", "c2": "Stuck 1h"})}, map[string]bool{"c1": true}, "is stuck at c2"},
		"nobody":          {fleet{}, map[string]bool{"c1": true}, "no cluster of that name has told anything in the statuses of the commits that wait"},
		"carried":         {fleet{"canary-1": saidAs("platform/agents", map[string]string{"c1": "Carried 5m c3 -"})}, map[string]bool{"c1": true}, "is not Complete with c3, which carries it, since"},
		"unclear":         {fleet{"canary-1": saidAs("platform/agents", map[string]string{"c1": "- 5m"})}, map[string]bool{"c1": true}, "in other words than Daemongate's"},
	} {
		for _, words := range c.known["canary-1"].Syncs {
			for commit, w := range words {
				w.State, w.Outcome = api.CommitState(strings.TrimPrefix(string(w.State), "-")), api.CommitState(strings.TrimPrefix(string(w.Outcome), "-"))
				words[commit] = w
			}
		}
		others := Clusters{At: now, Known: c.known, Asked: c.asked}
		u := Look(RulesOf(s, nil2, "here", all(others)), []gate.Commit{{Hash: "c1"}, {Hash: "c2"}}, now)
		if why := u.Waits["c1"]; (why.Private == "") != (c.want == "") || !strings.Contains(why.Private, c.want) {
			t.Errorf("%s: waits %q, want %q", name, why.Private, c.want)
		}
	}
}

// Clocks of other clusters may be wrong. What was otherwise at an earlier look began after it, what is said to begin later
// than now began when it was seen first, and nothing begins anew at each look.
func TestAWrongClockShortensNoSoak(t *testing.T) {
	at := func(ago time.Duration) Clusters { return Clusters{At: now.Add(-ago), Known: fleet{}} }
	since := func(c Clusters) time.Duration { return now.Sub(c.Known["eu"].Syncs["platform/agents"]["c1"].Since) }
	before := at(20 * time.Minute)
	before.Known["eu"] = said(map[string]string{"c1": "RollingOut 30m"})
	behindClock := at(10 * time.Minute)
	behindClock.Known["eu"] = said(map[string]string{"c1": "Complete 5h"})
	if got := since(behindClock.Since(before.Since(Clusters{}))); got != 20*time.Minute {
		t.Errorf("it counts for %s, and was otherwise 20 minutes ago", got)
	}
	again := at(0)
	again.Known["eu"] = said(map[string]string{"c1": "Complete 5h"})
	if got := since(again.Since(behindClock)); got != 20*time.Minute {
		t.Errorf("at the next look it counts for %s", got)
	}
	ahead := at(10 * time.Minute)
	ahead.Known["eu"] = said(map[string]string{"c1": "Complete -5h"})
	if got := since(ahead.Since(before)); got != 10*time.Minute {
		t.Errorf("it counts for %s, and was seen first 10 minutes ago", got)
	}
	right := at(0)
	right.Known["eu"] = said(map[string]string{"c1": "Complete 5m"})
	if got := since(right.Since(before)); got != 5*time.Minute {
		t.Errorf("it counts for %s, and was told 5 minutes ago", got)
	}
	fresh := at(0)
	fresh.Known["eu"] = said(map[string]string{"c1": "Complete 5h"})
	if got := since(fresh.Since(Clusters{})); got != 5*time.Hour {
		t.Errorf("after a restart it counts for %s", got)
	}
}

// Who waits in a circle is told so, in both kinds: Syncs of a namespace by their specs, clusters by what they say.
func TestACircleIsSeen(t *testing.T) {
	syncs := map[string]*api.Sync{}
	for name, after := range map[string]string{"a": "b", "b": "c", "c": "a", "d": "a"} {
		syncs[name] = &api.Sync{ObjectMeta: metav1.ObjectMeta{Name: name}}
		syncs[name].Spec.Gate.After = []api.After{{Sync: after}}
	}
	find := func(name string) *api.Sync { return syncs[name] }
	for name, want := range map[string]string{"a": "a waits for b waits for c waits for a", "d": "to have c1 Complete"} {
		why := Look(RulesOf(syncs[name], find, "", all(Clusters{})), []gate.Commit{{Hash: "c1"}}, now).Waits["c1"]
		if !strings.Contains(why.Private, want) {
			t.Errorf("%s waits %q, want %q", name, why.Private, want)
		}
	}
	known := fleet{"canary-1": said(map[string]string{"c1": "Held 1h eu-*"}), "eu-1": said(map[string]string{"c1": "Held 1h h*"})}
	if why, _ := behind(canaries(1), known, "c1"); !strings.Contains(why.Private, "in turn (here waits for canary-1 waits for eu-1 waits for here)") {
		t.Errorf("waits %q", why.Private)
	}
	known["eu-1"] = said(map[string]string{"c1": "Held 1h elsewhere"})
	if why, _ := behind(canaries(1), known, "c1"); strings.Contains(why.Private, "in turn") {
		t.Errorf("waits %q", why.Private)
	}
}

// For whom a commit waits can be read of what is told of it.
func TestForWhomItWaitsCanBeRead(t *testing.T) {
	for _, after := range []api.After{canaries(1), canaries(2), {Cluster: "eu"}, {Cluster: "eu", Sync: "x"}} {
		for _, known := range []fleet{nil, {"eu": said(map[string]string{"c1": "Stuck 1m"}), "canary-1": said(map[string]string{"c1": "Stuck 1m"})}} {
			why, _ := behind(after, known, "c1")
			if got := WaitsOn("Held: " + string(why.Public)); got != after.Cluster {
				t.Errorf("of %q: %q", why.Public, got)
			}
		}
	}
	for _, other := range []string{"", "Held: waits for Sync canary", "Held: opens Mon 22:00", "Held: waits for 3 nodes", "waits for x clusters y"} {
		if got := WaitsOn(other); got != "" {
			t.Errorf("of %q: %q", other, got)
		}
	}
}

// A pattern matches whole names; signs that mean something elsewhere mean themselves.
func TestPatternsOfNames(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{{"*", "eu/1", true}, {"eu-?", "eu-1", true}, {"eu-?", "eu-12", false}, {"eu", "eu-1", false}, {"[a]", "a", false}, {"[a]", "[a]", true},
		{`a\*`, `a\b`, true}, {"*-1", "eu-1", true}} {
		if got := Matches(c.pattern, c.name); got != c.want {
			t.Errorf("%s and %s: %v", c.pattern, c.name, got)
		}
	}
}
