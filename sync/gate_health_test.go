package sync

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Law 6: what breaks after Complete is a condition once it lasts, and changes no commit's state; it goes when all is well again
// and when another commit takes off.
func TestWhatBreaksAfterCompleteIsACondition(t *testing.T) {
	began := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	d := newDriftStory(api.Complete)
	look := func(after time.Duration, objects ...string) string {
		d.o.Now, d.o.Health = began.Add(after), &Health{}
		for _, o := range objects {
			d.o.Health.Ailing = append(d.o.Health.Ailing, api.AilingObject{Object: o, Message: "2 of 3 nodes have no available pod"})
		}
		if next := d.step(); len(objects) > 0 && after < ailsAfter && !next.Wake.Equal(began.Add(ailsAfter)) {
			t.Errorf("after %s it sleeps until %s", after, next.Wake)
		}
		status := api.SyncStatus{GateStatus: d.s}
		summarize(&status, d.o.Now)
		if status.Summary.State != api.Complete || d.s.InFlight.State != api.Complete {
			t.Errorf("after %s the commit is %s", after, status.Summary.State)
		}
		if c := meta.FindStatusCondition(status.Conditions, conditionHealthy); c != nil {
			return string(c.Status) + " " + c.Message
		}
		return ""
	}
	if got := look(0, "DaemonSet ns/a"); got != "" {
		t.Errorf("at once it says %q", got)
	}
	if got := look(59*time.Second, "DaemonSet ns/a"); got != "" {
		t.Errorf("before a minute it says %q", got)
	}
	if got := look(time.Minute, "DaemonSet ns/a", "DaemonSet ns/b"); got != "False DaemonSet ns/a: 2 of 3 nodes have no available pod (and 1 more)" {
		t.Errorf("after a minute it says %q", got)
	}
	d.o.Health = nil // a restart
	if d.step(); d.s.Ailing == nil || !d.s.Ailing.Lasts {
		t.Errorf("while nothing is known it says %+v", d.s.Ailing)
	}
	if look(2 * time.Minute); d.s.Ailing != nil {
		t.Errorf("well again it still says %+v", d.s.Ailing)
	}
}

// Each object has its own minute, one that cannot be seen stays as it was, and a prune that waits makes no difference.
func TestEachObjectAilsForItself(t *testing.T) {
	began := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	d := newDriftStory(api.Complete)
	d.s.InFlight.Pruned, d.gate.Prune = false, true
	look := func(after time.Duration, unseen map[string]bool, objects ...string) string {
		d.o.Now, d.o.Health = began.Add(after), &Health{Unseen: unseen}
		for _, o := range objects {
			d.o.Health.Ailing = append(d.o.Health.Ailing, api.AilingObject{Object: o, Message: "ails"})
		}
		d.step()
		return ailingWords(d.s.Ailing)
	}
	for _, step := range []struct {
		after  time.Duration
		unseen map[string]bool
		ailing []string
		want   string
	}{
		{0, nil, []string{"a"}, ""},
		{50 * time.Second, nil, []string{"b"}, ""}, // a is well again
		{70 * time.Second, nil, []string{"c", "b"}, ""},
		{110 * time.Second, map[string]bool{"b": true}, []string{"c"}, "b: ails (and 1 more)"},
		{111 * time.Second, nil, []string{"c"}, ""},
		{130 * time.Second, nil, []string{"c"}, "c: ails"},
	} {
		if got := look(step.after, step.unseen, step.ailing...); got != step.want {
			t.Errorf("after %s it says %q, want %q", step.after, got, step.want)
		}
	}
}

// Of another commit nothing is known yet: neither that something ails, nor that it is well again.
func TestTheNextCommitIsNotSaidToBeWell(t *testing.T) {
	d := newDriftStory(api.Complete)
	d.s.Ailing = &api.AilingStatus{Lasts: true, Count: 1, Objects: []api.AilingObject{{}}}
	was := d.s
	d.s.InFlight = &api.Flight{Commit: "c2", Digest: "d2", State: api.RollingOut}
	if d.step(); d.s.Ailing != nil {
		t.Errorf("of another commit it says %+v", d.s.Ailing)
	}
	if words, changed := ails(was, d.s); changed {
		t.Errorf("when another commit takes off %q is told", words)
	}
}

// Two states differ in what is told once it lasts, and once it is over.
func TestAilingIsToldOnce(t *testing.T) {
	passing := &api.AilingStatus{Count: 1, Objects: []api.AilingObject{{Object: "a", Message: "b"}}}
	lasting := passing.DeepCopy()
	lasting.Lasts = true
	for name, test := range map[string]struct {
		before, now *api.AilingStatus
		words       string
		changed     bool
	}{
		"begins":     {nil, passing, "", false},
		"lasts":      {passing, lasting, "a: b", true},
		"goes on":    {lasting, lasting, "a: b", false},
		"passes":     {passing, nil, "", false},
		"well again": {lasting, nil, "", true},
	} {
		landed := &api.Flight{State: api.Complete, Pruned: true}
		if words, changed := ails(State{InFlight: landed, Ailing: test.before}, State{InFlight: landed, Ailing: test.now}); words != test.words || changed != test.changed {
			t.Errorf("%s: %q, %v", name, words, changed)
		}
	}
}

// Law 6, on a cluster: an agent whose pods go away after Complete and find no node that is well is told by a condition and an
// Event, and the commit stays a success.
func TestACompleteCommitIsLookedAfter(t *testing.T) {
	t.Parallel() // it mostly waits
	w := newWorld(t)
	v1 := w.push("v1", map[string]string{"agent.yaml": agent("v1")})
	w.create(nil)
	w.process()
	w.waitFor(v1, api.Complete)

	allow := w.limit(corev1.ResourcePods, "0")
	w.check(w.kube.CoreV1().Pods(w.namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}))
	s := w.wait("the condition Healthy", func(s api.SyncStatus) bool { return meta.IsStatusConditionFalse(s.Conditions, conditionHealthy) })
	if c := meta.FindStatusCondition(s.Conditions, conditionHealthy); !strings.Contains(c.Message, "DaemonSet "+w.namespace+"/agent: 12 of 12 nodes") {
		t.Errorf("it says %q", c.Message)
	}
	w.until("the Event", func() bool {
		events, err := w.kube.CoreV1().Events(w.namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.kind=Sync,reason=Unhealthy"})
		w.check(err)
		return len(events.Items) == 1 && strings.Contains(events.Items[0].Message, "12 of 12 nodes")
	})
	if s.Summary.State != api.Complete || s.InFlight.State != api.Complete || s.History[0].State != api.Complete {
		t.Errorf("the commit is %s, in flight %s", s.Summary.State, s.InFlight.State)
	}
	if note := w.note(v1); !strings.Contains(note, "success") {
		t.Errorf("its note is %q", note)
	}
	allow()
	w.edit("somebody", "DaemonSet", "agent", `{"metadata":{"annotations":{"nudged":"1"}}}`) // else its controller waits for minutes
	w.wait("recovery", func(s api.SyncStatus) bool { return meta.IsStatusConditionTrue(s.Conditions, conditionHealthy) })
}
