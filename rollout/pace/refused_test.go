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
		"for ever":           {true, 16 * time.Minute, rollout.DisruptionBudget},
		"for a while":        {true, 13 * time.Minute, ""},
		"missing rights are": {false, 16 * time.Minute, ""},
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
