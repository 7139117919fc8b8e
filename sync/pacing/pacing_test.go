package pacing

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/pace"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// paced is a Sync whose commit is in the first of its stages.
func paced() *api.Sync {
	s := &api.Sync{}
	s.Spec.Rollout = api.Rollout{OnDelete: api.OnDeletePace, Pace: &api.Pace{Stages: []api.PaceStage{{Name: "canary"}}}}
	s.Status.InFlight = &api.Flight{Commit: "c1", Stage: &api.FlightStage{Name: "canary", Index: 1, Of: 2, Approved: true,
		Plan: digestOf(s.Spec.Rollout.Pace)}}
	return s
}

// A stage is held to the deadline only while it waits for its nodes, and from when it began to: what a window, a soak or
// a person took is not held against it.
func TestADeadlineCountsFromWhenAStageMoves(t *testing.T) {
	long := metav1.NewMicroTime(noon.Add(-10 * time.Hour))
	for _, s := range []struct {
		name     string
		was, now api.StageWait
		since    *metav1.MicroTime // of the stage before
		want     time.Time         // zero if it is held to none
	}{
		{"it goes on", api.StageNodes, api.StageBudget, &long, long.Time},
		{"some of it fails", api.StageNodes, api.StageFailing, &long, long.Time},
		{"a window opens", api.StageWindow, api.StageNodes, nil, noon},
		{"a canary restarts in its soak", api.StageSoak, api.StageNodes, nil, noon},
		{"it is resumed", api.StagePaused, api.StageNodes, nil, noon},
		{"it soaks", api.StageNodes, api.StageSoak, &long, time.Time{}},
		{"it is paused", api.StageNodes, api.StagePaused, &long, time.Time{}},
		{"a window closes", api.StageNodes, api.StageWindow, &long, time.Time{}},
		{"rights are missing", api.StageNodes, api.StageRights, &long, time.Time{}},
	} {
		was := &api.FlightStage{Name: "canary", Index: 1, WaitsFor: s.was, MovingSince: s.since}
		now := &api.FlightStage{Name: "canary", Index: 1, WaitsFor: s.now}
		got := movingSince(was, now, pace.Input{Now: noon})
		if (got == nil) != s.want.IsZero() || got != nil && !got.Time.Equal(s.want) {
			t.Errorf("%s: the deadline counts from %v, want %v", s.name, got, s.want)
		}
	}
	was := &api.FlightStage{Name: "canary", Index: 1, WaitsFor: api.StageNodes, MovingSince: &long}
	if got := movingSince(was, &api.FlightStage{Name: "rest", Index: 2, WaitsFor: api.StageNodes},
		pace.Input{Now: noon}); !got.Time.Equal(noon) {
		t.Errorf("of a new stage it counts from %v", got)
	}
	for _, s := range []struct{ first, want time.Time }{
		{noon, noon}, {long.Add(15 * time.Minute), long.Add(15 * time.Minute)}, {long.Add(14 * time.Minute), long.Time},
		{time.Time{}, long.Time}, {long.Add(-time.Hour), long.Time},
	} {
		in := pace.Input{Now: noon, First: s.first}
		in.Options.ProgressDeadline = 15 * time.Minute
		if got := movingSince(was, was, in); !got.Time.Equal(s.want) {
			t.Errorf("by a process that looked first at %s it counts from %v, want %s", s.first, got, s.want)
		}
	}
	held := &api.FlightStage{Name: "canary", Index: 1, WaitsFor: api.StageBudget, Held: string(rollout.DisruptionBudget)}
	if got := movingSince(was, held, pace.Input{Now: noon}); got != nil {
		t.Errorf("while a PodDisruptionBudget holds it back, it counts from %v", got)
	}
}

