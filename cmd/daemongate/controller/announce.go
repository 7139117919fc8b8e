package controller

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"

	"github.com/daemongate/daemongate/english"
	"github.com/daemongate/daemongate/manifests"
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
	return &announcer{broadcaster.NewRecorder(scheme, corev1.EventSource{Component: "daemongate"})}, broadcaster.Shutdown, nil
}

// Moved records that a commit came to a state. What every commit passes through is told by the status alone.
func (a *announcer) Moved(s *api.Sync, m gate.Move) {
	if v := m.Override; v != nil {
		a.events.Event(s, corev1.EventTypeWarning, "WindowOverridden", fmt.Sprintf("commit %s: %s", api.Short(m.Commit), v.Text()))
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
	a.events.Event(s, kind, string(m.State), fmt.Sprintf("commit %s: %s", api.Short(m.Commit), cmp.Or(m.Message.Private, m.Subject)))
}

// relapsed records that the agents of a complete commit keep ending, or that they no longer do. Those who follow the commit
// are told of by the status alone.
func (a *announcer) relapsed(s *api.Sync, m gate.Move) {
	switch {
	case m.By != "":
	case m.Recovered:
		a.events.Event(s, corev1.EventTypeNormal, "Recovered", fmt.Sprintf("commit %s is well again after its relapse", api.Short(m.Commit)))
	default:
		a.events.Event(s, corev1.EventTypeWarning, "Relapsed", fmt.Sprintf("commit %s %s; see daemongate explain %s", api.Short(m.Commit), m.Message.Private, s.Name))
	}
}

// Progressed is told by the status alone.
func (a *announcer) Progressed(*api.Sync) {}

// Pruned records what was deleted.
func (a *announcer) Pruned(s *api.Sync, gone manifests.Inventory) {
	a.events.Event(s, corev1.EventTypeNormal, "Pruned", fmt.Sprintf("deleted %s that commit %s no longer asks for",
		english.Count(len(gone), "object"), api.Short(s.Status.InFlight.Commit)))
}

// Braked records that a brake was pulled or lifted.
func (a *announcer) Braked(s *api.Sync, o gate.BrakeOrder) {
	a.events.Event(s, corev1.EventTypeWarning, "Brake", brakeText(o))
}

// HandedOver records that nodes were given up to another DaemonSet.
func (a *announcer) HandedOver(s *api.Sync, o gate.HandoverOrder) {
	a.events.Event(s, corev1.EventTypeNormal, "HandedOver", handoverText(o))
}

// Warned records what whoever wrote the commit should know.
func (a *announcer) Warned(s *api.Sync, warnings []string) {
	about := ""
	if s.Status.InFlight != nil {
		about = fmt.Sprintf("commit %s: ", api.Short(s.Status.InFlight.Commit))
	}
	for _, w := range warnings {
		a.events.Event(s, corev1.EventTypeWarning, "Warning", about+w)
	}
}

// Drifted records what others changed, and what was done about it.
func (a *announcer) Drifted(s *api.Sync, n sync.DriftNews) {
	if n.Corrected {
		a.events.Event(s, corev1.EventTypeNormal, "Corrected", n.String())
		return
	}
	a.events.Event(s, corev1.EventTypeWarning, "Drifted", n.String())
}

// Ailed records what broke after its commit was complete, and that it is well again.
func (a *announcer) Ailed(s *api.Sync, words string) {
	if words == "" {
		a.events.Event(s, corev1.EventTypeNormal, "Recovered", "all that the commit wrote is well again")
		return
	}
	a.events.Event(s, corev1.EventTypeWarning, "Unhealthy", words+"; see daemongate explain "+s.Name)
}

// Trouble records what will be tried again.
func (a *announcer) Trouble(s *api.Sync, err error) {
	a.events.Event(s, corev1.EventTypeWarning, "Trouble", err.Error())
}

// tellers tells several.
type tellers []sync.Teller

// Moved tells all.
func (t tellers) Moved(s *api.Sync, m gate.Move) {
	for _, one := range t {
		one.Moved(s, m)
	}
}

// Progressed tells all.
func (t tellers) Progressed(s *api.Sync) {
	for _, one := range t {
		one.Progressed(s)
	}
}

// Pruned tells all.
func (t tellers) Pruned(s *api.Sync, gone manifests.Inventory) {
	for _, one := range t {
		one.Pruned(s, gone)
	}
}

// Braked tells all.
func (t tellers) Braked(s *api.Sync, o gate.BrakeOrder) {
	for _, one := range t {
		one.Braked(s, o)
	}
}

// HandedOver tells all.
func (t tellers) HandedOver(s *api.Sync, o gate.HandoverOrder) {
	for _, one := range t {
		one.HandedOver(s, o)
	}
}

// Warned tells all.
func (t tellers) Warned(s *api.Sync, warnings []string) {
	for _, one := range t {
		one.Warned(s, warnings)
	}
}

// Drifted tells all.
func (t tellers) Drifted(s *api.Sync, n sync.DriftNews) {
	for _, one := range t {
		one.Drifted(s, n)
	}
}

// Ailed tells all.
func (t tellers) Ailed(s *api.Sync, words string) {
	for _, one := range t {
		one.Ailed(s, words)
	}
}

// Trouble tells all.
func (t tellers) Trouble(s *api.Sync, err error) {
	for _, one := range t {
		one.Trouble(s, err)
	}
}
