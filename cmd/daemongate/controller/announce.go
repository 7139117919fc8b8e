package controller

import (
	"cmp"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"

	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/gate"

	corev1 "k8s.io/api/core/v1"
)

// announcer tells by Events on the Sync.
type announcer struct{ events record.EventRecorder }

// newAnnouncer begins to record Events, until stop is called.
func newAnnouncer(core corev1client.EventsGetter) (a *announcer, stop func(), err error) {
	scheme := runtime.NewScheme()
	if err := api.AddToScheme(scheme); err != nil {
		return nil, nil, err
	}
	broadcaster := record.NewBroadcaster(record.WithCorrelatorOptions(record.CorrelatorOptions{SpamKeyFunc: spamKey}))
	broadcaster.StartRecordingToSink(&corev1client.EventSinkImpl{Interface: core.Events("")})
	recorder := broadcaster.NewRecorder(scheme, corev1.EventSource{Component: "daemongate"})
	return &announcer{recorder}, broadcaster.Shutdown, nil
}

// spamKey is what may be told only so often: each reason for itself, so that hundreds of carried commits do not keep a
// stuck one from being told.
func spamKey(e *corev1.Event) string {
	return e.InvolvedObject.Namespace + "/" + e.InvolvedObject.Name + " " + e.Reason
}

// maxEvent is how many bytes of a message an Event has.
const maxEvent = 900

// event records one line.
func (a *announcer) event(s *api.Sync, kind, reason, text string) {
	a.events.Event(s, kind, reason, english.Clip(strings.Join(strings.Fields(text), " "), maxEvent))
}

// Tell records what people may want to look up later.
func (a *announcer) Tell(s *api.Sync, n sync.News) {
	text := n.Message.Private
	switch n.Kind {
	case sync.NewsProgressed: // is told by the status alone
	case sync.NewsMoved:
		a.moved(s, n.Move)
	case sync.NewsPruned, sync.NewsHandedOver, sync.NewsLetGo, sync.NewsCorrected, sync.NewsRecovered,
		sync.NewsSuspended, sync.NewsResumed:
		a.event(s, corev1.EventTypeNormal, string(n.Kind), text)
	case sync.NewsStage:
		a.event(s, corev1.EventTypeNormal, string(n.Stage), aboutCommit(n.Commit, text))
	case sync.NewsWarning:
		reason := "SpecWarning"
		if n.Commit != "" {
			reason, text = "CommitWarning", aboutCommit(n.Commit, text)
		}
		a.event(s, corev1.EventTypeWarning, reason, text)
	case sync.NewsUnhealthy:
		a.event(s, corev1.EventTypeWarning, string(n.Kind), text+"; see daemongate explain "+s.OnCommandLine())
	default:
		a.event(s, corev1.EventTypeWarning, string(n.Kind), text)
	}
}

func aboutCommit(commit, text string) string {
	return english.Join("commit "+api.Short(commit), ": ", text)
}

// moved records that a commit came to a state; of one that follows another, when that one has settled. Of one that
// changes nothing the status tells, which waits: a push to many Syncs would be an Event of each.
func (a *announcer) moved(s *api.Sync, m *gate.Move) {
	if v := m.Override; v != nil {
		a.event(s, corev1.EventTypeWarning, "WindowOverridden", aboutCommit(m.Commit, v.Text()))
	}
	if m.Relapsed || m.Recovered {
		a.relapsed(s, m)
		return
	}
	kind := corev1.EventTypeNormal
	switch m.State {
	case api.Stuck, api.Failed, api.Dropped:
		kind = corev1.EventTypeWarning
	}
	if m.State == api.Unchanged || m.By != "" && !m.Outcome.Settled() {
		return
	}
	text := cmp.Or(m.Message.Private, m.Subject)
	if m.By != "" {
		text = fmt.Sprintf("with %s, which is %s", api.Short(m.By), m.Outcome)
	}
	a.event(s, kind, string(m.State), aboutCommit(m.Commit, text))
}

// relapsed records that the agents of a complete commit keep ending, or that they no longer do. Those who follow the
// commit are told of by the status alone.
func (a *announcer) relapsed(s *api.Sync, m *gate.Move) {
	switch {
	case m.By != "":
	case m.Recovered:
		a.event(s, corev1.EventTypeNormal, "Recovered", fmt.Sprintf("commit %s is well again after its relapse",
			api.Short(m.Commit)))
	default:
		a.event(s, corev1.EventTypeWarning, "Relapsed", fmt.Sprintf("commit %s %s; see daemongate explain %s",
			api.Short(m.Commit), m.Message.Private, s.OnCommandLine()))
	}
}

// tellers tells several.
type tellers []sync.Teller

// Tell tells all.
func (t tellers) Tell(s *api.Sync, n sync.News) {
	for _, one := range t {
		one.Tell(s, n)
	}
}
