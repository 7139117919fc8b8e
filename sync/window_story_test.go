package sync

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// clockwork is a Sync's loop with a clock that is played, and a cluster that takes every set and completes at once.
type clockwork struct {
	t     *testing.T
	loop  syncLoop
	state gate.State
	o     gate.Observation
	// started is when each commit began.
	started map[string]time.Time
	news    chan func()
	works   works
}

func newClockwork(t *testing.T, list ...api.Window) *clockwork {
	w := &clockwork{t: t, started: map[string]time.Time{}, news: make(chan func())}
	w.loop.sync = &api.Sync{Spec: api.SyncSpec{Windows: list}}
	w.loop.sync.Generation = 1
	go w.run()
	return w
}

// run has a turn whenever there is news, and when the gate asked to be woken.
func (w *clockwork) run() {
	timer := time.NewTimer(0)
	for {
		change := func() {}
		select {
		case news, more := <-w.news:
			if !more {
				return
			}
			change = news
		case <-timer.C:
		}
		w.works.Lock()
		change()
		if wake := w.turn(); !wake.IsZero() {
			timer.Reset(time.Until(wake))
		}
		w.works.Unlock()
	}
}

func (w *clockwork) turn() time.Time {
	g := gate.Gate{Order: api.OrderLatest, OnStuck: api.OnStuckRelease, Deadline: time.Minute}
	for {
		w.o.Now, w.o.Generation = time.Now(), 1
		w.loop.atTheGate(&w.o)
		w.loop.noteWindows(w.o)
		var d gate.Decision
		w.state, d = g.Step(w.state, w.o)
		switch f := w.state.InFlight; {
		case d.Prepare != "":
			w.o.Prepared = &gate.Prepared{Commit: d.Prepare, Generation: 1, Outcome: gate.Ready, Digest: "set of " +
				d.Prepare}
		case d.Apply != "":
			w.started[d.Apply] = time.Now()
			w.o.Written = &gate.Written{Commit: f.Commit, Digest: f.Digest, At: time.Now()}
			w.o.Rollout = &gate.Rollout{Commit: f.Commit, Digest: f.Digest, State: api.Complete}
		default:
			return d.Wake
		}
	}
}

// tell changes what there is to see, and waits until it has been seen.
func (w *clockwork) tell(change func()) {
	w.news <- change
	synctest.Wait()
}

func (w *clockwork) push(commit string) {
	w.tell(func() {
		w.o.History = &gate.History{Head: commit, After: w.state.Passed, Commits: []gate.Commit{{Hash: commit}}}
	})
}

func hash(digit string) string { return strings.Repeat(digit, 40) }

// A commit that is pushed in the afternoon starts at the opening, to the second, also in the night in which the clocks
// change; one that is pushed while the window is open starts at once; one pushed after its end waits for the next.
func TestCommitWaitsForTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(instant(t, "2026-03-28T15:00:00Z")))
		w := newClockwork(t, allow("0 0 * * *", "Europe/London", 3*time.Hour))
		defer close(w.news)
		w.push(hash("1"))
		if reason := w.state.Held.Reason; reason != "no window is open; the next opens Sun 2026-03-29 00:00 GMT" {
			t.Errorf("held: %q", reason)
		}
		if next := w.loop.sync.Status.NextWindow; next == nil || !next.Time.Equal(instant(t, "2026-03-29T00:00:00Z")) {
			t.Errorf("nextWindow %v", next)
		}
		w.works.sleep(10 * time.Hour)
		w.began(hash("1"), "2026-03-29T00:00:00Z")
		w.push(hash("2"))
		w.began(hash("2"), "2026-03-29T01:00:00Z")
		if next := w.loop.sync.Status.NextWindow; next != nil {
			t.Errorf("nextWindow %v while one is open", next)
		}
		w.works.sleep(2*time.Hour + time.Second)
		w.push(hash("3"))
		w.works.sleep(48 * time.Hour)
		w.began(hash("3"), "2026-03-29T23:00:00Z")
	})
}

func (w *clockwork) began(commit, at string) {
	w.t.Helper()
	synctest.Wait()
	if !w.started[commit].Equal(instant(w.t, at)) {
		w.t.Errorf("%s began at %s, want %s", api.Short(commit), w.started[commit].UTC().Format(time.RFC3339), at)
	}
}

