package html

import (
	"fmt"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/window"
)

// week is when commits may start, in the seven days from today.
type week struct {
	Says  string
	Zone  string
	Rules []string
	Days  []day
	Spans []span
	Hours []hour

	Height int
}

// day is a row of the calendar.
type day struct {
	Name    string
	Y, Base int // of its bar, and of its name
	Today   bool
	Now     string // where now is in the row of today
	Open    []bar
}

// bar is a time of a day in which a commit may start; hour is a mark of the scale.
type (
	bar  struct{ X, Width string }
	hour struct {
		X    int
		Text string
	}
	span struct{ From, To string }
)

// Where the calendar is in its viewBox.
const (
	dayLeft, dayWidth = 54.0, 300.0
	dayTop, dayStep   = 16, 18
	days              = 7
)

// mostSpans bounds how often windows open and close in a week that is drawn.
const mostSpans = 400

// Windows are when commits may start; nil for a Sync without windows.
func (m *model) Windows() *week {
	if len(m.Sync.Spec.Windows) == 0 {
		return nil
	}
	w := &week{Height: dayTop + days*dayStep}
	for _, rule := range m.Sync.Spec.Windows {
		w.Rules = append(w.Rules, ruleOf(rule))
	}
	windows, err := window.NewWindows(m.Sync.Spec.Windows)
	if err != nil {
		w.Says = "the windows cannot be read, so no commit starts: " + err.Error()
		return w
	}
	open, why, next := windows.At(m.Now)
	switch {
	case !open:
		w.Says = "No commit may start now: " + why + "."
	case next.IsZero():
		w.Says = "A commit may start now."
	default:
		w.Says = "A commit may start now, until " + next.Format("Mon 2006-01-02 15:04 MST") + "."
	}
	w.draw(windows, m.Now.In(zoneOf(m.Sync.Spec.Windows)))
	return w
}

// ruleOf is a window as its spec has it.
func ruleOf(w api.Window) string {
	kind, expression := "allow", w.Allow
	if w.Deny != "" {
		kind, expression = "deny", w.Deny
	}
	return english.Join(fmt.Sprintf("%s %q for %s", kind, expression, w.Duration.Duration), " in ", w.TimeZone)
}

// zoneOf is the time zone of the windows if it is the same for all, else UTC.
func zoneOf(windows []api.Window) *time.Location {
	for _, w := range windows {
		if w.TimeZone != windows[0].TimeZone {
			return time.UTC
		}
	}
	if zone, err := time.LoadLocation(windows[0].TimeZone); err == nil {
		return zone
	}
	return time.UTC
}

// draw makes the rows of the days, of which today is the first.
func (w *week) draw(windows window.Windows, now time.Time) {
	w.Zone = now.Location().String()
	for h := 0; h <= 24; h += 6 {
		w.Hours = append(w.Hours, hour{int(dayLeft + dayWidth*float64(h)/24), fmt.Sprintf("%02d", h)})
	}
	at := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	for i := range days {
		next := time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, at.Location())
		d := day{Name: at.Format("Mon 02"), Y: dayTop + i*dayStep, Base: dayTop + i*dayStep + 11, Today: i == 0}
		if d.Today {
			d.Now = fmt.Sprintf("%.1f", dayLeft+dayWidth*share(at, now, next))
		}
		for _, s := range opened(windows, at, next) {
			x, to := share(at, s[0], next), share(at, s[1], next)
			d.Open = append(d.Open, bar{fmt.Sprintf("%.1f", dayLeft+dayWidth*x), fmt.Sprintf("%.1f", dayWidth*(to-x))})
			w.span(s[0], s[1])
		}
		w.Days = append(w.Days, d)
		at = next
	}
}

// span adds a time to the table: one that goes on over midnight is one.
func (w *week) span(from, to time.Time) {
	text := span{from.Format("Mon 02 Jan 15:04"), to.Format("Mon 02 Jan 15:04")}
	if n := len(w.Spans); n > 0 && w.Spans[n-1].To == text.From {
		w.Spans[n-1].To = text.To
		return
	}
	w.Spans = append(w.Spans, text)
}

// share is where a time is between two others.
func share(from, at, to time.Time) float64 { return float64(at.Sub(from)) / float64(to.Sub(from)) }

// opened are the times between two others in which a commit may start.
func opened(windows window.Windows, from, to time.Time) [][2]time.Time {
	var list [][2]time.Time
	at := from
	for range mostSpans {
		open, _, next := windows.At(at)
		if next.IsZero() || next.After(to) {
			next = to
		}
		if open {
			list = append(list, [2]time.Time{at, next.In(from.Location())})
		}
		if at = next.In(from.Location()); !at.Before(to) {
			break
		}
	}
	return list
}
