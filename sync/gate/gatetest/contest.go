package gatetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/summary"
)

// Contest is a complete flight of one DaemonSet, and those who change or delete what it wrote.
type Contest struct {
	*Flight
	t *testing.T
	// Wrong are the fields that are not as asked, and "" for an object that is missing, by object, with who did it.
	Wrong map[string]map[string]string
	// Corrections are when each object was corrected, counted from the beginning.
	Corrections map[string][]time.Duration
	Began       time.Time
}

// NewContest is a contest about what a complete flight wrote.
func NewContest(t *testing.T) *Contest {
	c := &Contest{Flight: NewFlight(api.Complete), t: t, Wrong: map[string]map[string]string{},
		Corrections: map[string][]time.Duration{}}
	c.Began = c.Observation.Now
	f := c.State.InFlight
	f.Nodes = api.NodeCounts{Desired: 6, Updated: 6, Settled: 6}
	f.Workloads = []api.Workload{{Group: "apps", Kind: "DaemonSet", Namespace: "ns", Name: "agent", UID: "old",
		Generation: 1, HadNodes: true,
		Headline: `daemon set "agent" successfully rolled out`, Nodes: []api.NodeClass{{State: "Settled", Count: 6}}}}
	c.State.Inventory = []api.InventoryEntry{{Group: "apps", Version: "v1", Kind: "DaemonSet", Namespace: "ns",
		Name: "agent", UID: "old"}}
	return c
}

// TheAgent is the DaemonSet of a contest.
const TheAgent = "DaemonSet ns/agent"

// Spoil has a manager change a field of an object, or delete the object.
func (c *Contest) Spoil(object, field, manager string) {
	if c.Wrong[object] == nil {
		c.Wrong[object] = map[string]string{}
	}
	c.Wrong[object][field] = manager
	c.Observation.Touched = true
	if field == "" {
		c.Observation.Missed = true
		c.Observation.Health = &gate.Health{Missing: []string{object}}
	}
}

// Until lets the gate work until some time after the beginning.
func (c *Contest) Until(end time.Duration) {
	c.t.Helper()
	for range 1000 {
		d := c.Step()
		c.Observation.Recorded = nil
		c.lives()
		switch {
		case d.Compare:
			c.Compare()
		case d.Correct:
			c.correct(d.CorrectOnly)
		case d.Wake.IsZero() || d.Wake.After(c.Began.Add(end)):
			c.Observation.Now = c.Began.Add(end)
			return
		default:
			c.Observation.Now = d.Wake
		}
	}
	c.t.Fatal("the gate does not come to rest")
}

// lives holds, at every step: while the DaemonSet is missing nobody is told that its nodes are settled.
func (c *Contest) lives() {
	c.t.Helper()
	if _, missing := c.Wrong[TheAgent][""]; !missing {
		return
	}
	s := api.SyncStatus{GateStatus: c.State}
	summary.Write(&s, c.Observation.Now)
	ready := meta.FindStatusCondition(s.Conditions, api.ConditionReady)
	f := c.State.InFlight
	if f.Nodes.Settled > 0 || s.Summary.Nodes == "6/6" || ready.Status == metav1.ConditionTrue ||
		strings.Contains(s.Summary.Message+f.Workloads[0].Headline+ready.Message, "successfully") {
		c.t.Fatalf("the DaemonSet is missing; the summary is %+v, the condition %+v, the workload %+v", s.Summary,
			ready, f.Workloads[0])
	}
	if f.State != api.Complete {
		c.t.Fatalf("the commit is %s", f.State)
	}
}

// Compare finds what is not as asked.
func (c *Contest) Compare() {
	c.Observation.Now = c.Observation.Now.Add(time.Millisecond)
	r := &gate.Compared{Digest: "d1", At: c.Observation.Now, Fields: map[string][]gate.PausedField{}}
	for _, object := range slices.Sorted(maps.Keys(c.Wrong)) {
		for _, field := range slices.Sorted(maps.Keys(c.Wrong[object])) {
			by := c.Wrong[object][field]
			if len(r.Fields[object]) == 0 {
				r.Objects = append(r.Objects, api.DriftedObject{Object: object, Field: field, Manager: by})
			}
			r.Fields[object] = append(r.Fields[object], gate.PausedField{Object: object, Field: field, Manager: by})
		}
	}
	c.Observation.Touched, c.Observation.Missed, c.Observation.Compared = false, false, r
}

func (c *Contest) correct(objects []string) {
	c.Observation.Now = c.Observation.Now.Add(time.Millisecond)
	for _, object := range objects {
		_, missing := c.Wrong[object][""]
		delete(c.Wrong, object)
		c.Corrections[object] = append(c.Corrections[object], c.Observation.Now.Sub(c.Began).Round(time.Second))
		if object == TheAgent {
			c.Observation.Health = &gate.Health{}
			e := c.State.Inventory[0]
			if missing {
				e.UID = types.UID(fmt.Sprint("new", len(c.Corrections[object])))
			}
			c.Observation.Recorded = append(c.Observation.Recorded, gate.Recorded{InventoryEntry: e,
				Generation: int64(len(c.Corrections[object])), At: c.Observation.Now, Corrected: true})
		}
	}
	c.Observation.Corrected = &gate.Corrected{Digest: "d1", At: c.Observation.Now, Objects: objects}
	c.Observation.Rollout = nil
}