// A person's word lets the commit that it names start at once, and is recorded; the next one waits again.
func TestOverrideLetsOneCommitStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(instant(t, "2026-03-28T15:00:00Z")))
		w := newClockwork(t, allow("0 0 * * *", "", 3*time.Hour))
		defer close(w.news)
		w.push(hash("1"))
		w.works.sleep(time.Hour)
		w.override(`{"commit":"` + hash("1") + `","by":"ada","at":"2026-03-28T16:00:00Z"}`)
		if len(w.started) > 0 || !strings.Contains(w.state.Held.Reason, "it gives no reason") {
			t.Errorf("an override without a reason: held %q", w.state.Held.Reason)
		}
		w.override(`{"commit":"` + hash("1") + `","reason":"it burns","by":"ada","at":"2026-03-28T16:00:00Z"}`)
		w.began(hash("1"), "2026-03-28T16:00:00Z")
		want := api.Override{Commit: hash("1"), Reason: "it burns", By: "ada",
			At: metav1.NewTime(instant(t, "2026-03-28T16:00:00Z"))}
		if r := w.state.History[0]; r.State != api.Complete || r.Override == nil ||
			fmt.Sprint(*r.Override) != fmt.Sprint(want) {
			t.Errorf("the history says %+v", r)
		}
		w.push(hash("2"))
		w.works.sleep(24 * time.Hour)
		w.began(hash("2"), "2026-03-29T00:00:00Z")
	})
}

// Who overrides a window says who that is; the field manager is what the API server has recorded, whatever they say.
func TestWhoOverridesIsNotBelieved(t *testing.T) {
	wrote := func(manager, annotation string, minute int) metav1.ManagedFieldsEntry {
		at := metav1.NewTime(time.Date(2026, 3, 28, 16, minute, 0, 0, time.UTC))
		return metav1.ManagedFieldsEntry{Manager: manager, Time: &at,
			FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{".":{},"f:` + annotation + `":{}}}}`)}
	}
	s := &api.Sync{}
	s.Annotations = map[string]string{overrideAnnotation: `{"commit":"` + hash("1") +
		`","reason":"it burns","by":"the boss","manager":"kube-apiserver"}`}
	for _, c := range []struct {
		entries []metav1.ManagedFieldsEntry
		want    string
	}{
		{nil, "started outside the windows; who asked says to be the boss: it burns"},
		{[]metav1.ManagedFieldsEntry{{Manager: "old"}, wrote("script", overrideAnnotation, 2), wrote("kubectl-annotate",
			overrideAnnotation, 1), wrote("daemongate", RequestAnnotation, 3)},
			"started outside the windows; who asked says to be the boss (field manager script): it burns"},
	} {
		s.ManagedFields = c.entries
		v, err := overrideOf(s)
		if err != nil || v.Text() != c.want {
			t.Errorf("got %v, %v, want %q", v, err, c.want)
		}
	}
	v := api.Override{Reason: "it burns"}
	if got, want := v.Text(), "started outside the windows; who asked does not say who that is: it burns"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func (w *clockwork) override(text string) {
	w.tell(func() { w.loop.sync.Annotations = map[string]string{overrideAnnotation: text} })
}

// Windows that cannot be read are not open, and the Sync says which field is wrong.
func TestUnreadableWindowsAreClosed(t *testing.T) {
	l := syncLoop{sync: &api.Sync{Spec: api.SyncSpec{Windows: []api.Window{allow("0 0 * * *", "Mars/Olympus",
		time.Hour)}}}}
	l.sync.Generation = 1
	o := gate.Observation{Now: time.Now()}
	l.atTheGate(&o)
	l.noteWindows(o)
	if !strings.Contains(string(o.Window.Closed), "spec.windows[0].timeZone") {
		t.Errorf("closed: %q", o.Window.Closed)
	}
	if c := l.sync.Status.Conditions; len(c) != 1 || c[0].Type != api.ConditionWindows ||
		c[0].Status != metav1.ConditionFalse {
		t.Errorf("conditions %+v", c)
	}
	l.sync.Spec.Windows, l.sync.Generation = nil, 2
	l.atTheGate(&o)
	l.noteWindows(o)
	if o.Window.Closed != "" || len(l.sync.Status.Conditions) > 0 {
		t.Errorf("without windows: %+v, %+v", o.Window, l.sync.Status.Conditions)
	}
}

// noteWindows writes down what the windows said, as the loop does with each status.
func (l *syncLoop) noteWindows(o gate.Observation) {
	l.openings.Note(&l.sync.Status, l.sync.Generation, len(l.sync.Spec.Windows), o.Now)
}
