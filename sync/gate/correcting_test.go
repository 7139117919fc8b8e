package gate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/gate/gatetest"
	"github.com/daemongate/daemongate/sync/summary"
)

// A fight over one field delays the correction of that field alone: another field, the same field of another object or
// by another manager, and an object that was deleted do not wait for it.
func TestAPauseBelongsToOneFieldAndOneManager(t *testing.T) {
	for name, other := range map[string][3]string{
		"another field":   {gatetest.TheAgent, "spec.template.b", "x"},
		"another manager": {gatetest.TheAgent, "spec.template.a", "y"},
		"another object":  {"ConfigMap ns/a", "data.a", "x"},
		"missing":         {gatetest.TheAgent, "", ""},
		"another missing": {"ConfigMap ns/a", "", ""},
	} {
		c := gatetest.NewContest(t)
		for i := range 4 {
			c.Spoil(gatetest.TheAgent, "spec.template.a", "x")
			c.Until([]time.Duration{time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute}[i])
		}
		c.Spoil(gatetest.TheAgent, "spec.template.a", "x")
		c.Until(5*time.Minute + 10*time.Second)
		before := len(c.Corrections[gatetest.TheAgent])
		if other[0] == gatetest.TheAgent {
			c.Wrong[gatetest.TheAgent] = nil // a deleted object has no fields
		}
		c.Spoil(other[0], other[1], other[2])
		c.Until(5*time.Minute + 20*time.Second)
		got := c.Corrections[other[0]]
		if len(got) == 0 || other[0] == gatetest.TheAgent && len(got) == before ||
			got[len(got)-1] > 5*time.Minute+15*time.Second {
			t.Errorf("%s: corrected at %v", name, got)
		}
		if other[0] != gatetest.TheAgent && len(c.Corrections[gatetest.TheAgent]) != before {
			t.Errorf("%s: the fight was not left alone", name)
		}
	}
}

// Set image, rollout undo and a change of the strategy are three changes: the deletion after them is put right at once,
// and so is every further one, but not more often than every five seconds.
func TestWhatIsDeletedIsMadeAnewAtOnce(t *testing.T) {
	c := gatetest.NewContest(t)
	for i, field := range []string{"spec.template.image", "spec.template.image", "spec.updateStrategy"} {
		c.Spoil(gatetest.TheAgent, field, fmt.Sprint("kubectl-", i))
		c.Until(time.Duration(i+1) * 20 * time.Second)
	}
	c.Spoil(gatetest.TheAgent, "", "")
	c.Until(70 * time.Second)
	n := len(c.Corrections[gatetest.TheAgent])
	if last := c.Corrections[gatetest.TheAgent][n-1]; n != 4 || last > 61*time.Second {
		t.Fatalf("corrected at %v", c.Corrections[gatetest.TheAgent])
	}
	for i := range 20 { // somebody who keeps deleting
		c.Spoil(gatetest.TheAgent, "", "")
		c.Until(70*time.Second + time.Duration(i)*time.Second)
	}
	c.Until(100 * time.Second)
	got := c.Corrections[gatetest.TheAgent][n:]
	if len(got) < 4 || len(got) > 6 {
		t.Errorf("made anew %d times in 20 seconds: %v", len(got), got)
	}
	for i := 1; i < len(got); i++ {
		if got[i]-got[i-1] < gate.RemakePause {
			t.Errorf("made anew at %s and at %s", got[i-1], got[i])
		}
	}
}

// A deletion right after a comparison does not wait for the pause between comparisons.
func TestADeletionIsLookedForAtOnce(t *testing.T) {
	c := gatetest.NewContest(t)
	c.Spoil(gatetest.TheAgent, "spec.template.a", "x")
	c.Until(time.Second)
	c.Spoil(gatetest.TheAgent, "", "")
	if c.Until(3 * time.Second); len(c.Corrections[gatetest.TheAgent]) != 2 {
		t.Errorf("corrected at %v", c.Corrections[gatetest.TheAgent])
	}
}

// What was corrected is looked at again: the counts are those of the pods that are there, Ready is not True until they
// have settled, and the commit stays Complete.
func TestACorrectionIsLookedAtAgain(t *testing.T) {
	c := gatetest.NewContest(t)
	c.Spoil(gatetest.TheAgent, "", "")
	c.Until(time.Second)
	f := c.State.InFlight
	if f.Correcting == nil || f.Workloads[0].UID != "new1" || c.State.Inventory[0].UID != "new1" ||
		len(f.Correcting.Missing) > 0 {
		t.Fatalf("correcting %+v, workload %+v, inventory %+v", f.Correcting, f.Workloads[0], c.State.Inventory)
	}
	look := func(state api.CommitState, settled int) *api.SyncStatus {
		c.Observation.Rollout = &gate.Rollout{Commit: "c1", Digest: "d1", State: state, Message: api.ForAll("waiting"),
			Workloads: f.Workloads,
			Nodes:     api.NodeCounts{Desired: 6, Updated: settled, Settled: settled}}
		c.Observation.Now = c.Observation.Now.Add(3 * time.Second)
		c.Step()
		s := &api.SyncStatus{GateStatus: c.State}
		summary.Write(s, c.Observation.Now)
		return s
	}
	s := look(api.RollingOut, 2)
	ready := meta.FindStatusCondition(s.Conditions, api.ConditionReady)
	if s.Summary.Nodes != "2/6" || s.Summary.State != api.Complete || ready.Status != metav1.ConditionFalse ||
		ready.Reason != "Correcting" {
		t.Errorf("with two pods of six: %+v, %+v", s.Summary, ready)
	}
	s = look(api.Complete, 6)
	ready = meta.FindStatusCondition(s.Conditions, api.ConditionReady)
	if s.Summary.Nodes != "6/6" || s.InFlight.Correcting != nil || ready.Status != metav1.ConditionTrue ||
		s.Drift.Count != 0 {
		t.Errorf("with all of them: %+v, %+v, %+v", s.Summary, ready, s.InFlight.Correcting)
	}
}

