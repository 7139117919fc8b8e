package pacing

import (
	"fmt"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
)

// Event is what happened to a paced rollout.
type Event string

// What can happen to one.
const (
	// Reached: it has come to a stage.
	Reached Event = "StageReached"
	// ApprovalWaited: a stage has soaked, and waits for a person.
	ApprovalWaited Event = "ApprovalWaited"
	// WindowWaited: no window is open in which the next stage may begin.
	WindowWaited Event = "WindowWaited"
	// HoldWaited: a person holds the commit in all clusters, and the next stage does not begin.
	HoldWaited Event = "HoldWaited"
	// Promoted: a person lets it go on after a stage.
	Promoted Event = "Promoted"
	// Paused and Unpaused: a person has it stand still; or no longer.
	Paused   Event = "Paused"
	Unpaused Event = "Unpaused"
	// StrategyTaken: a DaemonSet has OnDelete instead of the update strategy that Git asks for; StrategyBack: it has
	// that one again.
	StrategyTaken Event = "StrategyTaken"
	StrategyBack  Event = "StrategyBack"
)

// News is one thing that happened to a paced rollout, in words for those who may read the Sync.
type News struct {
	Event Event
	Text  string
}

// NewsOf says what a person would want to hear of the difference between two states of a flight. That the whole Sync is
// suspended is told as such, and no news of the rollout's.
func NewsOf(s *api.Sync, before, now *api.Flight, suspended bool) []News {
	if now == nil || now.Stage == nil || now.State.Settled() && now.State != api.Stuck {
		return nil
	}
	was, is := &api.FlightStage{Index: -1}, now.Stage
	if before != nil && before.Commit == now.Commit && before.Stage != nil {
		was = before.Stage
	}
	news := onItsWay(s, was, is)
	if !suspended {
		news = append(news, ofPauses(s, was, is)...)
	}
	return news
}

// onItsWay is that it has reached a stage, waits for a person, or has been let go on.
func onItsWay(s *api.Sync, was, is *api.FlightStage) (news []News) {
	same := was.Is(is)
	switch {
	case !same:
		news = append(news, News{Reached, fmt.Sprintf("%s is reached, with %s", Name(is),
			english.Count(int(is.Nodes), "node"))})
	case is.Approved && !was.Approved:
		news = append(news, News{Promoted, fmt.Sprintf("it goes on after %s, by a person's word", Name(is))})
	}
	if same && was.WaitsFor == is.WaitsFor {
		return news
	}
	switch is.WaitsFor {
	case api.StageApproval:
		news = append(news, News{ApprovalWaited, fmt.Sprintf("%s waits for a person: daemongate promote %s lets it go "+
			"on", Name(is), s.OnCommandLine())})
	case api.StageWindow:
		news = append(news, News{WindowWaited, fmt.Sprintf("%s waits for a window: %s", Name(is), Waiting(is))})
	case api.StageHold:
		news = append(news, News{HoldWaited, fmt.Sprintf("%s does not begin: %s", Name(is), Waiting(is))})
	case api.StageNodes, api.StageSoak, api.StagePaused, api.StageFailing, api.StageBudget, api.StageRights,
		api.StageAlerts, api.StageStrategy: // of rights that are missing there is an Event already
	}
	return news
}

// ofPauses is that it stands still by a person's word, or no longer.
func ofPauses(s *api.Sync, was, is *api.FlightStage) []News {
	switch paused, were := is.WaitsFor == api.StagePaused, was.WaitsFor == api.StagePaused; {
	case paused && !were:
		return []News{{Paused, fmt.Sprintf("%s: %s; daemongate resume %s lets it go on", Name(is), Waiting(is),
			s.OnCommandLine())}}
	case were && !paused:
		return []News{{Unpaused, fmt.Sprintf("%s is paused no more: %s", Name(is), Waiting(is))}}
	}
	return nil
}

// Restated reports whether a commit that was rolling out already is only told of anew, for its stage. By is the one in
// flight, which it may follow.
func Restated(before *api.Flight, commit, by string, state api.CommitState) bool {
	return before != nil && before.State == api.RollingOut && state == api.RollingOut &&
		(before.Commit == commit || before.Commit == by)
}
