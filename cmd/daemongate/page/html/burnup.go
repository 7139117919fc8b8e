package html

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/english"
	"github.com/daemongate/daemongate/sync/view"
)

// burnup is the settled nodes of a commit over the time since it began, with those of commits before it.
type burnup struct {
	Top, Half int
	Span      string
	Says      string
	From      string
	Lines     []line
}

// line is one commit's.
type line struct {
	Style, Points, Short, Path, Says string
	Rows                             []figure

	began  time.Time
	points []Point
}

// figure is a point as a row of a table.
type figure struct {
	After       string
	Settled, Of int
}

// mostBefore is how many commits before the present one are drawn.
const mostBefore = 2

// Where the picture is in its viewBox.
const (
	left, right = 34.0, 352.0
	top, bottom = 8.0, 126.0
)

// Burnup is the picture; nil if nothing is in it.
func (m *model) Burnup() *burnup {
	commit := flightOf(m.V)
	if commit == "" || m.V.Counts.Desired == 0 {
		return nil
	}
	b := &burnup{}
	if now := m.line(commit, true); now != nil {
		b.Lines = append(b.Lines, *now)
	}
	for i := range m.V.Commits {
		c := &m.V.Commits[i]
		if c.Commit == commit || c.By != "" || c.State != api.Complete && c.State != api.Stuck {
			continue
		}
		if before := m.line(c.Commit, false); before != nil && len(b.Lines) <= mostBefore {
			b.Lines = append(b.Lines, *before)
		}
	}
	b.tell(m)
	return b
}

// tell draws the lines, and says what they are made of.
func (b *burnup) tell(m *model) {
	b.draw(m.V.Counts.Desired)
	if since := m.Series.Since(); !since.IsZero() {
		b.From = "Counted since " + stamp(since) + ", when this page's server began to look."
	}
	if slices.ContainsFunc(b.Lines, func(l line) bool { return l.Style == "rough" }) {
		b.From = english.Join(b.From, " ", "Of a dashed line only the beginning and the end are on record.")
	}
}

// line is what is known of a commit: every change that was seen, or the beginning and the end; nil if it is not even
// that.
func (m *model) line(commit string, present bool) *line {
	began, ended := m.times(commit)
	if began.IsZero() {
		return nil
	}
	l := &line{Short: api.Short(commit), Path: m.CommitPath(m.V.Namespace, m.V.Name, commit), began: began}
	seen, _ := m.Series.Seen(commit)
	l.Style = "before"
	if present {
		l.Style = "present"
	}
	if present && ended.IsZero() {
		seen = append(seen, Point{m.V.Now, m.V.Counts})
	}
	all := m.V.Counts.Desired
	seen, all = until(ended, seen, all)
	// What was seen from its beginning on is drawn as it was; else its end is all that is known of it.
	if len(seen) > 0 && (present || seen[0].At.Sub(began) < time.Minute) {
		l.points = append([]Point{{At: began, Counts: view.Counts{Desired: seen[0].Desired}}}, seen...)
	} else if !ended.IsZero() {
		l.Style = "rough"
		l.points = []Point{{At: began, Counts: view.Counts{Desired: all}}}
	}
	if !ended.IsZero() {
		l.points = append(l.points, Point{ended, view.Counts{Desired: all, Settled: all}})
	}
	if len(l.points) == 0 {
		return nil
	}
	last := l.points[len(l.points)-1]
	took := duration.HumanDuration(last.At.Sub(began))
	l.Says = fmt.Sprintf("%d of %d after %s", last.Settled, last.Desired, took)
	if l.Style == "rough" {
		l.Says = "complete after " + took
	}
	return l
}

// until is what was seen before a commit was complete, and how many nodes it then had: what becomes of its nodes later
// is not of its rollout. A commit that has not ended keeps all.
func until(ended time.Time, seen []Point, all int) ([]Point, int) {
	if ended.IsZero() {
		return seen, all
	}
	after := slices.IndexFunc(seen, func(p Point) bool { return !p.At.Before(ended) })
	if after >= 0 {
		return seen[:after], seen[max(after-1, 0)].Desired
	}
	if len(seen) > 0 {
		all = seen[len(seen)-1].Desired
	}
	return seen, all
}

// times are when a commit could begin, and when it was complete; zero where that is not known.
func (m *model) times(commit string) (began, ended time.Time) {
	s := &m.Sync.Status
	if f := s.InFlight; f != nil && f.Commit == commit {
		if f.Completed != nil {
			ended = f.Completed.Time
		}
		return f.Since.Time, ended
	}
	for i, r := range s.History {
		if r.Commit == commit && r.State == api.Complete {
			return view.Began(s.History, i), r.Since.Time
		}
	}
	if seen, _ := m.Series.Seen(commit); len(seen) > 0 {
		return seen[0].At, time.Time{}
	}
	return time.Time{}, time.Time{}
}

// draw works out where the lines are. The time is that of the present commit, or of the one before it if that took
// longer; what took longer still runs out of the picture.
func (b *burnup) draw(desired int) {
	longest, most := time.Second, desired
	for i := range b.Lines {
		l := &b.Lines[i]
		if i < 2 {
			longest = max(longest, l.points[len(l.points)-1].At.Sub(l.began))
		}
		for _, point := range l.points {
			most = max(most, point.Desired)
		}
	}
	b.Top, b.Half, b.Span = most, most/2, duration.HumanDuration(longest)
	for i := range b.Lines {
		l := &b.Lines[i]
		l.draw(longest, most)
		l.tabulate()
		if i == 0 {
			b.Says = l.Short + ": " + l.Says
		} else {
			b.Says += "; before it " + l.Short + ": " + l.Says
		}
	}
}

// draw works out where the line is, up to the right edge.
func (l *line) draw(longest time.Duration, most int) {
	across := func(after time.Duration) float64 { return left + (right-left)*float64(after)/float64(longest) }
	up := func(settled float64) float64 { return bottom - (bottom-top)*settled/float64(most) }
	var text []string
	var before Point
	for k, p := range l.points {
		after, settled := max(p.At.Sub(l.began), 0), float64(p.Settled)
		if after > longest { // where it crosses the edge
			from := before.At.Sub(l.began)
			if settled = float64(before.Settled); l.Style == "rough" || k == 1 {
				settled += float64(p.Settled-before.Settled) * float64(longest-from) / float64(after-from)
			}
			text = append(text, fmt.Sprintf("%.1f,%.1f", right, up(settled)))
			break
		}
		if k > 1 && l.Style != "rough" { // a count that was seen stays until it changes
			text = append(text, fmt.Sprintf("%.1f,%.1f", across(after), up(float64(before.Settled))))
		}
		text = append(text, fmt.Sprintf("%.1f,%.1f", across(after), up(settled)))
		before = p
	}
	l.Points = strings.Join(text, " ")
}

// mostFigures is how many points a table has at most.
const mostFigures = 40

// tabulate makes a table of a line.
func (l *line) tabulate() {
	points := l.points
	for len(points) > mostFigures {
		points = thinned(points)
	}
	for _, p := range points {
		after := max(p.At.Sub(l.began), 0).Round(time.Second)
		l.Rows = append(l.Rows, figure{after.String(), p.Settled, p.Desired})
	}
}
