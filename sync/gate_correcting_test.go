package sync

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// contest is a complete flight of one DaemonSet, and those who change or delete what it wrote.
type contest struct {
	*driftStory
	t *testing.T
	// wrong are the fields that are not as asked, and "" for an object that is missing, by object, with who did it.
	wrong map[string]map[string]string
	// corrections are when each object was corrected, counted from the beginning.
	corrections map[string][]time.Duration
	began       time.Time
}

func newContest(t *testing.T) *contest {
	c := &contest{driftStory: newDriftStory(api.Complete), t: t, wrong: map[string]map[string]string{}, corrections: map[string][]time.Duration{}}
	c.began = c.o.Now
	f := c.s.InFlight
	f.Nodes = api.NodeCounts{Desired: 6, Updated: 6, Settled: 6}
	f.Workloads = []api.Workload{{Group: "apps", Kind: "DaemonSet", Namespace: "ns", Name: "agent", UID: "old", Generation: 1, HadNodes: true,
		Headline: `daemon set "agent" successfully rolled out`, Nodes: []api.NodeClass{{State: classSettled, Count: 6}}}}
	c.s.Inventory = []api.InventoryEntry{{Group: "apps", Version: "v1", Kind: "DaemonSet", Namespace: "ns", Name: "agent", UID: "old"}}
	return c
}

const theAgent = "DaemonSet ns/agent"

// spoil has a manager change a field of an object, or delete the object.
func (c *contest) spoil(object, field, manager string) {
	if c.wrong[object] == nil {
		c.wrong[object] = map[string]string{}
	}
	c.wrong[object][field] = manager
	c.o.Touched = true
	if field == "" {
		c.o.Missed = true
		c.o.Health = &Health{Missing: []string{object}}
	}
}

// until lets the gate work until some time after the beginning.
func (c *contest) until(end time.Duration) {
	c.t.Helper()
	for range 1000 {
		d := c.step()
		c.o.Recorded = nil
		c.lives()
		switch {
		case d.Compare:
			c.compare()
		case d.Correct:
			c.correct(d.CorrectOnly)
		case d.Wake.IsZero() || d.Wake.After(c.began.Add(end)):
			c.o.Now = c.began.Add(end)
			return
		default:
			c.o.Now = d.Wake
		}
	}
	c.t.Fatal("the gate does not come to rest")
}

// lives holds, at every step: while the DaemonSet is missing nobody is told that its nodes are settled.
func (c *contest) lives() {
	c.t.Helper()
	if _, missing := c.wrong[theAgent][""]; !missing {
		return
	}
	s := api.SyncStatus{GateStatus: c.s}
	summarize(&s, c.o.Now)
	ready := meta.FindStatusCondition(s.Conditions, conditionReady)
	f := c.s.InFlight
	if f.Nodes.Settled > 0 || s.Summary.Nodes == "6/6" || ready.Status == metav1.ConditionTrue ||
		strings.Contains(s.Summary.Message+f.Workloads[0].Headline+ready.Message, "successfully") {
		c.t.Fatalf("the DaemonSet is missing; the summary is %+v, the condition %+v, the workload %+v", s.Summary, ready, f.Workloads[0])
	}
	if f.State != api.Complete {
		c.t.Fatalf("the commit is %s", f.State)
	}
}

func (c *contest) compare() {
	c.o.Now = c.o.Now.Add(time.Millisecond)
	r := &Compared{Digest: "d1", At: c.o.Now, Fields: map[string][]pausedField{}}
	for _, object := range slices.Sorted(maps.Keys(c.wrong)) {
		for _, field := range slices.Sorted(maps.Keys(c.wrong[object])) {
			by := c.wrong[object][field]
			if len(r.Fields[object]) == 0 {
				r.Objects = append(r.Objects, api.DriftedObject{Object: object, Field: field, Manager: by})
			}
			r.Fields[object] = append(r.Fields[object], pausedField{object, field, by})
		}
	}
	c.o.Touched, c.o.Missed, c.o.Compared = false, false, r
}

func (c *contest) correct(objects []string) {
	c.o.Now = c.o.Now.Add(time.Millisecond)
	for _, object := range objects {
		_, missing := c.wrong[object][""]
		delete(c.wrong, object)
		c.corrections[object] = append(c.corrections[object], c.o.Now.Sub(c.began).Round(time.Second))
		if object == theAgent {
			c.o.Health = &Health{}
			e := c.s.Inventory[0]
			if missing {
				e.UID = types.UID(fmt.Sprint("new", len(c.corrections[object])))
			}
			c.o.Recorded = append(c.o.Recorded, Recorded{InventoryEntry: e, Generation: int64(len(c.corrections[object])), At: c.o.Now, Corrected: true})
		}
	}
	c.o.Corrected = &Corrected{Digest: "d1", At: c.o.Now, Objects: objects}
	c.o.Rollout = nil
}

