// Package window says when a commit may start, and reads the cron expressions that windows and schedules are written
// in.
//
// It knows no clock: the time is what it is asked about.
package window

import (
	"fmt"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Windows are the times in which a commit may start. A window begins by the wall clock of its time zone and lasts
// elapsed time. What denies goes before what allows. Without any that allows, it is open unless denied; the zero value
// is always open.
type Windows struct{ allow, deny []window }

type window struct {
	Timetable
	duration time.Duration
	field    string
}

// maxWindow is how long a window may last.
const maxWindow = 366 * 24 * time.Hour

// NewWindows reads spec.windows. The error names the field; windows that cannot be read must not count as open.
func NewWindows(spec []api.Window) (Windows, error) {
	var w Windows
	for i, s := range spec {
		field := fmt.Sprintf("spec.windows[%d]", i)
		kind, expression, list := "allow", s.Allow, &w.allow
		if s.Deny != "" {
			kind, expression, list = "deny", s.Deny, &w.deny
		}
		switch {
		case (s.Allow == "") == (s.Deny == ""):
			return Windows{}, fmt.Errorf("%s: give either allow or deny", field)
		case s.Duration.Duration < time.Minute || s.Duration.Duration > maxWindow:
			return Windows{}, fmt.Errorf("%s.duration: %s is not between 1m and 8784h", field, s.Duration.Duration)
		}
		t, err := ParseTimetable(expression, s.TimeZone)
		if err != nil {
			return Windows{}, fmt.Errorf("%s.%s: %w", field, FieldOf(err, kind), err)
		}
		*list = append(*list, window{t, s.Duration.Duration, field})
	}
	return w, nil
}

const (
	// maxBoundaries and horizon bound how far ahead a change is looked for.
	maxBoundaries = 2000
	horizon       = 400 * 24 * time.Hour
)

// At tells whether a commit may start at a time, why not if it may not, and when that changes next; zero if it does not
// within a year and 2,000 beginnings and ends of windows.
func (w Windows) At(t time.Time) (open bool, reason string, next time.Time) {
	open, reason = w.open(t)
	at := t
	for range maxBoundaries {
		at = w.boundary(at)
		if at.IsZero() || at.Sub(t) > horizon {
			break
		}
		if then, _ := w.open(at); then != open {
			next = at
			break
		}
	}
	switch {
	case open:
	case next.IsZero():
		reason += "; none opens within a year"
	default:
		reason += "; the next opens " + next.Format("Mon 2006-01-02 15:04 MST")
	}
	return open, reason, next
}

func (w Windows) open(t time.Time) (bool, string) {
	for _, d := range w.deny {
		if d.covers(t) {
			return false, "denied by " + d.field
		}
	}
	for _, a := range w.allow {
		if a.covers(t) {
			return true, ""
		}
	}
	if len(w.allow) == 0 {
		return true, ""
	}
	return false, "no window is open"
}

// boundary is when the next window begins or ends after a time, in its own time zone.
func (w Windows) boundary(after time.Time) time.Time {
	var first time.Time
	for _, list := range [][]window{w.allow, w.deny} {
		for _, x := range list {
			for _, at := range []time.Time{x.Next(after), x.end(after)} {
				if !at.IsZero() && (first.IsZero() || at.Before(first)) {
					first = at
				}
			}
		}
	}
	return first
}

// covers reports whether the window has begun at a time and not ended.
func (x window) covers(t time.Time) bool {
	began := x.Next(t.Add(-x.duration))
	return !began.IsZero() && !began.After(t)
}

// end is when the first window ends after a time; zero if none does.
func (x window) end(after time.Time) time.Time {
	began := x.Next(after.Add(-x.duration))
	if began.IsZero() {
		return time.Time{}
	}
	return began.Add(x.duration)
}
