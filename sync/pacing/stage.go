package pacing

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/pace"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// Recall is the stage of the flight as pace remembers it. Where somebody has changed the stages since, the rollout
// begins anew: what is done passes at once.
func Recall(s *api.Sync, plan *pace.Plan) pace.Progress {
	st := s.Status.InFlight.Stage
	if st == nil {
		return pace.Progress{}
	}
	p := pace.Progress{Name: st.Name, Index: int(st.Index), Since: st.Since.Time, Begun: st.Begun,
		Behind: st.Behind, Approved: st.Approved, Back: st.Back, Held: rollout.Code(st.Held)}
	if st.HeldSince != nil {
		p.HeldSince = st.HeldSince.Time
	}
	if st.Soaking != nil {
		p.Soaking = st.Soaking.Time
	}
	if isReplanned(st, *plan) {
		return p.Replanned()
	}
	return p
}

// isReplanned reports whether a stage was reached by another plan.
func isReplanned(st *api.FlightStage, plan pace.Plan) bool {
	return st.Plan != "" && st.Plan != plan.ID && st.Plan != plan.Before
}

// StageOf is an outcome as it stands in the status.
func StageOf(o pace.Outcome) *api.FlightStage {
	st := &api.FlightStage{Name: o.Name, Index: int32(o.Index), Of: int32(o.Of), Since: metav1.NewMicroTime(o.Since),
		Begun: o.Begun, Behind: o.Behind, Approved: o.Approved, Back: o.Back, Held: string(o.Held),
		WaitsFor: api.StageWait(o.Waits), Message: o.Message,
		Nodes: int32(o.Nodes), Settled: int32(o.Settled), Reached: int32(o.Reached), Early: int32(o.Early)}
	st.Until, st.HeldSince, st.Soaking = instant(o.Until), instant(o.HeldSince), instant(o.Soaking)
	return st
}

// instant is a time as it stands in the status: nil if there is none.
func instant(t time.Time) *metav1.MicroTime {
	if t.IsZero() {
		return nil
	}
	return &metav1.MicroTime{Time: t}
}

// MendsSince is since when a commit was stuck that a flight mends, zero if it mends none.
func MendsSince(f *api.Flight) (since time.Time) {
	if f.MendsSince != nil {
		since = f.MendsSince.Time
	}
	return since
}

// PacedBy is how the judge is told that the rollout of a workload is paced; nil if it is not. First is when this
// process looked at it first (see pace.Input).
func PacedBy(s *api.Sync, w api.Workload, first time.Time, deadline time.Duration) *rollout.Paced {
	if s.Spec.Rollout.OnDelete != api.OnDeletePace || !paces(s.Spec.Rollout.Pace, w) {
		return nil
	}
	p := &rollout.Paced{}
	if w.Paced != nil {
		p.Reached = int(w.Paced.Reached)
	}
	if f := s.Status.InFlight; f != nil && f.Stage != nil && f.Stage.MovingSince != nil && w.Paced != nil {
		p.Since, p.Moving = pace.Lasting(f.Stage.MovingSince.Time, first, deadline), w.Paced.Moving
	}
	return p
}

// Decide has a paced rollout go on, and notes in what a look came to which stage it is in, and which pods go. A rollout
// whose last stage is not done is not complete.
func Decide(r *gate.Rollout, in pace.Input, s *api.Sync) {
	o, was := pace.Decide(in), s.Status.InFlight.Stage
	switch {
	case o.Unknown:
		unknown(r, was, o.Message)
	case o.Name != "":
		r.Stage = StageOf(o)
		r.Stage.Plan, r.Stage.MovingSince = in.Plan.ID, movingSince(was, r.Stage, in)
		noteSets(r, o)
	}
	if r.Stage != nil && s.Spec.Report.CountsOnly() {
		r.Stage.Message = waits[r.Stage.WaitsFor]
	}
	strategies(r, o, in, s.Status.InFlight)
	for _, d := range o.Delete {
		r.Evictions = append(r.Evictions, gate.EvictionOrder{Namespace: d.Namespace, Name: d.Name, UID: string(d.UID),
			Node: d.Node, Unready: d.Unready})
	}
	if !o.Wake.IsZero() && (r.Wake.IsZero() || o.Wake.Before(r.Wake)) {
		r.Wake = o.Wake
	}
	if s.Status.InFlight.State == api.Complete && o.Waits == pace.ForStrategy {
		o.Done = true // somebody else's OnDelete is drift by then
	}
	if r.State == api.Complete && !o.Done {
		r.State = api.RollingOut
	}
	if r.State == api.RollingOut {
		r.Message = r.Message.And(Words(r.Stage))
	}
	stuck(r, o.Cause, s)
}

// unknown leaves a rollout in its stage of which nothing can be told now. Nobody is held to a deadline meanwhile.
func unknown(r *gate.Rollout, was *api.FlightStage, why string) {
	if was == nil {
		return
	}
	r.Stage = was.DeepCopy()
	r.Stage.Message, r.Stage.MovingSince = why, nil
}

// moves reports whether a stage goes on by itself, or should: it waits for its nodes.
func moves(st *api.FlightStage) bool {
	switch st.WaitsFor {
	case api.StageNodes, api.StageBudget, api.StageFailing:
		return true
	case api.StageSoak, api.StageApproval, api.StageWindow, api.StagePaused, api.StageAlerts, api.StageStrategy,
		api.StageRights, api.StageHold:
	}
	return false
}

// movingSince is since when a stage has waited for its nodes and for nothing else: the deadline counts from then.
func movingSince(was, now *api.FlightStage, in pace.Input) *metav1.MicroTime {
	switch {
	case !moves(now), now.Held == gate.CauseDisruptionBudget, now.Held == gate.CauseEvictionForbidden: // see pace.Cause
		return nil
	case was != nil && was.MovingSince != nil && was.Is(now) && !isReplanned(was, in.Plan):
		return instant(pace.Lasting(was.MovingSince.Time, in.First, in.Options.ProgressDeadline))
	}
	return &metav1.MicroTime{Time: in.Now}
}

// noteSets notes with each workload how far the rollout is with it.
func noteSets(r *gate.Rollout, o pace.Outcome) {
	for _, set := range o.Sets {
		for i := range r.Workloads {
			if w := &r.Workloads[i]; w.Kind == "DaemonSet" && w.Namespace == set.Namespace && w.Name == set.Name {
				w.Paced = &api.WorkloadPace{Reached: int32(set.Reached), Moving: set.Unsettled > 0}
			}
		}
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
	if st.WaitsFor == api.StageWindow && st.Until != nil {
		public += " that opens " + Clock(st.Until.Time)
	}
	return api.Message{Private: private, Public: api.Public(public)}
}

// waits are the words for what a stage waits for that everybody may be told.
var waits = map[api.StageWait]string{
	api.StageNodes:    "waits for its nodes",
	api.StageSoak:     "soaks",
	api.StageApproval: "waits for an approval",
	api.StageWindow:   "waits for a window",
	api.StageHold:     "is held in all clusters",
	api.StagePaused:   "is paused",
	api.StageFailing:  "stands still, because more nodes fail than may",
	api.StageBudget:   "waits for nodes without an available pod",
	api.StageRights:   "waits for the right to evict pods",
	api.StageAlerts:   "waits for alerts to end",
	api.StageStrategy: "is done: the update strategy is given back",
}
