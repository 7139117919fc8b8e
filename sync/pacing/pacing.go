// Package pacing is between the spec and the status of a Sync and package pace, which decides. It is pure.
package pacing

import (
	"encoding/json"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

const (
	// PromoteAnnotation on a Sync lets its paced rollout go on after a stage: gate.PromotionOf, and when.
	PromoteAnnotation = "daemongate.io/promote"
	// PauseAnnotation on a Sync has its paced rollout stand still: an api.Pause as JSON.
	PauseAnnotation = "daemongate.io/pause"
)

// PauseOf is a person's word that the rollouts of a Sync stand still, nil if none is given. One that cannot be read
// counts: whoever wrote it wanted nothing to go.
func PauseOf(s *api.Sync) *api.Pause {
	text := s.Annotations[PauseAnnotation]
	if text == "" {
		return nil
	}
	p := &api.Pause{}
	if err := json.Unmarshal([]byte(text), p); err != nil {
		return &api.Pause{Reason: "the annotation " + PauseAnnotation + " cannot be read, which is taken for a pause"}
	}
	return p
}

// PauseWords say that a rollout is paused: since when, by whom as they say themselves, and why.
func PauseWords(p *api.Pause) string {
	text := "paused"
	if p.By != "" {
		text += " by " + p.By
	}
	if !p.At.IsZero() {
		text += p.At.UTC().Format(" since 2006-01-02 15:04 UTC")
	}
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	return text
}

// AlertsGate is which alerts hold the rollouts of a Sync back, nil if none do.
func AlertsGate(s *api.Sync) *api.AlertsGate {
	if p := s.Spec.Rollout.Pace; p != nil && p.Gates != nil {
		return p.Gates.Alerts
	}
	return nil
}

// AsksAlerts reports whether a rollout may go on by what its alerts do now. While it waits for something else nobody
// need ask, and what was answered before is too old when that ends.
func AsksAlerts(s *api.Sync) bool {
	f := s.Status.InFlight
	if AlertsGate(s) == nil || f == nil || f.Unwritten() {
		return false
	}
	if f.State == api.Complete {
		return f.Correcting != nil // pods that somebody else's change has made are replaced, as those of a commit are
	}
	if f.Stage == nil {
		return true
	}
	switch f.Stage.WaitsFor {
	case api.StageApproval, api.StageWindow, api.StageHold, api.StagePaused, api.StageFailing, api.StageStrategy:
		return false
	case api.StageNodes, api.StageSoak, api.StageBudget, api.StageRights, api.StageAlerts:
	}
	return true
}

// Standstill is what holds a paced rollout back besides its nodes. The zero value holds nothing back.
type Standstill struct {
	// Paused says why no pod may go, and Closed why no stage may begin; Opens is when one may, zero if that is not
	// known.
	Paused, Closed string
	Opens          time.Time
	// Held says why no stage may begin whatever window is open: a person holds the commit in all clusters.
	Held string
	// Alerts say why nothing may go but a fix; Firing is set if it is known that they fire.
	Alerts string
	Firing bool
}

// StandstillOf is what holds the rollouts of a Sync back: a person, who paused or suspended them or holds the commit in
// all clusters, or the windows. A commit that a person let start outside the windows goes on outside them. What is gone
// back to is held by nobody.
func StandstillOf(s *api.Sync, o gate.Observation) Standstill {
	still := Standstill{Alerts: o.Alerts, Firing: o.Firing}
	switch p := PauseOf(s); {
	case o.StoppedForAll:
		still.Paused = "all Syncs are suspended"
	case o.Suspended:
		still.Paused = "the Sync is suspended"
	case p != nil:
		still.Paused = PauseWords(p)
	}
	f, over := s.Status.InFlight, s.Status.Overridden
	if over == nil || f == nil || over.Commit != f.Commit {
		still.Closed, still.Opens = string(o.Window.Closed), o.Window.Opens
	}
	if f != nil && f.RollbackOf == nil {
		still.Held = string(o.History.HeldEverywhere(f.Commit))
	}
	return still
}
