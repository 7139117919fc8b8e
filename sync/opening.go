package sync

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// overrideAnnotation holds an api.Override as JSON.
const overrideAnnotation = "daemongate.io/override-window"

// farAhead is when windows are looked at again of which no change is in sight.
const farAhead = 24 * time.Hour

// openings remembers what the windows of a spec said, until they say something else.
type openings struct {
	generation int64
	windows    Windows
	err        error

	opening gate.Opening
	next    *metav1.Time
	until   time.Time
}

// look asks the windows of a Sync about a moment. Windows that cannot be read are closed.
func (w *openings) look(s *api.Sync, now time.Time) gate.Opening {
	if w.generation != s.Generation {
		*w = openings{generation: s.Generation}
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
		w.next = &metav1.Time{Time: next.UTC()}
	}
	return w.opening
}

// note writes down when a commit may start again, and whether the windows can be read.
func (w *openings) note(s *api.SyncStatus, generation int64, windows int, now time.Time) {
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

var fullHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// overrideOf reads the override that a person asked for, nil if none did.
func overrideOf(s *api.Sync) (*api.Override, error) {
	text := s.Annotations[overrideAnnotation]
	if text == "" {
		return nil, nil
	}
	v := &api.Override{}
	err := json.Unmarshal([]byte(text), v)
	switch {
	case err != nil:
	case !fullHash.MatchString(v.Commit):
		err = fmt.Errorf("its commit %q is not a full hash", v.Commit)
	case strings.TrimSpace(v.Reason) == "":
		err = fmt.Errorf("it gives no reason")
	}
	if err != nil {
		return nil, fmt.Errorf("the annotation %s cannot be read: %w", overrideAnnotation, err)
	}
	return v, nil
}

// atTheGate adds to an observation what the clock and a person say.
func (l *lane) atTheGate(o *gate.Observation) {
	o.Window = l.openings.look(l.sync, o.Now)
	v, err := overrideOf(l.sync)
	if o.Override = v; err != nil && o.Window.Closed != "" {
		o.Window.Closed += "; " + api.Public(err.Error())
	}
}

// Override lets one commit start outside the windows, once.
func (s *Syncs) Override(ctx context.Context, namespace, name string, v api.Override) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.annotate(ctx, namespace, name, overrideAnnotation, string(text))
}
