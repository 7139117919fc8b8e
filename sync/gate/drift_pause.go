package gate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/backoff"
)

const (
	// CorrectPause is how long a field is left alone after a correction. It doubles, up to maxCorrectPause, with every
	// one that the same manager undoes: against another controller nobody wins.
	CorrectPause    = 30 * time.Second
	maxCorrectPause = 15 * time.Minute
	// RemakePause is how long an object is left alone after it was made anew. It does not grow: nothing may be missing
	// for long. Where it cannot be made, it grows up to maxRemakePause.
	RemakePause    = 5 * time.Second
	maxRemakePause = time.Minute
	// MaxPauses is how many pauses the status holds.
	MaxPauses = 20
	// MaxField is how long the name of a field in it is.
	MaxField = 300
)

// PausedField is what has a pause of its own: a field of an object that a manager changes, or the object if it is
// missing.
type PausedField struct{ Object, Field, Manager string }

// pausedFields are the fields of an object that are not as asked.
func (t *turn) pausedFields(o api.DriftedObject) []PausedField {
	if c := t.o.Compared; c != nil && o.Field != "" && len(c.Fields[o.Object]) > 0 {
		return c.Fields[o.Object]
	}
	return []PausedField{{o.Object, o.Field, o.Manager}}
}

// pauseOf is when an object may be corrected that is not as asked: as soon as the pause of any of its fields is over.
func (t *turn) pauseOf(o api.DriftedObject) time.Time {
	var due time.Time
	for i, field := range t.pausedFields(o) {
		at := time.Time{}
		if p := findPause(t.s.Drift, field); p != nil {
			at = p.RetryAt.Time
		} else if d := t.s.Drift; field.Field == "" && sharedPause(d) != nil {
			at = d.CorrectedAt.Add(RemakePause)
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
		p.CorrectedAt, p.RetryAt = at, metav1.NewMicroTime(done.At.Add(nextPause(field, p.Corrections,
			done.problemOf(o.Object) != "")))
	}
}

// addPause begins the pause of a field; what does not fit shares one.
func addPause(d *api.DriftStatus, field PausedField, at metav1.MicroTime) *api.DriftPause {
	next := api.DriftPause{Since: at}
	if shared := sharedPause(d); shared != nil {
		return shared
	}
	if field = field.clipped(); len(d.Pauses) < MaxPauses {
		next.Object, next.Field, next.Manager = field.Object, field.Field, field.Manager
	}
	d.Pauses = append(d.Pauses, next)
	return &d.Pauses[len(d.Pauses)-1]
}

// nextPause is how long a field is left alone that has been corrected so often in a row.
func nextPause(field PausedField, corrections int, failed bool) time.Duration {
	switch {
	case field.Field != "":
		return pauseAfter(corrections)
	case failed:
		return backoff.After(corrections, RemakePause, maxRemakePause)
	}
	return RemakePause
}

func pauseAfter(corrections int) time.Duration {
	return backoff.After(corrections, CorrectPause, maxCorrectPause)
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
func findPause(d *api.DriftStatus, field PausedField) *api.DriftPause {
	if d == nil {
		return nil
	}
	field = field.clipped()
	i := slices.IndexFunc(d.Pauses, func(p api.DriftPause) bool {
		return PausedField{p.Object, p.Field,
			p.Manager} == field
	})
	switch {
	case i >= 0:
		return &d.Pauses[i]
	case field.Field == "":
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

func (f PausedField) clipped() PausedField {
	f.Field = f.Field[:min(len(f.Field), MaxField)]
	if f.Field == "" {
		f.Manager = ""
	}
	return f
}

// PauseWords say how often the field that is named of an object was corrected in a row, and when it is again; empty
// if it was not.
func PauseWords(d *api.DriftStatus, o api.DriftedObject) string {
	field, _, _ := strings.Cut(o.Field, " and ") // of several the first is named, and how many more there are
	p := findPause(d, PausedField{o.Object, field, o.Manager})
	switch {
	case p == nil:
		return ""
	case field == "":
		return fmt.Sprintf("made anew %s, every %s at most", inARow(p.Corrections), RemakePause)
	case d.RetryAt == nil:
		return "undone " + inARow(p.Corrections)
	}
	return fmt.Sprintf("undone %s, so the pauses between corrections grow; corrected again at %s",
		inARow(p.Corrections), d.RetryAt.UTC().Format("15:04:05 UTC"))
}

func inARow(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times in a row", n)
}
