package controller

import (
	"cmp"
	"fmt"
	"strings"
	gosync "sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"

	"github.com/daemongate/daemongate/sync"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/panics"

	corev1 "k8s.io/api/core/v1"
)

// announcer tells by Events on the Sync. That a commit is Applying it tells only if that lasts: else the next state
// says it, too, and a push to many Syncs would be one more write for each.
type announcer struct {
	events record.EventRecorder
	// lasting is how long a commit is Applying until that is told; it is told at once if 0.
	lasting time.Duration

	mu gosync.Mutex
	// applying are what is not told yet, by the Syncs' keys.
	applying map[string]*untold
}

// untold is that a commit is Applying.
type untold struct {
	of     *api.Sync // without its spec and status
	move   gate.Move
	lasted *time.Timer
}

// lastingApply is how long a commit is Applying until an Event tells of it.
const lastingApply = 5 * time.Second

// newAnnouncer begins to record Events, until stop is called.
func newAnnouncer(core corev1client.EventsGetter) (a *announcer, stop func(), err error) {
	scheme := runtime.NewScheme()
	if err := api.AddToScheme(scheme); err != nil {
		return nil, nil, err
	}
	broadcaster := record.NewBroadcaster(record.WithCorrelatorOptions(record.CorrelatorOptions{SpamKeyFunc: spamKey}))
	broadcaster.StartRecordingToSink(&corev1client.EventSinkImpl{Interface: core.Events("")})
	recorder := broadcaster.NewRecorder(scheme, corev1.EventSource{Component: "daemongate"})
	return &announcer{events: recorder, lasting: lastingApply}, broadcaster.Shutdown, nil
}

// spamKey is what may be told only so often: each reason for itself, so that hundreds of carried commits do not keep a
// stuck one from being told.
func spamKey(e *corev1.Event) string {
	return e.InvolvedObject.Namespace + "/" + e.InvolvedObject.Name + " " + e.Reason
}

// maxEvent is how many bytes of a message an Event has.
const maxEvent = 900

// event records one line. What is older and untold comes first.
func (a *announcer) event(s *api.Sync, kind, reason, text string) {
	if u := a.take(s, nil); u != nil {
		a.record(u.of, corev1.EventTypeNormal, string(u.move.State), movedText(&u.move, ""))
	}
	a.record(s, kind, reason, text)
}

func (a *announcer) record(s *api.Sync, kind, reason, text string) {
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
	if m.State == api.Applying && a.lasting > 0 {
		a.keep(s, m)
		return
	}
	a.event(s, kind, string(m.State), movedText(m, a.untoldSubject(s, m)))
}

// movedText says that a commit came to a state, and the subject that an earlier state would have told.
func movedText(m *gate.Move, subject string) string {
	text := cmp.Or(m.Message.Private, m.Subject)
	if m.By != "" {
		text = fmt.Sprintf("with %s, which is %s", api.Short(m.By), m.Outcome)
	}
	if subject != text {
		text = english.Join(subject, ": ", text)
	}
	return aboutCommit(m.Commit, text)
}

// keep has it told in a while that a commit is Applying, unless it comes to the next state before.
func (a *announcer) keep(s *api.Sync, m *gate.Move) {
	u := &untold{of: &api.Sync{TypeMeta: s.TypeMeta, ObjectMeta: *s.ObjectMeta.DeepCopy()}, move: *m}
	if before := a.take(s, nil); before != nil && before.move.Commit != m.Commit {
		a.record(before.of, corev1.EventTypeNormal, string(before.move.State), movedText(&before.move, ""))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.applying == nil {
		a.applying = map[string]*untold{}
	}
	a.applying[s.Namespace+"/"+s.Name] = u
	u.lasted = time.AfterFunc(a.lasting, func() {
		_ = panics.Catch("telling that a commit is Applying", func() { // which is told by the status, too
			if a.take(u.of, u) != nil {
				a.record(u.of, corev1.EventTypeNormal, string(u.move.State), movedText(&u.move, ""))
			}
		})
	})
}

// take returns what is not told yet of a Sync, which the caller tells; nil if that is not what is wanted. Nil wants
// whatever it is.
func (a *announcer) take(s *api.Sync, wanted *untold) *untold {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := s.Namespace + "/" + s.Name
	u := a.applying[key]
	if u == nil || wanted != nil && u != wanted {
		return nil
	}
	u.lasted.Stop()
	delete(a.applying, key)
	return u
}

// untoldSubject is the subject of a commit of which nothing was told yet. That it was Applying is not told any more if
// its next state says so.
func (a *announcer) untoldSubject(s *api.Sync, m *gate.Move) string {
	a.mu.Lock()
	u := a.applying[s.Namespace+"/"+s.Name]
	a.mu.Unlock()
	if u == nil || m.By != "" || u.move.Commit != m.Commit || m.State != api.RollingOut && m.State != api.Complete {
		return ""
	}
	a.take(s, u)
	return u.move.Subject
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
