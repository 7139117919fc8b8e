package sync

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

const (
	// correctPause is how long a field is left alone after a correction. It doubles, up to maxCorrectPause, with every one
	// that the same manager undoes: against another controller nobody wins.
	correctPause    = 30 * time.Second
	maxCorrectPause = 15 * time.Minute
	// remakePause is how long an object is left alone after it was made anew. It does not grow: nothing may be missing for
	// long. Where it cannot be made, it grows up to maxRemakePause.
	remakePause    = 5 * time.Second
	maxRemakePause = time.Minute
	// maxPauses is how many pauses the status holds, and maxField how long a field's name in it is.
	maxPauses = 20
	maxField  = 300
)

// pausedField is what has a pause of its own: a field of an object that a manager changes, or the object if it is missing.
type pausedField struct{ object, field, manager string }

// pausedFields are the fields of an object that are not as asked.
func (t *turn) pausedFields(o api.DriftedObject) []pausedField {
	if c := t.o.Compared; c != nil && o.Field != "" && len(c.Fields[o.Object]) > 0 {
		return c.Fields[o.Object]
	}
	return []pausedField{{o.Object, o.Field, o.Manager}}
}

// pauseOf is when an object may be corrected that is not as asked: as soon as the pause of any of its fields is over.
func (t *turn) pauseOf(o api.DriftedObject) time.Time {
	var due time.Time
	for i, field := range t.pausedFields(o) {
		at := time.Time{}
		if p := findPause(t.s.Drift, field); p != nil {
			at = p.RetryAt.Time
		} else if d := t.s.Drift; field.field == "" && sharedPause(d) != nil {
			at = d.CorrectedAt.Add(remakePause)
		}
		if i == 0 || at.Before(due) {
			due = at
		}
	}
	return due
}

// dueAt is when the first of some objects may be corrected; zero if one may now.
func (t *turn) dueAt(objects []api.DriftedObject) time.Time {
	var due time.Time
	for i, o := range objects {
		if at := t.pauseOf(o); i == 0 || at.Before(due) {
			due = at
		}
	}
	return due
}

// pause notes that an object was corrected, or that this was tried.
func (t *turn) pause(o api.DriftedObject, done *Corrected) {
	d, at := t.s.Drift, metav1.NewMicroTime(done.At)
	for _, field := range t.pausedFields(o) {
		p := findPause(d, field)
		if p == nil {
			p = addPause(d, field, at)
		}
		if p.CorrectedAt.Equal(&at) { // it is shared, and counted already
			continue
		}
		p.Corrections++
		p.CorrectedAt, p.RetryAt = at, metav1.NewMicroTime(done.At.Add(nextPause(field, p.Corrections, done.problemOf(o.Object) != "")))
	}
}

// addPause begins the pause of a field; what does not fit shares one.
func addPause(d *api.DriftStatus, field pausedField, at metav1.MicroTime) *api.DriftPause {
	next := api.DriftPause{Since: at}
	if shared := sharedPause(d); shared != nil {
		return shared
	}
	if field = field.clipped(); len(d.Pauses) < maxPauses {
		next.Object, next.Field, next.Manager = field.object, field.field, field.manager
	}
	d.Pauses = append(d.Pauses, next)
	return &d.Pauses[len(d.Pauses)-1]
}

// nextPause is how long a field is left alone that has been corrected so often in a row.
func nextPause(field pausedField, corrections int, failed bool) time.Duration {
	switch {
	case field.field != "":
		return pauseAfter(corrections)
	case failed:
		return backoff(corrections, remakePause, maxRemakePause)
	}
	return remakePause
}

func pauseAfter(corrections int) time.Duration {
	return backoff(corrections, correctPause, maxCorrectPause)
}

// calm ends the pauses of what nobody has changed again for twice as long as it was left alone.
func calm(pauses []api.DriftPause, now time.Time) []api.DriftPause {
	return keep(pauses, func(p api.DriftPause) bool {
		return !now.After(p.CorrectedAt.Add(2 * pauseAfter(p.Corrections)))
	})
}

// longest is the largest number of corrections in a row.
func longest(pauses []api.DriftPause) int {
	n := 1
	for _, p := range pauses {
		n = max(n, p.Corrections)
	}
	return n
}

// findPause is the pause of a field, or the one that all share that have none of their own; nil if there is none.
func findPause(d *api.DriftStatus, field pausedField) *api.DriftPause {
	if d == nil {
		return nil
	}
	field = field.clipped()
	i := slices.IndexFunc(d.Pauses, func(p api.DriftPause) bool { return pausedField{p.Object, p.Field, p.Manager} == field })
	switch {
	case i >= 0:
		return &d.Pauses[i]
	case field.field == "":
		return nil
	}
	return sharedPause(d)
}

// sharedPause is the pause of all that have none of their own; nil while each has one.
func sharedPause(d *api.DriftStatus) *api.DriftPause {
	if d == nil {
		return nil
	}
	i := slices.IndexFunc(d.Pauses, func(p api.DriftPause) bool { return p.Object == "" })
	if i < 0 {
		return nil
	}
	return &d.Pauses[i]
}

func (f pausedField) clipped() pausedField {
	f.field = f.field[:min(len(f.field), maxField)]
	if f.field == "" {
		f.manager = ""
	}
	return f
}

// pauseWords say how often the field that is named of an object was corrected in a row, and when it is again; empty if it
// was not.
func pauseWords(d *api.DriftStatus, o api.DriftedObject) string {
	field, _, _ := strings.Cut(o.Field, " and ") // of several the first is named, and how many more there are
	p := findPause(d, pausedField{o.Object, field, o.Manager})
	switch {
	case p == nil:
		return ""
	case field == "":
		return fmt.Sprintf("made anew %d times in a row, every %s at most", p.Corrections, remakePause)
	case d.RetryAt == nil:
		return fmt.Sprintf("undone %d times in a row", p.Corrections)
	}
	return fmt.Sprintf("undone %d times in a row, so the pauses between corrections grow; corrected again at %s",
		p.Corrections, d.RetryAt.UTC().Format("15:04:05 UTC"))
}
