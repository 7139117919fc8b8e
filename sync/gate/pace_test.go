package gate

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// pacedRollout is a gate with the commit c1 in flight, in a stage of a paced rollout, and c2 that waits.
type pacedRollout struct {
	gate  Gate
	state State
	seen  Observation
}

func newPaced(waitsFor api.StageWait) *pacedRollout {
	stage := &api.FlightStage{Name: "canary", Index: 1, Of: 3, WaitsFor: waitsFor}
	p := &pacedRollout{gate: Gate{Order: api.OrderLatest}}
	p.state = State{Head: "c1", Passed: "c1", PassedGeneration: 1, InFlight: &api.Flight{Commit: "c1", Generation: 1,
		Digest: "d1", State: api.RollingOut, Stage: stage,
		Followers: []api.Follower{{Commit: "c0", State: api.Unchanged}}}}
	p.seen = Observation{Now: time.Unix(100, 0), Generation: 1, History: &History{Head: "c2", After: "c1",
		Commits: []Commit{{Hash: "c2"}}}}
	p.look(stage)
	return p
}

// look has the next turn see the flight in a stage, of which a pod may go.
func (p *pacedRollout) look(stage *api.FlightStage) {
	p.seen.Rollout = &Rollout{Commit: "c1", Digest: "d1", State: api.RollingOut, Stage: stage.DeepCopy(),
		Evictions: []EvictionOrder{{Namespace: "ns", Name: "agent-a", UID: "u1", Node: "a"}}}
}

func (p *pacedRollout) step() (d Decision) {
	p.state, d = p.gate.Step(p.state, p.seen)
	return d
}

// A person's promotion is for one commit and one stage, and is spent once it was heard.
func TestAPromotionIsOfOneStage(t *testing.T) {
	for word, heard := range map[string]bool{
		"": false, "c1": false, "c1 2 now": false, "c2 1 now": false, "c1 11 now": false, "c1 1 now": true, "c1 1": true,
	} {
		p := newPaced(api.StageApproval)
		p.seen.Promoted = word
		if p.step(); p.state.InFlight.Stage.Approved != heard || heard && p.state.Promoted != word {
			t.Errorf("%q: the stage is %+v, and %q is spent", word, p.state.InFlight.Stage, p.state.Promoted)
		}
	}
	p := newPaced(api.StageApproval)
	p.seen.Promoted = PromotionOf("c1", 1) + " now"
	p.step()
	next := &api.FlightStage{Name: "rest", Index: 1, Of: 2, WaitsFor: api.StageApproval} // as after an edit of the spec
	p.look(next)
	if p.step(); p.state.InFlight.Stage.Approved {
		t.Error("a promotion that was heard is heard again")
	}
}

// The look that a promotion meets was made without it: it takes nothing back, and what it would let go waits for the
// next one.
func TestAPromotionOutlivesTheLookThatMissedIt(t *testing.T) {
	p := newPaced(api.StageApproval)
	p.seen.Promoted = PromotionOf("c1", 1) + " now"
	d := p.step()
	if st := p.state.InFlight.Stage; !st.Approved || len(d.Evictions) > 0 || d.Wake.IsZero() {
		t.Fatalf("the stage is %+v, and the decision %+v", st, d)
	}
	p.look(&api.FlightStage{Name: "rest", Index: 2, Of: 3, WaitsFor: api.StageNodes})
	if d = p.step(); p.state.InFlight.Stage.Index != 2 || len(d.Evictions) != 1 {
		t.Errorf("the stage is then %+v, and the decision %+v", p.state.InFlight.Stage, d)
	}
}

// A promotion was for the stages as they were: one of another plan, of the same name and place, is gone into without it,
// and the flight goes on.
func TestAPromotionEndsWithItsPlan(t *testing.T) {
	p := newPaced(api.StageAlerts)
	st := p.state.InFlight.Stage
	st.Plan, st.Approved = "old", true
	p.look(&api.FlightStage{Name: st.Name, Index: st.Index, Of: st.Of, Plan: "new", WaitsFor: api.StageNodes})
	d := p.step()
	if is := p.state.InFlight.Stage; is.Plan != "new" || is.Approved || len(d.Evictions) != 1 {
		t.Errorf("the stage is %+v, and the decision %+v", is, d)
	}
}

// A commit whose stage waits for a window is told of anew when another one is to open, and not with each look.
func TestAnotherWindowIsTold(t *testing.T) {
	waits := func(until time.Time) *api.FlightStage {
		return &api.FlightStage{Name: "canary", Index: 1, Of: 3, WaitsFor: api.StageWindow,
			Until: &metav1.MicroTime{Time: until}}
	}
	p := newPaced(api.StageNodes)
	for i, c := range []struct {
		until time.Time
		told  bool
	}{{time.Unix(1000, 0), true}, {time.Unix(1000, 0), false}, {time.Unix(2000, 0), true}, {time.Unix(2000, 0), false}} {
		p.look(waits(c.until))
		d := p.step()
		if told := slices.ContainsFunc(d.Moves, func(m Move) bool { return m.Commit == "c1" }); told != c.told {
			t.Errorf("%d: told %+v", i, d.Moves)
		}
	}
}

