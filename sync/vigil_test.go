package sync

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/preflight"
)

// watchedNodes are an Observer that remembers who watches.
type watchedNodes struct {
	Observer
	watched map[string]bool
}

func (w watchedNodes) Watch(key string, _ []rollout.Target, _ func()) { w.watched[key] = true }
func (w watchedNodes) Unwatch(key string)                             { delete(w.watched, key) }
func (w watchedNodes) Look(rollout.Target) (rollout.Look, bool)       { return rollout.Look{}, true }

// waiting is a Sync of which a commit waits for room, the set of that commit as it was prepared, and the nodes.
func waiting() (watchedNodes, *api.Sync, *readySet) {
	s := &api.Sync{}
	s.Spec.Gate.Preflight = api.PreflightHold
	s.Status.Preflight = &api.PreflightStatus{Held: []string{"c1"}}
	r := &readySet{Prepared: gate.Prepared{Commit: "c1", Outcome: gate.Ready}, weighed: []*appsv1.DaemonSet{{}},
		fits: preflight.Finding{Message: api.ForAll("pods would not fit"), Serious: true}}
	return watchedNodes{watched: map[string]bool{}}, s, r
}

// Whoever forgets a Sync stops watching nodes for its commit that waits for room.
func TestAForgottenSyncWatchesNoNodes(t *testing.T) {
	nodes, s, r := waiting()
	c := &Controller{Observer: nodes}
	l := &syncLoop{placed: placed{Controller: c}, preparing: preparing{ready: r}, stop: func() {}}
	c.loops = map[string]*syncLoop{"ns/agents": l}
	if l.keepVigil(s, nodes, func() {}); len(nodes.watched) != 1 {
		t.Fatalf("watched: %v", nodes.watched)
	}
	if c.forget("ns/agents"); len(nodes.watched) != 0 {
		t.Errorf("still watched: %v", nodes.watched)
	}
}

// A commit that waits for room, and could not be prepared just now, keeps its pause: nothing was weighed that could be
// told from what is found.
func TestWhatCouldNotBePreparedIsNotWeighed(t *testing.T) {
	for _, outcome := range []gate.Outcome{gate.Unavailable, gate.Early} {
		nodes, s, r := waiting()
		l := &preparing{ready: r}
		l.keepVigil(s, nodes, func() {})
		later := &readySet{Prepared: gate.Prepared{Commit: "c1", Outcome: outcome}}
		for range 2 {
			l.ready = later
			if l.keepVigil(s, nodes, func() {}); l.ready != later || l.vigilFor != r || len(nodes.watched) != 1 {
				t.Errorf("%s: %+v", outcome, l)
			}
		}
	}
}

// A DaemonSet that cannot be weighed holds nothing, neither before the first write nor while its commit waits.
func TestWhatCannotBeWeighedHoldsNothing(t *testing.T) {
	found, caught := weigh(rollout.Look{}, nil, rollout.Options{}, telling{})
	if caught == nil || found != (preflight.Finding{}) {
		t.Errorf("%+v, %v", found, caught)
	}
}
