package controller

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"

	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
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
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&corev1client.EventSinkImpl{Interface: core.Events("")})
	recorder := broadcaster.NewRecorder(scheme, corev1.EventSource{Component: "daemongate"})
	return &announcer{recorder}, broadcaster.Shutdown, nil
}

// Tell records what people may want to look up later.
func (a *announcer) Tell(s *api.Sync, n sync.News) {
	text := n.Message.Private
	switch n.Kind {
	case sync.NewsProgressed: // is told by the status alone
	case sync.NewsMoved:
		a.moved(s, n.Move)
	case sync.NewsPruned, sync.NewsHandedOver, sync.NewsLetGo, sync.NewsCorrected, sync.NewsRecovered:
		a.events.Event(s, corev1.EventTypeNormal, string(n.Kind), text)
	case sync.NewsWarning:
		if n.Commit != "" {
			text = fmt.Sprintf("commit %s: %s", api.Short(n.Commit), text)
		}
		a.events.Event(s, corev1.EventTypeWarning, string(n.Kind), text)
	case sync.NewsUnhealthy:
		a.events.Event(s, corev1.EventTypeWarning, string(n.Kind), text+"; see daemongate explain "+s.Name)
	default:
		a.events.Event(s, corev1.EventTypeWarning, string(n.Kind), text)
	}
}

// moved records that a commit came to a state. What every commit passes through is told by the status alone.
func (a *announcer) moved(s *api.Sync, m *gate.Move) {
	if v := m.Override; v != nil {
		a.events.Eventf(s, corev1.EventTypeWarning, "WindowOverridden", "commit %s: %s", api.Short(m.Commit), v.Text())
	}
	if m.Relapsed || m.Recovered {
		a.relapsed(s, m)
		return
	}
	kind := corev1.EventTypeNormal
	switch m.State {
	case api.Stuck, api.Failed, api.Dropped:
		kind = corev1.EventTypeWarning
	case api.Complete, api.Applying:
	default:
		return
	}
	text := cmp.Or(m.Message.Private, m.Subject)
	a.events.Eventf(s, kind, string(m.State), "commit %s: %s", api.Short(m.Commit), text)
}

// relapsed records that the agents of a complete commit keep ending, or that they no longer do. Those who follow the
// commit are told of by the status alone.
func (a *announcer) relapsed(s *api.Sync, m *gate.Move) {
	switch {
	case m.By != "":
	case m.Recovered:
		a.events.Eventf(s, corev1.EventTypeNormal, "Recovered", "commit %s is well again after its relapse",
			api.Short(m.Commit))
	default:
		a.events.Eventf(s, corev1.EventTypeWarning, "Relapsed", "commit %s %s; see daemongate explain %s",
			api.Short(m.Commit), m.Message.Private, s.Name)
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