// A DaemonSet that is missing while nothing may be corrected is said to be missing for as long as it is, and why it
// stays so.
func TestWhatIsMissingStaysMissing(t *testing.T) {
	c := gatetest.NewContest(t)
	c.Gate.Correct = false
	c.Spoil(gatetest.TheAgent, "", "")
	c.Until(time.Hour)
	s := &api.SyncStatus{GateStatus: c.State}
	summary.Write(s, c.Observation.Now)
	ready := meta.FindStatusCondition(s.Conditions, api.ConditionReady)
	if s.Summary.Nodes != "0/6" || ready.Status != metav1.ConditionFalse || ready.Reason != "Drifted" ||
		!strings.Contains(ready.Message, "drift is Report") {
		t.Errorf("%+v, %+v", s.Summary, ready)
	}
	was := c.State.DeepCopy()
	c.Observation.Now = c.Observation.Now.Add(time.Hour)
	if c.Step(); fmt.Sprint(was.InFlight.Correcting) != fmt.Sprint(c.State.InFlight.Correcting) {
		t.Errorf("the status changes although nothing does: %+v", c.State.InFlight.Correcting)
	}
}

// A decision to make an object anew is in the status before it is acted upon: the process that dies right after it
// compares first, lets no other commit take off meanwhile, and takes over what it finds.
func TestADeathInACorrectionIsLookedInto(t *testing.T) {
	c := gatetest.NewContest(t)
	c.Spoil(gatetest.TheAgent, "", "")
	if d := c.Step(); !d.Compare {
		t.Fatalf("decided %+v", d)
	}
	c.Compare()
	if d := c.Step(); !d.Correct || c.State.Drift.PendingAt == nil || c.State.InFlight.Workloads[0].UID != "" {
		t.Fatalf("decided %+v, remembers %+v of %+v", d, c.State.Drift, c.State.InFlight.Workloads)
	}
	c.Gate.Correct = false // also if nothing would be corrected any more
	c.Observation = gate.Observation{Now: c.Observation.Now.Add(time.Minute), History: &gate.History{Head: "c2",
		Commits: []gate.Commit{{Hash: "c2"}}}}
	if d := c.Step(); !d.Compare || d.Prepare != "" {
		t.Fatalf("after the death it decides %+v", d)
	}
	c.Wrong = nil
	c.Compare()
	e := c.State.Inventory[0]
	e.UID = "new"
	c.Observation.Recorded = []gate.Recorded{{InventoryEntry: e, Generation: 1, At: c.Observation.Now, Corrected: true}}
	d := c.Step()
	if c.State.InFlight.Workloads[0].UID != "new" || c.State.Inventory[0].UID != "new" ||
		c.State.Drift.PendingAt != nil || d.Prepare != "c2" {
		t.Errorf("it remembers %+v and %+v, drift %+v, and decides %+v", c.State.InFlight.Workloads, c.State.Inventory,
			c.State.Drift, d)
	}
}

// However many fields are fought over, the status names few of them, and the rest shares one pause.
func TestPausesAreBounded(t *testing.T) {
	c := gatetest.NewContest(t)
	long := strings.Repeat("x", 1000)
	for range 3 {
		for i := range 100 {
			c.Spoil(fmt.Sprint("ConfigMap ns/", i), "data."+long, "x")
		}
		c.Until(c.Observation.Now.Sub(c.Began) + time.Minute)
	}
	if n := len(c.State.Drift.Pauses); n > gate.MaxPauses+1 || len(c.State.Drift.Pauses[0].Field) > gate.MaxField {
		t.Errorf("%d pauses, %+v", n, c.State.Drift.Pauses[0])
	}
	for object, at := range c.Corrections {
		if len(at) > 3 {
			t.Errorf("%s was corrected at %v", object, at)
		}
	}
}

// Step modifies nothing that it is given: a look is good for several steps, and what came of one is in the status that
// was written last.
func TestStepLeavesItsInputAlone(t *testing.T) {
	for what, spoil := range map[string]func(c *gatetest.Contest){
		"a template was changed": func(c *gatetest.Contest) { c.Spoil(gatetest.TheAgent, "spec.template.a", "x") },
		"it is missing":          func(c *gatetest.Contest) { c.Spoil(gatetest.TheAgent, "", "") },
		"it is missing, which nobody has compared": func(c *gatetest.Contest) {
			c.Observation.Health = &gate.Health{Missing: []string{gatetest.TheAgent}}
		},
	} {
		c := gatetest.NewContest(t)
		spoil(c)
		c.Compare()
		c.Observation.Rollout = &gate.Rollout{Commit: "c1", Digest: "d1", State: api.Complete,
			Workloads: slices.Clone(c.State.InFlight.Workloads)}
		c.Observation.Recorded = []gate.Recorded{{InventoryEntry: c.State.Inventory[0], Generation: 9,
			At: c.Observation.Now, Corrected: true}}
		given := func() string {
			text, err := json.Marshal([]any{c.State, c.Observation})
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		before := given()
		_, d := c.Gate.Step(c.State, c.Observation)
		if after := given(); after != before {
			t.Errorf("%s: the state or the observation was modified:\n%s\n%s", what, before, after)
		}
		if d.Correct != (len(c.Wrong) > 0) {
			t.Errorf("%s: decided %+v", what, d)
		}
	}
}