// Everybody is told of how many stages a rollout is in which, what that waits for, and until when a window is closed; and
// neither the stage's name nor what a person has said.
func TestWhatEverybodyIsToldOfAStage(t *testing.T) {
	at := &metav1.MicroTime{Time: noon}
	for _, c := range []struct {
		st           api.FlightStage
		says, public string
	}{
		{api.FlightStage{WaitsFor: api.StageWindow, Message: "no window is open; the next opens at noon", Until: at},
			"no window is open; the next opens at noon", "waits for a window that opens " + Clock(noon)},
		{api.FlightStage{WaitsFor: api.StageWindow, Message: "no window is open; none opens within a year"},
			"no window is open; none opens within a year", "waits for a window"},
		{api.FlightStage{WaitsFor: api.StageWindow, Until: at}, "waits for a window, until " + Clock(noon),
			"waits for a window that opens " + Clock(noon)},
		{api.FlightStage{WaitsFor: api.StageSoak, Message: "settled, soaking for 1h", Until: at},
			"settled, soaking for 1h, until " + Clock(noon), "soaks"},
		{api.FlightStage{WaitsFor: api.StagePaused, Message: "paused by ann: secret"}, "paused by ann: secret", "is paused"},
	} {
		st := c.st
		st.Name, st.Index, st.Of = "canary", 2, 5
		if says, public := Waiting(&st), Words(&st).Public; says != c.says || string(public) != "stage 2 of 5, "+c.public {
			t.Errorf("%+v: %q and %q", c.st, says, public)
		}
	}
}

// planIn is the plan of a Sync.
func planIn(t *testing.T, s *api.Sync) *pace.Plan {
	t.Helper()
	plan, err := PlanOf(s)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// Whoever changes the stages in the middle has the rollout go through the new ones from the first on; what else stands in
// pace may change, and nothing is forgotten by that. Nor by a newer version, which tells plans apart in another way. What
// is so of the commit and not of a stage stays in any case.
func TestWhatAChangeOfThePaceForgets(t *testing.T) { //nolint:gocyclo // one rule after the other
	held := metav1.NewMicroTime(noon.Add(-time.Minute))
	for name, c := range map[string]struct {
		change func(*api.Pace)
		anew   bool
	}{
		"nothing":           {func(*api.Pace) {}, false},
		"maxUnavailable":    {func(p *api.Pace) { p.MaxUnavailable = new(intstr.FromInt32(7)) }, false},
		"supersede":         {func(p *api.Pace) { p.Supersede = true }, false},
		"allowGap":          {func(p *api.Pace) { p.AllowGap = true }, false},
		"gates":             {func(p *api.Pace) { p.Gates = &api.PaceGates{Alerts: &api.AlertsGate{URL: "http://am"}} }, false},
		"another stage":     {func(p *api.Pace) { p.Stages = append(p.Stages, api.PaceStage{Name: "zone"}) }, true},
		"approve":           {func(p *api.Pace) { p.Stages[0].Approve = true }, true},
		"a stage's length":  {func(p *api.Pace) { p.Stages[0].AtMost = 2 }, true},
		"overlap of stages": {func(p *api.Pace) { p.Stages[0].Overlap = true }, true},
	} {
		s := paced()
		st := s.Status.InFlight.Stage
		st.Held, st.HeldSince, st.Soaking, st.MovingSince, st.Behind = "AlertsHold", &held, &held, &held, "before"
		c.change(s.Spec.Rollout.Pace)
		p, plan := Recall(s, planIn(t, s)), planIn(t, s)
		if forgot := p.Index != 1 || p.Name != "canary" || !p.Approved || p.Soaking.IsZero() || p.Behind == ""; forgot != c.anew {
			t.Errorf("%s: recalled %+v", name, p)
		}
		if p.Held != rollout.AlertsHold || !p.HeldSince.Equal(held.Time) {
			t.Errorf("%s: forgets the alerts: %+v", name, p)
		}
		now := &api.FlightStage{Name: "canary", Index: 1, WaitsFor: api.StageNodes}
		if since := movingSince(st, now, pace.Input{Now: noon, Plan: *plan}); since.Time.Equal(noon) != c.anew {
			t.Errorf("%s: the deadline counts from %v", name, since)
		}
		if c.anew && (p.Approved || p.Begun || !p.Soaking.IsZero() || p.Name != "") {
			t.Errorf("%s: remembers %+v", name, p)
		}
	}
	s := paced()
	s.Spec.Rollout.Pace.Supersede = true
	s.Status.InFlight.Stage.Plan = digestOf(withoutGates(s.Spec.Rollout.Pace))
	if p := Recall(s, planIn(t, s)); p.Name != "canary" {
		t.Errorf("of an earlier version: %+v", p)
	}
}

// While nothing can be told of a rollout it stays in its stage, nothing goes, and no deadline counts.
func TestWhatCannotBeToldChangesNoStage(t *testing.T) {
	s := paced()
	s.Status.InFlight.Stage.WaitsFor, s.Status.InFlight.Stage.Settled = api.StageSoak, 3
	r := &gate.Rollout{State: api.RollingOut}
	Decide(r, pace.Input{Now: noon, Plan: pace.Plan{}, Progress: Recall(s, planIn(t, s)), Workloads: []pace.Workload{{}}}, s)
	if st := r.Stage; st == nil || st.WaitsFor != api.StageSoak || st.Settled != 3 || !st.Approved || st.MovingSince != nil ||
		len(r.Evictions) > 0 {
		t.Errorf("the stage is %+v, and these go: %v", r.Stage, r.Evictions)
	}
}

// What cannot be paced is refused with what to do, but not what is gone back to.
func TestWhatCannotBePacedIsTold(t *testing.T) {
	strategy := func(kind appsv1.DaemonSetUpdateStrategyType, surge string) *appsv1.DaemonSet {
		d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "agent"}}
		d.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: kind}
		if surge != "" {
			d.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: new(intstr.Parse(surge))}
		}
		return d
	}
	for _, c := range []struct {
		set      *appsv1.DaemonSet
		allowGap bool
		says     string
	}{
		{strategy("", ""), false, ""},
		{strategy(appsv1.RollingUpdateDaemonSetStrategyType, ""), false, ""},
		{strategy(appsv1.RollingUpdateDaemonSetStrategyType, "10%"), false, "allowGap"},
		{strategy(appsv1.OnDeleteDaemonSetStrategyType, ""), false, ""},
		{strategy(appsv1.OnDeleteDaemonSetStrategyType, "0"), false, ""},
		{strategy(appsv1.OnDeleteDaemonSetStrategyType, "0%"), false, ""},
		{strategy(appsv1.OnDeleteDaemonSetStrategyType, "10%"), false, "allowGap"},
		{strategy(appsv1.OnDeleteDaemonSetStrategyType, "10"), true, ""},
	} {
		s := paced()
		s.Spec.Rollout.Pace.AllowGap = c.allowGap
		err := Refuses(s, "c1", []*appsv1.DaemonSet{c.set})
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v, allowGap %v: %v", c.set.Spec.UpdateStrategy, c.allowGap, err)
		}
		s.Status.LastComplete = "c0"
		if err := Refuses(s, "c0", []*appsv1.DaemonSet{c.set}); err != nil {
			t.Errorf("it is not gone back to: %v", err)
		}
	}
}

