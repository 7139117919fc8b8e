package promotion

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// canary is a Sync in which commits have come to states, the time that each has been so.
func canary(records ...api.Record) *api.Sync {
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "canary"}}
	s.Status.History = records
	return s
}

func record(commit string, state api.CommitState, ago time.Duration) api.Record {
	return api.Record{Commit: commit, State: state, Since: metav1.NewMicroTime(now.Add(-ago))}
}

func takenOver(commit string, state api.CommitState, by string, outcome api.CommitState, ago time.Duration) api.Record {
	r := record(commit, state, ago)
	r.By, r.Outcome = by, outcome
	return r
}

// waits is for whom a commit waits after a canary with a soak of half an hour.
func waits(before *api.Sync, commit string) (api.Public, time.Time) {
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents"}}
	s.Spec.Gate.After = []api.After{{Sync: "canary", Soak: metav1.Duration{Duration: 30 * time.Minute}}}
	u := Look(RulesOf(s, func(string) *api.Sync { return before }, "", all(Clusters{})), []gate.Commit{{Hash: commit}}, now)
	return u.Waits[commit].Public, u.Changes
}

// A commit may start when it, and no other, has been Complete there for as long as was asked for. What takes over the
// state of another commit counts through that one, and has soaked as long.
func TestACommitMayStartOnceItHasSoaked(t *testing.T) {
	relapsed := record("c1", api.Complete, time.Hour)
	relapsed.Relapsed = true
	for name, c := range map[string]struct {
		before *api.Sync
		want   string // empty if c1 may start
	}{
		"complete for long enough": {canary(record("c1", api.Complete, time.Hour)), ""},
		"complete for a moment":    {canary(record("c1", api.Complete, time.Minute)), "c1 soaks until 2026-11-30T12:29:00Z"},
		"another one is complete":  {canary(record("c0", api.Complete, time.Hour)), "Sync canary to have c1 Complete"},
		"on its way":               {canary(record("c1", api.RollingOut, time.Hour)), "where c1 is RollingOut"},
		"stuck":                    {canary(record("c1", api.Stuck, time.Hour)), "where c1 is Stuck"},
		"failed":                   {canary(record("c1", api.Failed, time.Hour)), "where c1 is Failed"},
		"dropped":                  {canary(record("c1", api.Dropped, time.Hour)), "where c1 is Dropped"},
		"relapsed":                 {canary(relapsed), "where c1 has relapsed"},
		"carried":                  {canary(record("c2", api.Complete, time.Hour), takenOver("c1", api.Carried, "c2", api.Complete, time.Minute)), ""},
		"carried by one that soaks": {canary(record("c2", api.Complete, time.Minute),
			takenOver("c1", api.Carried, "c2", api.Complete, time.Hour)), "c1 soaks until"},
		"carried by one that is stuck": {canary(record("c2", api.Stuck, time.Hour),
			takenOver("c1", api.Carried, "c2", api.Stuck, time.Hour)), "where c1 is Stuck"},
		"unchanged": {canary(takenOver("c1", api.Unchanged, "c0", api.Complete, time.Second), record("c0", api.Complete, time.Hour)), ""},
		"unchanged on what is stuck": {canary(takenOver("c1", api.Unchanged, "c0", api.Stuck, time.Hour),
			record("c0", api.Stuck, time.Hour)), "where c1 is Stuck"},
		"unchanged on what is forgotten": {canary(takenOver("c1", api.Unchanged, "c0", api.Complete, time.Second)), "c1 soaks until"},
		"no such Sync":                   {nil, "Sync canary, which does not exist"},
	} {
		why, changes := waits(c.before, "c1")
		if (why == "") != (c.want == "") || !strings.Contains(string(why), c.want) {
			t.Errorf("%s: waits %q, want %q", name, why, c.want)
		}
		if soaks := strings.Contains(c.want, "soaks"); soaks != !changes.IsZero() || soaks && !changes.After(now) {
			t.Errorf("%s: changes at %s", name, changes)
		}
	}
}

// What was let through is so no longer once the one who did is in trouble: stuck at a newer commit, relapsed, or no
// longer well.
func TestTroubleClosesTheGateAgain(t *testing.T) {
	done := record("c1", api.Complete, time.Hour)
	stuck, relapsed, ailing, back := canary(record("c2", api.Stuck, time.Minute), done), canary(done), canary(done), canary(done)
	stuck.Status.InFlight = &api.Flight{Commit: "c2", State: api.Stuck}
	relapsed.Status.InFlight = &api.Flight{Commit: "c1", State: api.Complete, Relapse: &api.Relapse{}}
	ailing.Status.InFlight = &api.Flight{Commit: "c1", State: api.Complete}
	ailing.Status.Ailing = &api.AilingStatus{Lasts: true}
	back.Status.InFlight = &api.Flight{Commit: "c1", State: api.Complete}
	for want, before := range map[string]*api.Sync{"is stuck at c2": stuck, "has relapsed at c1": relapsed,
		"is no longer well at c1": ailing, "": back} {
		if why, _ := waits(before, "c1"); (why == "") != (want == "") || !strings.Contains(string(why), want) {
			t.Errorf("waits %q, want %q", why, want)
		}
	}
}

// All that are named must have let a commit through, and a Sync that waits for itself says so.
func TestAllThatGoBeforeMustAgree(t *testing.T) {
	s := &api.Sync{ObjectMeta: metav1.ObjectMeta{Namespace: "platform", Name: "agents"}}
	s.Spec.Gate.After = []api.After{{Sync: "canary"}, {Sync: "agents"}}
	find := func(string) *api.Sync { return canary(record("c1", api.Complete, time.Hour)) }
	if why := Look(RulesOf(s, find, "", all(Clusters{})), []gate.Commit{{Hash: "c1"}}, now).Waits["c1"]; !strings.Contains(why.Private, "Sync agents, which is this one") {
		t.Errorf("waits %q", why)
	}
}

// Who waits for whom is read of Syncs as informers hold them, whatever they hold.
func TestWhoWaitsForWhom(t *testing.T) {
	u := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"namespace": "platform"},
		"spec": map[string]any{"gate": map[string]any{"after": []any{map[string]any{"sync": "canary"}, "strange"}}}}}
	if keys, err := WaitsFor(u); err != nil || strings.Join(keys, " ") != "platform/canary" {
		t.Errorf("%v, %v", keys, err)
	}
	s := &api.Sync{}
	s.Namespace = "platform"
	s.Spec.Gate.After = []api.After{{Sync: "canary"}, {Sync: "agents", Cluster: "eu-*"}}
	if keys, err := WaitsFor(s); err != nil || strings.Join(keys, " ") != "platform/canary" {
		t.Errorf("%v, %v", keys, err)
	}
	for _, o := range []any{nil, "strange", &unstructured.Unstructured{}, &api.Sync{}} {
		if keys, err := WaitsFor(o); err != nil || len(keys) > 0 {
			t.Errorf("%v, %v", keys, err)
		}
	}
}
