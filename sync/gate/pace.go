package gate

import (
	"fmt"
	"strings"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// PromotionOf is the word that lets a paced rollout go on after a stage; what tells it from another one follows it.
func PromotionOf(commit string, index int32) string { return fmt.Sprintf("%s %d", commit, index) }

// promote takes in a person's word that the flight may go on after its stage. It is spent once it was heard; one for
// another commit or stage means nothing. Suspended or not, it is no write.
func (t *turn) promote(f *api.Flight) {
	said, st := t.o.Promoted, f.Stage
	if said == "" || said == t.s.Promoted || st == nil || f.State.Settled() && f.State != api.Stuck {
		return
	}
	if word := PromotionOf(f.Commit, st.Index); said != word && !strings.HasPrefix(said, word+" ") {
		return
	}
	t.s.Promoted, st.Approved = said, true
	t.wake(t.o.Now.Add(time.Millisecond)) // the next look goes on from there
}

// staged takes in which stage a paced flight is in, and what it lets go next. Pods go by our hand alone, so none does
// while the Sync is suspended, and none before a look has shown what a promotion changes. One that was for a stage of
// another plan changes nothing.
func (t *turn) staged(f *api.Flight, r *Rollout) {
	if f.Unwritten() { // stages of a part of the set would be others
		return
	}
	was := f.Stage
	defer func() { t.newStage = stageNews(was, f.Stage) }()
	if was == nil || r.Stage == nil || !was.Is(r.Stage) || was.Approved == r.Stage.Approved ||
		was.Plan != r.Stage.Plan {
		f.Stage = r.Stage.DeepCopy()
		if t.suspended() == "" {
			t.d.Evictions = r.Evictions
		}
	}
}

// superseded are the commits that a newer one carries which takes over from a flight: that of the flight, and those
// that followed it.
func superseded(f *api.Flight) []api.Follower {
	var list []api.Follower
	for _, old := range f.Followers {
		list = append(list, api.Follower{Commit: old.Commit, State: api.Carried})
	}
	return append(list, api.Follower{Commit: f.Commit, State: api.Carried})
}

// isHeld reports whether a person holds the commit of a flight in all clusters, that one and not all.
func (t *turn) isHeld(f *api.Flight) bool {
	return f.RollbackOf == nil && t.o.History != nil && t.o.History.Holds[f.Commit] != ""
}

// stageNews reports whether a flight is told of anew for its stage: it entered another, or waits for something else
// than its nodes. That it waits for those, that some of them fail, or that alerts fire, comes and goes.
func stageNews(was, now *api.FlightStage) bool {
	if was == nil || now == nil {
		return false
	}
	switch now.WaitsFor {
	case api.StageWindow: // also when the windows are others by now
		return !was.Is(now) || was.WaitsFor != now.WaitsFor || !was.Until.Equal(now.Until)
	case api.StageSoak, api.StageApproval, api.StagePaused, api.StageRights, api.StageHold:
		return !was.Is(now) || was.WaitsFor != now.WaitsFor
	case api.StageNodes, api.StageFailing, api.StageBudget, api.StageAlerts, api.StageStrategy:
	}
	return !was.Is(now)
}

// supersedes reports whether a newer commit may take over from the flight: it waits, and not for its nodes, or fails.
// One that a person holds in all clusters stands in the way of none, which may be its fix.
func (t *turn) supersedes(f *api.Flight) bool {
	st := f.Stage
	if (t.gate.Supersede || t.isHeld(f)) && st != nil && f.State == api.RollingOut && f.RollbackOf == nil {
		switch st.WaitsFor {
		case api.StageSoak, api.StageApproval, api.StageWindow, api.StageFailing, api.StageAlerts,
			api.StageRights, api.StageHold:
			return true
		case api.StageNodes, api.StagePaused, api.StageBudget, api.StageStrategy:
		}
	}
	return false
}