// A fight over one field delays the correction of that field alone: another field, the same field of another object or by
// another manager, and an object that was deleted do not wait for it.
func TestAPauseBelongsToOneFieldAndOneManager(t *testing.T) {
	for name, other := range map[string][3]string{
		"another field":   {theAgent, "spec.template.b", "x"},
		"another manager": {theAgent, "spec.template.a", "y"},
		"another object":  {"ConfigMap ns/a", "data.a", "x"},
		"missing":         {theAgent, "", ""},
		"another missing": {"ConfigMap ns/a", "", ""},
	} {
		c := newContest(t)
		for i := range 4 {
			c.spoil(theAgent, "spec.template.a", "x")
			c.until([]time.Duration{time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute}[i])
		}
		c.spoil(theAgent, "spec.template.a", "x")
		c.until(5*time.Minute + 10*time.Second)
		before := len(c.corrections[theAgent])
		if other[0] == theAgent {
			c.wrong[theAgent] = nil // a deleted object has no fields
		}
		c.spoil(other[0], other[1], other[2])
		c.until(5*time.Minute + 20*time.Second)
		got := c.corrections[other[0]]
		if len(got) == 0 || other[0] == theAgent && len(got) == before || got[len(got)-1] > 5*time.Minute+15*time.Second {
			t.Errorf("%s: corrected at %v", name, got)
		}
		if other[0] != theAgent && len(c.corrections[theAgent]) != before {
			t.Errorf("%s: the fight was not left alone", name)
		}
	}
}

// Set image, rollout undo and a change of the strategy are three changes: the deletion after them is put right at once, and
// so is every further one, but not more often than every five seconds.
func TestWhatIsDeletedIsMadeAnewAtOnce(t *testing.T) {
	c := newContest(t)
	for i, field := range []string{"spec.template.image", "spec.template.image", "spec.updateStrategy"} {
		c.spoil(theAgent, field, fmt.Sprint("kubectl-", i))
		c.until(time.Duration(i+1) * 20 * time.Second)
	}
	c.spoil(theAgent, "", "")
	c.until(70 * time.Second)
	n := len(c.corrections[theAgent])
	if last := c.corrections[theAgent][n-1]; n != 4 || last > 61*time.Second {
		t.Fatalf("corrected at %v", c.corrections[theAgent])
	}
	for i := range 20 { // somebody who keeps deleting
		c.spoil(theAgent, "", "")
		c.until(70*time.Second + time.Duration(i)*time.Second)
	}
	c.until(100 * time.Second)
	got := c.corrections[theAgent][n:]
	if len(got) < 4 || len(got) > 6 {
		t.Errorf("made anew %d times in 20 seconds: %v", len(got), got)
	}
	for i := 1; i < len(got); i++ {
		if got[i]-got[i-1] < remakePause {
			t.Errorf("made anew at %s and at %s", got[i-1], got[i])
		}
	}
}

// A deletion right after a comparison does not wait for the pause between comparisons.
func TestADeletionIsLookedForAtOnce(t *testing.T) {
	c := newContest(t)
	c.spoil(theAgent, "spec.template.a", "x")
	c.until(time.Second)
	c.spoil(theAgent, "", "")
	if c.until(3 * time.Second); len(c.corrections[theAgent]) != 2 {
		t.Errorf("corrected at %v", c.corrections[theAgent])
	}
}

// What was corrected is looked at again: the counts are those of the pods that are there, Ready is not True until they have
// settled, and the commit stays Complete.
func TestACorrectionIsLookedAtAgain(t *testing.T) {
	c := newContest(t)
	c.spoil(theAgent, "", "")
	c.until(time.Second)
	f := c.s.InFlight
	if f.Correcting == nil || f.Workloads[0].UID != "new1" || c.s.Inventory[0].UID != "new1" || len(f.Correcting.Missing) > 0 {
		t.Fatalf("correcting %+v, workload %+v, inventory %+v", f.Correcting, f.Workloads[0], c.s.Inventory)
	}
	look := func(state api.CommitState, settled int) *api.SyncStatus {
		c.o.Rollout = &Rollout{Commit: "c1", Digest: "d1", State: state, Message: "waiting", Workloads: f.Workloads,
			Nodes: api.NodeCounts{Desired: 6, Updated: settled, Settled: settled}}
		c.o.Now = c.o.Now.Add(3 * time.Second)
		c.step()
		s := &api.SyncStatus{GateStatus: c.s}
		summarize(s, c.o.Now)
		return s
	}
	s := look(api.RollingOut, 2)
	ready := meta.FindStatusCondition(s.Conditions, conditionReady)
	if s.Summary.Nodes != "2/6" || s.Summary.State != api.Complete || ready.Status != metav1.ConditionFalse || ready.Reason != "Correcting" {
		t.Errorf("with two pods of six: %+v, %+v", s.Summary, ready)
	}
	s = look(api.Complete, 6)
	ready = meta.FindStatusCondition(s.Conditions, conditionReady)
	if s.Summary.Nodes != "6/6" || s.InFlight.Correcting != nil || ready.Status != metav1.ConditionTrue || s.Drift.Count != 0 {
		t.Errorf("with all of them: %+v, %+v, %+v", s.Summary, ready, s.InFlight.Correcting)
	}
}

