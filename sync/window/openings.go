package window

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// farAhead is when windows are looked at again of which no change is in sight.
const farAhead = 24 * time.Hour

// Openings remembers what the windows of a spec said, until they say something else.
type Openings struct {
	generation int64
	windows    Windows
	err        error

	opening gate.Opening
	next    *metav1.Time
	until   time.Time
}

// Look asks the windows of a Sync about a moment. Windows that cannot be read are closed.
func (w *Openings) Look(s *api.Sync, now time.Time) gate.Opening {
	if w.generation != s.Generation {
		*w = Openings{generation: s.Generation}
		w.windows, w.err = NewWindows(s.Spec.Windows)
	}
	switch {
	case w.err != nil:
		return gate.Opening{Closed: "the windows cannot be read, so none is open: " + api.Public(w.err.Error())}
	case len(s.Spec.Windows) == 0:
		return gate.Opening{}
	case now.Before(w.until):
		return w.opening
	}
	open, reason, next := w.windows.At(now)
	w.opening, w.next, w.until = gate.Opening{Closed: api.Public(reason), Changes: next}, nil, next
	if next.IsZero() {
		w.until = now.Add(farAhead)
		w.opening.Changes = w.until
	} else if !open {
		w.next, w.opening.Opens = &metav1.Time{Time: next.UTC()}, next.UTC()
	}
	return w.opening
}

// Note writes down when a commit may start again, and whether the windows can be read.
func (w *Openings) Note(s *api.SyncStatus, generation int64, windows int, now time.Time) {
	s.NextWindow = w.next
	condition := metav1.Condition{Type: api.ConditionWindows, Status: metav1.ConditionTrue, Reason: "Read",
		ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(now)}
	switch {
	case w.err != nil:
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, "Unreadable", w.err.Error()
	case windows == 0:
		meta.RemoveStatusCondition(&s.Conditions, api.ConditionWindows)
		return
	}
	meta.SetStatusCondition(&s.Conditions, condition)
}
