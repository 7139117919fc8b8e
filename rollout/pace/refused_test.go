package pace

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/rollout"
)

// A PodDisruptionBudget that lets the last old pods of a stage never go is told by name after the deadline, although the
// pods are tried again and again, and a restart knows nothing of it; and not what it lets go in time, nor another refusal.
func TestABudgetThatNeverLetsAPodGoIsACause(t *testing.T) { //nolint:gocyclo // one story in three ways
	const said = `The disruption budget "agents" needs 10 healthy pods and has 10 currently`
	for name, c := range map[string]struct {
		budget bool
		lasts  time.Duration
		code   rollout.Code
	}{
		"for ever":          {true, 16 * time.Minute, rollout.DisruptionBudget},
		"for a while":       {true, 13 * time.Minute, ""},
		"an admission says": {false, 16 * time.Minute, ""},
	} {
		w := newWorld(t, 6, 2)
		w.plan = canaryThenRest(0)
		w.commit("v2")
		held := w.pod("n002")
		uid := held.UID
		refuse := func(in Input, again bool) Outcome {
			in.Workloads[0].Refused = map[types.UID]Refusal{uid: {Said: said, Budget: c.budget, Again: again}}
			return Decide(in)
		}
		w.want(w.run(0), "canary", ForNodes)
		for w.now.Sub(epoch) < 3*time.Hour && w.has("v2") != "n001" { // the other one goes
			o := refuse(w.input(), false)
			w.progress = o.Progress
			w.carryOut(o)
			w.after(time.Second)
		}
		w.after(30 * time.Second)
		var o Outcome
		for i, began := 0, w.now; w.now.Sub(began) < c.lasts; i++ {
			switch in := w.input(); {
			case i == 40: // a process that has just started
				if o = Decide(in); !slices.ContainsFunc(o.Delete, func(d Deletion) bool { return d.UID == uid }) {
					t.Fatalf("%s: it is not tried: %+v", name, o)
				}
			default:
				if o = refuse(in, i%2 == 1); o.Waits != ForBudget || (i%2 == 1) != (len(o.Delete) == 1) {
					t.Fatalf("%s: %+v", name, o)
				}
			}
			w.progress = o.Progress
			w.after(10 * time.Second)
		}
		if o.Cause.Code != c.code || c.code != "" && (!strings.Contains(o.Cause.Message, said) ||
			!strings.Contains(o.Cause.Remedy, "kubectl -n platform get pdb") || !slices.Equal(o.Cause.Nodes, []string{"n002"}) ||
			o.Cause.Name != "agent") {
			t.Errorf("%s: %+v", name, o.Cause)
		}
		if c.budget == strings.Contains(o.Message, "API server") {
			t.Errorf("%s: %s", name, o.Message)
		}
		if o = w.run(10 * time.Minute); !o.Done || o.Cause.Code != "" || o.Held != "" {
			t.Errorf("%s: when it is let go: %+v", name, o)
		}
	}
}

// Rights that are missing to evict are told at once, and are a cause long before the deadline, also while other nodes are
// on their way, and over a restart, which knows of no refusal. Other pods are not tried in vain. When the rights are there
// the rollout goes on by itself.
func TestMissingRightsAreACause(t *testing.T) { //nolint:gocyclo // one story
	const lack = "ServiceAccount platform/deployer lacks create on pods/eviction in namespace platform"
	w := newWorld(t, 8, 2)
	w.plan = Plan{Stages: []Stage{{Name: "first", AtMost: 6}}}
	w.commit("v2")
	no := map[types.UID]Refusal{}
	tried := map[string]bool{}
	look := func(again bool) Outcome {
		in := w.input()
		in.Workloads[0].Refused = map[types.UID]Refusal{}
		for uid, why := range no {
			why.Again = again
			in.Workloads[0].Refused[uid] = why
		}
		o := Decide(in)
		for _, d := range o.Delete {
			no[d.UID], tried[d.Node] = Refusal{Said: lack, Forbidden: true, Remedy: "kubectl create role"}, true
		}
		w.progress = o.Progress
		w.after(time.Second)
		return o
	}
	began := w.now
	for look(false); ; {
		o := look(w.now.Second()%10 == 9)
		if o.Waits != ForRights || o.Message != lack {
			t.Fatalf("after %s: %+v", w.now.Sub(began), o)
		}
		if w.now.Sub(began) == 15*time.Second { // a process that has just started
			clear(no)
			if o = look(false); o.Held != rollout.EvictionForbidden || len(o.Delete) == 0 {
				t.Fatalf("after a restart: %+v", o)
			}
		}
		if after := w.now.Sub(began); o.Cause.Code != "" || after > time.Minute {
			c := o.Cause
			if after < 25*time.Second || c.Code != rollout.EvictionForbidden || c.Name != "agent" || len(c.Nodes) == 0 ||
				!strings.HasPrefix(c.Message, lack+", for longer than 30s") || c.Remedy != "kubectl create role" {
				t.Errorf("after %s: %+v", after, c)
			}
			break
		}
	}
	if len(tried) > 2 {
		t.Errorf("tried on %v", tried)
	}
	clear(no)
	if o := w.run(10 * time.Minute); !o.Done || o.Cause.Code != "" || o.Held != "" {
		t.Errorf("when they may be evicted: %+v", o)
	}
}