// A DaemonSet that is missing while nothing may be corrected is said to be missing for as long as it is, and why it stays so.
func TestWhatIsMissingStaysMissing(t *testing.T) {
	c := newContest(t)
	c.gate.Correct = false
	c.spoil(theAgent, "", "")
	c.until(time.Hour)
	s := &api.SyncStatus{GateStatus: c.s}
	summarize(s, c.o.Now)
	ready := meta.FindStatusCondition(s.Conditions, conditionReady)
	if s.Summary.Nodes != "0/6" || ready.Status != metav1.ConditionFalse || ready.Reason != "Drifted" || !strings.Contains(ready.Message, "drift is Report") {
		t.Errorf("%+v, %+v", s.Summary, ready)
	}
	was := c.s.DeepCopy()
	c.o.Now = c.o.Now.Add(time.Hour)
	if c.step(); fmt.Sprint(was.InFlight.Correcting) != fmt.Sprint(c.s.InFlight.Correcting) {
		t.Errorf("the status changes although nothing does: %+v", c.s.InFlight.Correcting)
	}
}

// A decision to make an object anew is in the status before it is acted upon: the process that dies right after it compares
// first, lets no other commit take off meanwhile, and takes over what it finds.
func TestADeathInACorrectionIsLookedInto(t *testing.T) {
	c := newContest(t)
	c.spoil(theAgent, "", "")
	if d := c.step(); !d.Compare {
		t.Fatalf("decided %+v", d)
	}
	c.compare()
	if d := c.step(); !d.Correct || c.s.Drift.PendingAt == nil || c.s.InFlight.Workloads[0].UID != "" {
		t.Fatalf("decided %+v, remembers %+v of %+v", d, c.s.Drift, c.s.InFlight.Workloads)
	}
	c.gate.Correct = false // also if nothing would be corrected any more
	c.o = Observation{Now: c.o.Now.Add(time.Minute), History: &History{Head: "c2", Commits: []Commit{{Hash: "c2"}}}}
	if d := c.step(); !d.Compare || d.Prepare != "" {
		t.Fatalf("after the death it decides %+v", d)
	}
	c.wrong = nil
	c.compare()
	e := c.s.Inventory[0]
	e.UID = "new"
	c.o.Recorded = []Recorded{{InventoryEntry: e, Generation: 1, At: c.o.Now, Corrected: true}}
	d := c.step()
	if c.s.InFlight.Workloads[0].UID != "new" || c.s.Inventory[0].UID != "new" || c.s.Drift.PendingAt != nil || d.Prepare != "c2" {
		t.Errorf("it remembers %+v and %+v, drift %+v, and decides %+v", c.s.InFlight.Workloads, c.s.Inventory, c.s.Drift, d)
	}
}

// However many fields are fought over, the status names few of them, and the rest shares one pause.
func TestPausesAreBounded(t *testing.T) {
	c := newContest(t)
	long := strings.Repeat("x", 1000)
	for range 3 {
		for i := range 100 {
			c.spoil(fmt.Sprint("ConfigMap ns/", i), "data."+long, "x")
		}
		c.until(c.o.Now.Sub(c.began) + time.Minute)
	}
	if n := len(c.s.Drift.Pauses); n > maxPauses+1 || len(c.s.Drift.Pauses[0].Field) > maxField {
		t.Errorf("%d pauses, %+v", n, c.s.Drift.Pauses[0])
	}
	for object, at := range c.corrections {
		if len(at) > 3 {
			t.Errorf("%s was corrected at %v", object, at)
		}
	}
}

// Step modifies nothing that it is given.
func TestStepLeavesItsInputAlone(t *testing.T) {
	c := newContest(t)
	c.spoil(theAgent, "", "")
	c.compare()
	c.o.Recorded = []Recorded{{InventoryEntry: c.s.Inventory[0], Generation: 9, At: c.o.Now, Corrected: true}}
	before, found := c.s.DeepCopy(), slices.Clone(c.o.Compared.Objects)
	_, d := c.gate.Step(c.s, c.o)
	if !d.Correct || !equality.Semantic.DeepEqual(*before, c.s) || !slices.Equal(found, c.o.Compared.Objects) {
		t.Error("the state or the observation was modified")
	}
}
