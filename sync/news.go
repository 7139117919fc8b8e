package sync

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/pacing"
)

// Teller is told what happens, for a person to follow.
type Teller interface {
	// Tell must not block.
	Tell(s *api.Sync, n News)
}

// NewsKind is what happened.
type NewsKind string

// The kinds of news.
const (
	// NewsMoved: a commit came to a state, which Move has.
	NewsMoved NewsKind = "Moved"
	// NewsProgressed: the counts or the present causes of the flight changed.
	NewsProgressed NewsKind = "Progressed"
	// NewsPruned: Objects were deleted that a completed commit no longer asks for.
	NewsPruned NewsKind = "Pruned"
	// NewsBrake: the brake of a DaemonSet was pulled, for some nodes, or lifted.
	NewsBrake NewsKind = "Brake"
	// NewsHandedOver: a DaemonSet has given up nodes to another one.
	NewsHandedOver NewsKind = "HandedOver"
	// NewsWarning: what the author of a commit that is being applied, or of the Sync, should know.
	NewsWarning NewsKind = "Warning"
	// NewsDrifted and NewsCorrected: others changed objects of the set in flight; they were applied again.
	NewsDrifted   NewsKind = "Drifted"
	NewsCorrected NewsKind = "Corrected"
	// NewsUnhealthy and NewsRecovered: workloads of a completed commit are no longer well; all of them are again.
	NewsUnhealthy NewsKind = "Unhealthy"
	NewsRecovered NewsKind = "Recovered"
	// NewsLetGo: an object is another Sync's from now on.
	NewsLetGo NewsKind = "LetGo"
	// NewsDeleting: what becomes of what a Sync has written that is being deleted.
	NewsDeleting NewsKind = "Deleting"
	// NewsSuspended and NewsResumed: a person, by the Sync's spec or by the stop switch, has it stand still; or no
	// longer.
	NewsSuspended NewsKind = "Suspended"
	NewsResumed   NewsKind = "Resumed"
	// NewsStage: a paced rollout has reached a stage, waits for an approval, or was promoted, paused or let go on;
	// Stage says which.
	NewsStage NewsKind = "Stage"
	// NewsPanicked: a fault of Daemongate's ended something that was done for the Sync; it will be tried again.
	NewsPanicked NewsKind = "Panicked"
	// NewsTrouble: something could not be done and will be tried again.
	NewsTrouble NewsKind = "Trouble"
)

// News is one thing that happened to a Sync.
type News struct {
	Kind NewsKind
	// Commit that it is about; empty if it is about none.
	Commit string
	// Message says it.
	Message api.Message
	// Move is what the commit came to, of NewsMoved.
	Move *gate.Move
	// Objects are those that were deleted, of NewsPruned.
	Objects []string
	// Stage is what happened to a paced rollout, of NewsStage.
	Stage pacing.Event
}

func movedNews(m gate.Move) News {
	return News{Kind: NewsMoved, Commit: m.Commit, Message: m.Message, Move: &m}
}

// flightNews is about the commit in flight, if there is one. It is for those who may read the Sync.
func flightNews(s *api.Sync, kind NewsKind, text string) News {
	n := News{Kind: kind, Message: api.Message{Private: text}}
	if f := s.Status.InFlight; f != nil {
		n.Commit = f.Commit
	}
	return n
}

func troubleNews(err error) News {
	return News{Kind: NewsTrouble, Message: privately(err)}
}

// privately is an error for those who may read the Sync.
func privately(err error) api.Message { return api.Message{Private: api.TextOf(err)} }

// warn tells each warning.
func warn(to Teller, s *api.Sync, warnings []string) {
	for _, w := range warnings {
		to.Tell(s, flightNews(s, NewsWarning, w))
	}
}

func prunedNews(s *api.Sync, gone manifests.Inventory) News {
	n := flightNews(s, NewsPruned, "")
	n.Message.Private = fmt.Sprintf("deleted %s that commit %s no longer asks for",
		english.Count(len(gone), "object"), api.Short(n.Commit))
	for _, e := range gone {
		n.Objects = append(n.Objects, e.String())
	}
	return n
}

func brakeNews(s *api.Sync, o gate.BrakeOrder) News {
	text := fmt.Sprintf("lifted on DaemonSet %s/%s", o.Namespace, o.Name)
	if o.Pull {
		text = fmt.Sprintf("pulled on DaemonSet %s/%s: containers ended on %s, no further node is updated",
			o.Namespace, o.Name, tellingOf(s).of(o.Nodes))
	}
	return flightNews(s, NewsBrake, text)
}

// strategyNews says that a DaemonSet has another update strategy than Git asks for, or has that one back.
func strategyNews(s *api.Sync, o gate.BrakeOrder) News {
	n := flightNews(s, NewsStage, fmt.Sprintf("DaemonSet %s/%s has back the update strategy that Git asks for",
		o.Namespace, o.Name))
	if n.Stage = pacing.StrategyBack; o.Pull {
		n.Stage = pacing.StrategyTaken
		n.Message.Private = fmt.Sprintf("DaemonSet %s/%s has the update strategy OnDelete until all stages are done",
			o.Namespace, o.Name)
	}
	return n
}

func handoverNews(s *api.Sync, o gate.HandoverOrder) News {
	return flightNews(s, NewsHandedOver, fmt.Sprintf("DaemonSet %s/%s gives up %s to DaemonSet %s/%s",
		o.Namespace, o.Name, tellingOf(s).of(o.Nodes), o.ToNamespace, o.ToName))
}

// driftNews is what a person would want to hear of the difference between two states.
func driftNews(s *api.Sync, before, now *api.DriftStatus) []News {
	if before == nil {
		before = &api.DriftStatus{}
	}
	if now == nil {
		return nil
	}
	var news []News
	if now.Corrections > before.Corrections {
		if done := lacking(before.Objects, now.Objects, sameObject); len(done) > 0 {
			news = append(news, correctedNews(s, done))
		}
	}
	for _, o := range lacking(now.Objects, before.Objects, func(a, b api.DriftedObject) bool { return a == b }) {
		text := o.String()
		if o.Problem != "" {
			text += "; it cannot be corrected: " + o.Problem
		} else if words := gate.PauseWords(now, o); words != "" {
			text += "; " + words
		}
		news = append(news, flightNews(s, NewsDrifted, text))
	}
	return news
}

// stageNews says what happened to a paced rollout.
func stageNews(s *api.Sync, before *api.Flight) []News {
	var news []News
	suspended := meta.IsStatusConditionTrue(s.Status.Conditions, api.ConditionSuspended)
	for _, one := range pacing.NewsOf(s, before, s.Status.InFlight, suspended) {
		n := flightNews(s, NewsStage, one.Text)
		n.Stage = one.Event
		news = append(news, n)
	}
	return news
}

// suspensionNews says that a Sync stands still, or no longer does.
func suspensionNews(suspended bool, words string) News {
	n := News{Kind: NewsResumed, Message: api.Message{Private: words}}
	if suspended {
		n.Kind = NewsSuspended
	}
	return n
}

func correctedNews(s *api.Sync, objects []api.DriftedObject) News {
	var names []string
	for _, o := range objects {
		names = append(names, o.Object)
	}
	return flightNews(s, NewsCorrected, "applied again: "+strings.Join(names, "; "))
}

// healthNews says what of a completed commit's workloads is no longer well; without words, that all of it is again.
func healthNews(s *api.Sync, words string) News {
	if words == "" {
		return flightNews(s, NewsRecovered, "all that the commit wrote is well again")
	}
	return flightNews(s, NewsUnhealthy, words)
}
