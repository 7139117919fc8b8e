package pacing

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/pace"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// Recall is the stage of a flight as pace remembers it.
func Recall(st *api.FlightStage) pace.Progress {
	if st == nil {
		return pace.Progress{}
	}
	return pace.Progress{Name: st.Name, Index: int(st.Index), Since: st.Since.Time, Begun: st.Begun,
		Approved: st.Approved}
}

// MendsSince is since when a commit was stuck that a flight mends, zero if it mends none.
func MendsSince(f *api.Flight) (since time.Time) {
	if f.MendsSince != nil {
		since = f.MendsSince.Time
	}
	return since
}

// StageOf is an outcome as it stands in the status.
func StageOf(o pace.Outcome) *api.FlightStage {
	st := &api.FlightStage{Name: o.Name, Index: int32(o.Index), Of: int32(o.Of), Since: metav1.NewMicroTime(o.Since),
		Begun: o.Begun, Approved: o.Approved, WaitsFor: api.StageWait(o.Waits), Message: o.Message,
		Nodes: int32(o.Nodes), Settled: int32(o.Settled), Reached: int32(o.Reached), Early: int32(o.Early)}
	if !o.Until.IsZero() {
		until := metav1.NewMicroTime(o.Until)
		st.Until = &until
	}
	return st
}

// PacedBy is how the judge is told that a rollout is paced; nil if it is not.
func PacedBy(s *api.Sync) *rollout.Paced {
	if s.Spec.Rollout.Pace == nil || s.Spec.Rollout.OnDelete != api.OnDeletePace {
		return nil
	}
	p := &rollout.Paced{}
	if f := s.Status.InFlight; f != nil && f.Stage != nil {
		st := f.Stage
		p.Reached, p.Since = int(st.Reached), st.Since.Time
		p.Moving = st.WaitsFor == api.StageNodes || st.WaitsFor == api.StageBudget
	}
	return p
}

// Decide has a paced rollout go on, and notes in what a look came to which stage it is in, and which pods go. A rollout
// whose last stage is not done is not complete. With countsOnly nothing is told that may name a node or a pod.
func Decide(r *gate.Rollout, in pace.Input, countsOnly bool) {
	o := pace.Decide(in)
	if o.Name != "" { // else nothing is known of it yet
		r.Stage = StageOf(o)
	}
	if r.Stage != nil && countsOnly {
		r.Stage.Message = waits[r.Stage.WaitsFor]
	}
	for _, d := range o.Delete {
		r.Evictions = append(r.Evictions, gate.EvictionOrder{Namespace: d.Namespace, Name: d.Name, UID: string(d.UID),
			Node: d.Node, Unready: d.Unready})
	}
	if !o.Wake.IsZero() && (r.Wake.IsZero() || o.Wake.Before(r.Wake)) {
		r.Wake = o.Wake
	}
	if r.State == api.Complete && !o.Done {
		r.State = api.RollingOut
	}
	if r.State == api.RollingOut {
		r.Message = r.Message.And(Words(r.Stage))
	}
}

// Words say which stage a rollout is in and what it waits for. Everybody is told how many stages there are; their names
// and the words of whoever paused are for those who may read the Sync.
func Words(st *api.FlightStage) api.Message {
	if st == nil {
		return api.Message{}
	}
	private, public := Name(st), place(st)
	if st.Message != "" {
		private += ": " + st.Message
	}
	if st.WaitsFor != "" {
		public += ", " + waits[st.WaitsFor]
	}
	return api.Message{Private: private, Public: api.Public(public)}
}

// waits are the words for what a stage waits for that everybody may be told.
var waits = map[api.StageWait]string{
	api.StageNodes:    "waits for its nodes",
	api.StageSoak:     "soaks",
	api.StageApproval: "waits for an approval",
	api.StageWindow:   "waits for a window",
	api.StagePaused:   "is paused",
	api.StageFailing:  "stands still, because more nodes fail than may",
	api.StageBudget:   "waits for nodes without an available pod",
}