// A Sync that tells of no nodes has no stage that is called by one.
func TestNoStageIsCalledByANodeThatIsNotTold(t *testing.T) {
	s := paced()
	s.Spec.Rollout.Pace.Stages[0].Each = corev1.LabelHostname
	if _, err := PlanOf(s); err != nil {
		t.Errorf("where nodes are told: %v", err)
	}
	s.Spec.Report.InCluster = api.TellCounts
	if _, err := PlanOf(s); err == nil {
		t.Error("it would be called by a node")
	}
}

// What a person holds in all clusters stands still at its next stage, also where a person let it go on outside the
// windows; what is gone back to does not.
func TestWhatIsHeldInAllClustersStandsStill(t *testing.T) {
	for name, c := range map[string]struct {
		holds    map[string]api.Public
		rollback *api.StuckCommit
		want     string
	}{
		"nobody":     {},
		"this one":   {holds: map[string]api.Public{"c1": "held by ada"}, want: "held by ada"},
		"all":        {holds: map[string]api.Public{"": "held by bob"}, want: "held by bob"},
		"another":    {holds: map[string]api.Public{"c2": "held by ada"}},
		"a rollback": {holds: map[string]api.Public{"": "held by bob"}, rollback: &api.StuckCommit{}},
	} {
		s := &api.Sync{}
		s.Status.InFlight = &api.Flight{Commit: "c1", RollbackOf: c.rollback}
		s.Status.Overridden = &api.Override{Commit: "c1"}
		if got := StandstillOf(s, gate.Observation{History: &gate.History{Holds: c.holds}}); got.Held != c.want || got.Closed != "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := StandstillOf(&api.Sync{}, gate.Observation{}); got != (Standstill{}) {
		t.Errorf("before anything is known: %+v", got)
	}
}
