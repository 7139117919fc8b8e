package rollout

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// history are Events by the object that they are about.
type history map[types.UID][]*corev1.Event

// histories sorts the Events that had happened by now. One that goes on after it had happened once.
func histories(events []*corev1.Event, now time.Time) history {
	h := make(history, len(events)/4)
	for _, e := range events {
		if !firstSeen(e).After(now) {
			h[e.InvolvedObject.UID] = append(h[e.InvolvedObject.UID], e)
		}
	}
	return h
}

// firstSeen is when an Event first happened; it may be a series of either kind, or a single one.
func firstSeen(e *corev1.Event) time.Time {
	switch {
	case !e.FirstTimestamp.IsZero():
		return e.FirstTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}

// lastSeen is when an Event last happened, and count how often, as far as it had by now.
func lastSeen(e *corev1.Event, now time.Time) (last time.Time, count int) {
	last, count = firstSeen(e), max(1, int(e.Count))
	if !e.LastTimestamp.IsZero() {
		last = e.LastTimestamp.Time
	}
	if e.Series != nil {
		last, count = e.Series.LastObservedTime.Time, max(count, int(e.Series.Count))
	}
	if last.After(now) {
		return firstSeen(e), 1
	}
	return last, count
}

// trace is what several Events of one kind say together.
type trace struct {
	count       int
	first, last time.Time
	message     string // of the last
	goesOn      bool   // later than now, in a dump: how often by now is not known
}

// found reports whether there was any.
func (t trace) found() bool { return t.count > 0 }

// add takes one more Event in. Of two at one instant the message that sorts first is kept, whatever order they came in.
func (t *trace) add(e *corev1.Event, now time.Time) {
	first := firstSeen(e)
	last, count := lastSeen(e, now)
	if t.first.IsZero() || first.Before(t.first) {
		t.first = first
	}
	if last.After(t.last) || (last.Equal(t.last) && saidBy(e) < t.message) {
		t.last, t.message = last, saidBy(e)
	}
	t.count += count
	latest, _ := lastSeen(e, endOfTime)
	t.goesOn = t.goesOn || latest.After(now)
}

// saidBy is what an Event says. Of many that differ in their text only, the sender makes one that says so first.
func saidBy(e *corev1.Event) string {
	return strings.TrimPrefix(e.Message, "(combined from similar events): ")
}

// traceOf gathers an object's Events that satisfy a condition.
func (s *survey) traceOf(uid types.UID, which func(*corev1.Event) bool) trace {
	var t trace
	for _, e := range s.events[uid] {
		if which(e) {
			t.add(e, s.now)
		}
	}
	return t
}

// withReason selects Events by their reason.
func withReason(reasons ...string) func(*corev1.Event) bool {
	return func(e *corev1.Event) bool {
		for _, r := range reasons {
			if e.Reason == r {
				return true
			}
		}
		return false
	}
}

// ofContainer narrows a selection to the Events of one container; those that name none are of all.
func ofContainer(name string, which func(*corev1.Event) bool) func(*corev1.Event) bool {
	return func(e *corev1.Event) bool {
		path := e.InvolvedObject.FieldPath
		return which(e) && (path == "" || strings.HasSuffix(path, "{"+name+"}"))
	}
}
