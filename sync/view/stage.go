package view

import (
	"fmt"
	"time"

	"github.com/daemongate/daemongate/rollout/pace"
	"github.com/daemongate/daemongate/rollout/words"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/pacing"
)

// Pace is how far a paced rollout is.
type Pace struct {
	// Stage is the one that a paced commit is in, and Promotion what of it waits for an approval.
	Stage     *api.FlightStage `json:"stage,omitempty"`
	Promotion *Promotion       `json:"promotion,omitempty"`
	// Stages are all of them in their order, where the nodes were looked at.
	Stages []Part `json:"stages,omitempty"`
	// Paced says that rollouts of the Sync go by stages, and Paused why they stand still by a person's word.
	Paced  bool   `json:"paced,omitempty"`
	Paused string `json:"paused,omitempty"`
}

// stage says how far a paced Sync is.
func (v *View) stage(s *api.Sync) {
	v.Paced, v.Stage = s.Spec.Rollout.Pace != nil, stageOf(&s.Status)
	if p, why := PromotionOf(s); why == "" {
		v.Promotion = &p
	}
	if p := pacing.PauseOf(s); p != nil {
		v.Paused = pacing.PauseWords(p)
	}
}

// stageOf is the stage that the commit in flight is in; nil if it is not paced, or has settled.
func stageOf(s *api.SyncStatus) *api.FlightStage {
	f := s.InFlight
	if f == nil || f.State.Settled() && f.State != api.Stuck {
		return nil
	}
	return f.Stage
}

// stageWaits are what a paced Sync waits for: its stage, and a person who has paused it, which its stage may say, too.
func stageWaits(s *api.Sync, now time.Time) []string {
	paused, st := pauseWaits(s), stageOf(&s.Status)
	if st == nil {
		return paused
	}
	told := *st
	if len(paused) > 0 && st.WaitsFor == api.StagePaused {
		told.Message, told.WaitsFor = paused[0], ""
		paused = nil
	}
	if st.WaitsFor == api.StageApproval {
		told.Message = fmt.Sprintf("a person must let it go on: `daemongate promote %s`", s.OnCommandLine())
	}
	return append([]string{pacing.Said(&told, now)}, paused...)
}

// pauseWaits says that a person has paused the rollouts of a Sync.
func pauseWaits(s *api.Sync) []string {
	p := pacing.PauseOf(s)
	if p == nil {
		return nil
	}
	return []string{fmt.Sprintf("%s; `daemongate resume %s` lifts it", pacing.PauseWords(p), s.OnCommandLine())}
}

// Part is one of the stages of a paced rollout, with how many nodes are in it.
type Part struct {
	Name  string `json:"name"`
	Nodes int    `json:"nodes"`
	// Overlap is set if the next one begins while its last nodes settle.
	Overlap bool `json:"overlap,omitempty"`
}

// parts says which stages there are and which node is in which, as far as the nodes were looked at.
func (v *View) parts(s Seen) {
	plan, err := pacing.PlanOf(s.Sync)
	if plan == nil || err != nil || v.Stage == nil {
		return
	}
	in := pace.Input{Now: s.Now, Plan: *plan, Progress: pacing.Recall(s.Sync, plan)}
	for i := range s.Judged {
		d := &s.Judged[i]
		if d.Look.DaemonSet != nil && d.Judgement.Object == "" {
			in.Workloads = append(in.Workloads, pace.Workload{Target: d.Target, Look: d.Look, Judgement: d.Judgement})
		}
	}
	if len(in.Workloads) == 0 {
		return
	}
	stage, early := map[string]string{}, map[string]bool{}
	for _, p := range pace.Parts(in) {
		v.Stages = append(v.Stages, Part{p.Name, len(p.Nodes), p.Overlap})
		for _, name := range p.Nodes {
			stage[name] = p.Name
		}
		for _, name := range p.Early {
			early[name] = true
		}
	}
	for i := range v.Nodes {
		n := &v.Nodes[i]
		n.Stage, n.Early = stage[n.Name], early[n.Name]
	}
}

// earlyNote names the nodes that have the commit before their stage; nil if none has.
func earlyNote(nodes []Node) []string {
	var names []string
	for i := range nodes {
		if nodes[i].Early {
			names = append(names, nodes[i].Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{"early, on the commit before their stage, because they joined or lost their old pod: " +
		words.FoldSome(names)}
}

// Promotion is what a person's approval would be about: a stage that has soaked and waits for it.
type Promotion struct {
	Commit string `json:"commit"`
	Stage  string `json:"stage"`
	Index  int32  `json:"index"`
}

// PromotionOf is what waits for an approval. Where nothing does, why says what there is instead.
func PromotionOf(s *api.Sync) (p Promotion, why string) {
	f := s.Status.InFlight
	switch {
	case s.Spec.Rollout.Pace == nil:
		return p, "its rollouts are not paced (spec.rollout.pace), so no stage waits for an approval"
	case f == nil:
		return p, "no commit is in flight, so no stage waits for an approval"
	case stageOf(&s.Status) == nil && f.State.Settled():
		return p, fmt.Sprintf("%s is %s: no stage of it waits for an approval", api.Short(f.Commit), f.State)
	case f.Stage == nil:
		return p, fmt.Sprintf("%s has not reached a stage yet", api.Short(f.Commit))
	case f.Stage.Approved:
		return p, fmt.Sprintf("%s of %s is approved already, and the next one begins by itself", pacing.Name(f.Stage),
			api.Short(f.Commit))
	case f.Stage.WaitsFor == api.StageApproval:
		return Promotion{f.Commit, pacing.Name(f.Stage), f.Stage.Index}, ""
	}
	return p, fmt.Sprintf("%s of %s does not wait for an approval%s", pacing.Name(f.Stage), api.Short(f.Commit),
		insteadOf(f.Stage))
}

// insteadOf is what a stage does that waits for no approval.
func insteadOf(st *api.FlightStage) string {
	switch st.WaitsFor {
	case api.StageNodes:
		return fmt.Sprintf(" yet: it still rolls out, %d of %s settled", st.Settled,
			english.Count(int(st.Nodes), "node"))
	case api.StageSoak:
		if st.Until == nil {
			return " yet: it still soaks"
		}
		return " yet: it still soaks, until " + pacing.Clock(st.Until.Time)
	}
	if waits := pacing.Waiting(st); waits != "" {
		return " yet: " + waits
	}
	return ""
}
