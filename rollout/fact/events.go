package fact

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Events are Events by the object that they are about.
type Events map[types.UID][]*corev1.Event

// EventsByObject sorts the Events that had happened by now. One that goes on after it had happened once.
func EventsByObject(events []*corev1.Event, now time.Time) Events {
	h := make(Events, len(events)/4)
	for _, e := range events {
		if !FirstSeen(e).After(now) {
			h[e.InvolvedObject.UID] = append(h[e.InvolvedObject.UID], e)
		}
	}
	return h
}

// FirstSeen is when an Event first happened; it may be a series of either kind, or a single one.
func FirstSeen(e *corev1.Event) time.Time {
	switch {
	case !e.FirstTimestamp.IsZero():
		return e.FirstTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}

// LastSeen is when an Event last happened, and count how often, as far as it had by now.
func LastSeen(e *corev1.Event, now time.Time) (last time.Time, count int) {
	last, count = FirstSeen(e), max(1, int(e.Count))
	if !e.LastTimestamp.IsZero() {
		last = e.LastTimestamp.Time
	}
	if e.Series != nil {
		last, count = e.Series.LastObservedTime.Time, max(count, int(e.Series.Count))
	}
	if last.After(now) {
		return FirstSeen(e), 1
	}
	return last, count
}

// Trace is what several Events of one kind say together.
type Trace struct {
	Count       int
	First, Last time.Time
	Message     string // of the last
	GoesOn      bool   // later than now, in a dump: how often by now is not known
}

// Found reports whether there was any.
func (t Trace) Found() bool { return t.Count > 0 }

// Add takes one more Event in. Of two at one instant the message that sorts first is kept, whatever order they came in.
func (t *Trace) Add(e *corev1.Event, now time.Time) {
	first := FirstSeen(e)
	last, count := LastSeen(e, now)
	if t.First.IsZero() || first.Before(t.First) {
		t.First = first
	}
	if last.After(t.Last) || (last.Equal(t.Last) && SaidBy(e) < t.Message) {
		t.Last, t.Message = last, SaidBy(e)
	}
	t.Count += count
	latest, _ := LastSeen(e, EndOfTime)
	t.GoesOn = t.GoesOn || latest.After(now)
}

// SaidBy is what an Event says. Of many that differ in their text only, the sender makes one that says so first.
func SaidBy(e *corev1.Event) string {
	return strings.TrimPrefix(e.Message, "(combined from similar events): ")
}

// WithReason selects Events by their reason.
func WithReason(reasons ...string) func(*corev1.Event) bool {
	return func(e *corev1.Event) bool {
		for _, r := range reasons {
			if e.Reason == r {
				return true
			}
		}
		return false
	}
}

// OfContainer narrows a selection to the Events of one container; those that name none are of all.
func OfContainer(name string, which func(*corev1.Event) bool) func(*corev1.Event) bool {
	return func(e *corev1.Event) bool {
		path := e.InvolvedObject.FieldPath
		return which(e) && (path == "" || strings.HasSuffix(path, "{"+name+"}"))
	}
}

// EndOfTime is later than anything that an object can say.
var EndOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
