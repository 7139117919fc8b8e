package view

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout/report"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/pacing"
)

// staged is a Sync whose commit is in a stage since noon.
func staged(st api.FlightStage) *api.Sync {
	s := rolling()
	s.Namespace, s.Name = "platform", "agents"
	s.Spec.Rollout.OnDelete = api.OnDeletePace
	s.Spec.Rollout.Pace = &api.Pace{Stages: []api.PaceStage{{Name: "canary", AtMost: 3, Approve: true}}}
	st.Since = metav1.NewMicroTime(noon)
	s.Status.InFlight.Stage = &st
	return s
}

// What a stage waits for, how far it is and who lets it go on is the first that a Sync is said to wait for; a picture that
// has the stage apart is not told of it twice.
func TestAStageIsSaidInASentence(t *testing.T) {
	until := metav1.NewMicroTime(noon.Add(30 * time.Minute))
	for want, st := range map[string]api.FlightStage{
		"stage 1 of 5 (canary), for 60s: 2 of 3 nodes settled; waits for its nodes": {Name: "canary", Index: 1, Of: 5, Nodes: 3,
			Settled: 2, WaitsFor: api.StageNodes},
		"stage 2 of 5 (zone/eu-1a), for 60s: 1 of 1 node settled; soaks, until 2026-11-29 12:30:00Z; 4 nodes of later stages already " +
			"on the commit, out of turn": {Name: "zone/eu-1a", Index: 2, Of: 5, Nodes: 1, Settled: 1, WaitsFor: api.StageSoak,
			Until: &until, Early: 4},
		"stage 1 of 5 (canary), for 60s: 3 of 3 nodes settled; a person must let it go on: `daemongate promote agents -n platform`": {Name: "canary",
			Index: 1, Of: 5, Nodes: 3, Settled: 3, WaitsFor: api.StageApproval, Message: "has soaked"},
		"stage 1 of 5 (canary), for 60s: 2 of 3 nodes settled, waiting for node-7": {Name: "canary", Index: 1, Of: 5, Nodes: 3,
			Settled: 2, WaitsFor: api.StageNodes, Message: "2 of 3 nodes settled, waiting for node-7"},
		"the nodes with the broken commit first, for 60s: 0 of 2 nodes settled": {Name: "fix", Of: 5, Nodes: 2},
	} {
		s := staged(st)
		now := noon.Add(time.Minute)
		if got := Waits(s, now); len(got) == 0 || got[0] != strings.ReplaceAll(want, "2026-11-29", noon.Format(time.DateOnly)) {
			t.Errorf("%q, not %q", got, want)
		}
		v := Of(Seen{Now: now, Sync: s})
		if v.Stage == nil || *v.Stage != *s.Status.InFlight.Stage || !v.Paced || strings.Contains(strings.Join(v.Waits, " "), "settled") {
			t.Errorf("%+v, waits for %q", v.Stage, v.Waits)
		}
		if promoted := v.Promotion != nil; promoted != (st.WaitsFor == api.StageApproval) {
			t.Errorf("%s: a promotion is offered: %v", st.WaitsFor, promoted)
		}
	}
}

// Whoever looks is told of a pause, by whom, and how it ends, whether or not anything rolls out; once.
func TestAPauseIsSaidWithItsEnd(t *testing.T) {
	s := staged(api.FlightStage{Name: "canary", Index: 1, Of: 2, Nodes: 3, WaitsFor: api.StagePaused})
	p := api.Pause{By: "ada", Reason: "latency rises", At: metav1.NewTime(noon)}
	text, _ := json.Marshal(p)
	s.Annotations = map[string]string{pacing.PauseAnnotation: string(text)}
	s.Status.InFlight.Stage.Message = pacing.PauseWords(&p)
	all := strings.Join(Waits(s, noon), "|")
	if strings.Count(all, "latency rises") != 1 || !strings.Contains(all, "`daemongate resume agents -n platform` lifts it") {
		t.Error(all)
	}
	s.Status.InFlight = nil
	if all = strings.Join(Waits(s, noon), "|"); !strings.Contains(all, "paused by ada") {
		t.Error(all)
	}
	if v := Of(Seen{Now: noon, Sync: s}); !strings.Contains(v.Paused, "latency rises") || v.Stage != nil ||
		!strings.Contains(strings.Join(v.Waits, "|"), "paused by ada") {
		t.Errorf("%+v", v)
	}
}

// What is not paced has nothing of it in any picture, and a commit that has settled is in no stage.
func TestWhatIsNotPacedHasNoStage(t *testing.T) {
	v := Of(Seen{Now: noon.Add(time.Minute), Sync: rolling(), Judged: []report.Judged{half()}})
	if text, err := json.Marshal(v); err != nil || strings.Contains(string(text), `"stage`) ||
		strings.Contains(string(text), `"pa`) {
		t.Errorf("%s %v", text, err)
	}
	s := staged(api.FlightStage{Name: "rest", Index: 5, Of: 5})
	s.Status.InFlight.State = api.Complete
	if v = Of(Seen{Now: noon, Sync: s}); v.Stage != nil || v.Promotion != nil {
		t.Errorf("%+v", v.Stage)
	}
}

// How long a paced rollout takes is up to soaks and people: no time is said to be left of it.
func TestNobodyEstimatesAPacedRollout(t *testing.T) {
	seen := Seen{Now: noon.Add(time.Minute), Sync: staged(api.FlightStage{Name: "canary", Index: 1, Of: 5}),
		Judged: []report.Judged{half()}}
	if v := Of(seen); v.Estimate != nil {
		t.Errorf("%+v", v.Estimate)
	}
}

// Which node is in which stage is worked out of what was seen, as the controller does it; one that has the commit before its
// stage is marked, and named.
func TestEachNodeHasItsStage(t *testing.T) {
	s := staged(api.FlightStage{Name: "canary", Index: 1, Of: 3, Nodes: 1, Settled: 1, WaitsFor: api.StageApproval})
	s.Spec.Rollout.Pace.Stages = []api.PaceStage{{Name: "canary", AtMost: 1}, {Name: "zone", Each: "topology.kubernetes.io/zone", Overlap: true}}
	d := half()
	d.Look.DaemonSet.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType
	for i, p := range d.Look.Pods {
		p.Spec.NodeName = []string{"node-0", "node-1", "node-2", "node-4"}[i]
	}
	v := Of(Seen{Now: noon.Add(time.Minute), Sync: s, Judged: []report.Judged{d}})
	var stages []string
	for _, n := range v.Nodes {
		stages = append(stages, fmt.Sprint(n.Name, " ", n.Stage, " ", n.Early))
	}
	if got := strings.Join(stages, "|"); got != "node-0 canary false|node-1 zone/z1 true|node-2 zone/z0 false|node-3 zone/z1 false|"+
		"node-4 zone/z0 false" {
		t.Error(got)
	}
	if got := fmt.Sprint(v.Stages); got != "[{canary 1 false} {zone/z0 2 true} {zone/z1 2 false}]" {
		t.Error(got)
	}
	if got := strings.Join(v.Notes, "|"); !strings.HasPrefix(got, "early, on the commit before their stage") ||
		!strings.HasSuffix(got, ": node-1") {
		t.Error(got)
	}
}