// No pod goes while the Sync, or all Syncs, are suspended.
func TestNoPodGoesWhileSuspended(t *testing.T) {
	for name, suspend := range map[string]func(*Observation){
		"the Sync": func(o *Observation) { o.Suspended = true },
		"all":      func(o *Observation) { o.StoppedForAll = true },
		"nobody":   func(*Observation) {},
	} {
		p := newPaced(api.StageNodes)
		suspend(&p.seen)
		if d := p.step(); len(d.Evictions) > 0 != (name == "nobody") {
			t.Errorf("with %s suspended these pods go: %v", name, d.Evictions)
		}
	}
}

// With supersede a newer commit takes over while the one in flight waits for its soak, an approval or a window, and
// carries it and those that followed it; without, and while nodes are being updated, it waits.
func TestANewerCommitSupersedesOneThatWaits(t *testing.T) {
	for _, waitsFor := range []api.StageWait{api.StageNodes, api.StageSoak, api.StageApproval, api.StageWindow,
		api.StagePaused, api.StageFailing, api.StageBudget} {
		for _, supersede := range []bool{true, false} {
			p := newPaced(waitsFor)
			p.gate.Supersede = supersede
			p.seen.Prepared = &Prepared{Commit: "c2", Generation: 1, Outcome: Ready, Digest: "d2"}
			p.step()
			want := supersede && slices.Contains([]api.StageWait{api.StageSoak, api.StageApproval, api.StageWindow,
				api.StageFailing}, waitsFor)
			f := p.state.InFlight
			if took := f.Commit == "c2"; took != want {
				t.Errorf("supersede %v, waiting for %s: %s is in flight", supersede, waitsFor, f.Commit)
			}
			carried := []api.Follower{{Commit: "c0", State: api.Carried}, {Commit: "c1", State: api.Carried}}
			if want && !slices.Equal(f.Followers, carried) {
				t.Errorf("waiting for %s: it carries %v", waitsFor, f.Followers)
			}
		}
	}
}

// A newer commit takes over from one that a person holds in all clusters, and mends it, but not where all are held.
func TestANewerCommitTakesOverFromOneThatIsHeld(t *testing.T) {
	since := metav1.NewMicroTime(time.Unix(50, 0))
	for _, c := range []struct {
		waitsFor api.StageWait
		hold     string
		takes    bool
	}{
		{api.StageHold, "c1", true},
		{api.StageApproval, "c1", true},
		{api.StageNodes, "c1", false},
		{api.StagePaused, "c1", false},
		{api.StageHold, "", false},
		{api.StageApproval, "c9", false},
	} {
		p := newPaced(c.waitsFor)
		p.state.InFlight.Since = since
		p.seen.History.Holds = map[string]api.Public{c.hold: "held by ada"}
		p.seen.Prepared = &Prepared{Commit: "c2", Generation: 1, Outcome: Ready, Digest: "d2"}
		p.step()
		if f := p.state.InFlight; (f.Commit == "c2") != c.takes || c.takes && !f.MendsSince.Equal(&since) {
			t.Errorf("waiting for %s, with a hold of %q: %+v", c.waitsFor, c.hold, f)
		}
	}
}

// A commit is told of anew when it enters a stage, or waits for something else, and not at every look.
func TestAStageIsToldOfOnce(t *testing.T) {
	p := newPaced(api.StageNodes)
	for _, s := range []struct {
		stage api.FlightStage
		told  bool
	}{
		{api.FlightStage{Name: "canary", Index: 1, WaitsFor: api.StageNodes, Settled: 1}, false},
		{api.FlightStage{Name: "canary", Index: 1, WaitsFor: api.StageSoak}, true},
		{api.FlightStage{Name: "canary", Index: 1, WaitsFor: api.StageSoak, Message: "10 s are left"}, false},
		{api.FlightStage{Name: "rest", Index: 2, WaitsFor: api.StageNodes}, true},
	} {
		p.look(&s.stage)
		told := slices.ContainsFunc(p.step().Moves, func(m Move) bool { return m.Commit == "c1" })
		if told != s.told {
			t.Errorf("%+v: told is %v", s.stage, told)
		}
	}
}

// However often a commit is told of for its stages, it has been rolling out since it began to.
func TestStagesLeaveTheTimeOfARollout(t *testing.T) {
	p := newPaced(api.StageNodes)
	p.state.History = remember(nil, Move{Commit: "c1", State: api.RollingOut, At: time.Unix(10, 0)})
	p.look(&api.FlightStage{Name: "rest", Index: 2, Of: 3, WaitsFor: api.StageNodes})
	p.step()
	for _, r := range p.state.History {
		if r.Commit == "c1" && !r.Since.Time.Equal(time.Unix(10, 0)) {
			t.Errorf("it rolls out since %v", r.Since)
		}
	}
}
