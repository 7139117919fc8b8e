package window

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // a container image may have no time zones

	"github.com/robfig/cron/v3"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Timetable is a cron expression on the wall clock of a time zone. Every time that it names comes once a day, also on
// the days on which the clocks change: one that is skipped comes when the clocks are put forward, and one that comes
// twice counts at the first. An expression that names every hour, such as "*/10 * * * *", goes on through the hour
// that comes twice and names nothing in the one that is skipped.
type Timetable struct {
	// cron is only asked about times in UTC, whose clocks never change: they stand for the wall clock of the zone.
	cron   cron.Schedule
	Zone   *time.Location
	hourly bool
}

const everyHour = 1<<24 - 1

// ParseTimetable reads five fields, or a descriptor such as @daily, and the name of a time zone, UTC if empty.
func ParseTimetable(expression, zone string) (Timetable, error) {
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return Timetable{}, &fieldError{"timeZone", fmt.Errorf("%q is no time zone: name one as the IANA does, such "+
			"as Europe/Berlin", zone)}
	}
	schedule, err := parseCron(expression)
	if err != nil {
		return Timetable{}, err
	}
	t := Timetable{cron: schedule, Zone: location, hourly: schedule.Hour&everyHour == everyHour}
	if t.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Timetable{}, fmt.Errorf("%q names a time that never comes", expression)
	}
	return t, nil
}

// seventhDay is a 7 among weekdays, but not as a step.
var seventhDay = regexp.MustCompile(`(^|[,-])0*7($|[,/-])`)

// anyOf is what a field that begins with * is marked by, unless it takes steps.
const anyOf = 1 << 63

// either reports whether a day counts that is named by its number or by its weekday, instead of by both. So it is where
// neither of the two is *; the cron of Unix takes */2 for a * as well.
func (t Timetable) either() bool {
	s, ok := t.cron.(*cron.SpecSchedule)
	return ok && s.Dom&anyOf == 0 && s.Dow&anyOf == 0
}

// CronWarnings say of which cron expressions of a spec the writer may have meant something else.
func CronWarnings(s *api.Sync) []string {
	var warnings []string
	check := func(field, expression string) {
		if t, err := ParseTimetable(expression, ""); err == nil && t.either() {
			warnings = append(warnings, fmt.Sprintf("%s: %q names days of the month and weekdays, and a day counts "+
				"that is one of the two; a step such as */2 names days, too", field, expression))
		}
	}
	check("spec.source.schedule", s.Spec.Source.Schedule)
	for i, w := range s.Spec.Windows {
		check(fmt.Sprintf("spec.windows[%d].allow", i), w.Allow)
		check(fmt.Sprintf("spec.windows[%d].deny", i), w.Deny)
	}
	return warnings
}

// parseCron reads an expression. The library panics on a time zone without a space after it.
func parseCron(expression string) (s *cron.SpecSchedule, err error) {
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("%q is no cron expression: %v", expression, p)
		}
	}()
	switch trimmed := strings.TrimSpace(expression); {
	case strings.HasPrefix(trimmed, "TZ=") || strings.HasPrefix(trimmed, "CRON_TZ="):
		return nil, fmt.Errorf("%q names a time zone: write it into timeZone", expression)
	case strings.HasPrefix(trimmed, "@every"):
		return nil, fmt.Errorf("%q has no time of day: write five fields (minute, hour, day, month, weekday)",
			expression)
	}
	if fields := strings.Fields(expression); len(fields) == 5 && seventhDay.MatchString(fields[4]) {
		return nil, fmt.Errorf("%q: Sunday is weekday 0, there is no 7: write 0 for 7, and 0,5,6 for 5-7", expression)
	}
	schedule, err := cron.ParseStandard(strings.TrimSpace(expression))
	if err != nil {
		return nil, fmt.Errorf("%q is no cron expression of five fields (minute, hour, day, month, weekday): %w",
			expression, err)
	}
	s, ok := schedule.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("%q has no time of day", expression)
	}
	return s, nil
}

// fieldError is trouble with another field than the one that is being read.
type fieldError struct {
	field string
	err   error
}

func (e *fieldError) Error() string { return e.err.Error() }

// FieldOf is the field that an error is about.
func FieldOf(err error, otherwise string) string {
	var e *fieldError
	if errors.As(err, &e) {
		return e.field
	}
	return otherwise
}

// maxShifts bounds how many changes of the clocks are passed over: more than there are in the five years that the
// library looks ahead.
const maxShifts = 100

// Next is the first time after the given one; zero if there is none within five years.
func (t Timetable) Next(after time.Time) time.Time {
	now := t.shiftAt(after)
	from := now.wall(after)
	if seen := t.seen(now); from.Before(seen) {
		from = seen
	}
	for range maxShifts {
		wall := t.cron.Next(from)
		if wall.IsZero() {
			return time.Time{}
		}
		at := wall.Add(-now.offset)
		if now.end.IsZero() || at.Before(now.end) {
			return at.In(t.Zone)
		}
		next := t.shiftAt(now.end)
		if !t.hourly && wall.Before(next.wall(now.end)) {
			return now.end.In(t.Zone)
		}
		now, from = next, t.seen(next)
	}
	return time.Time{}
}

// shift is a time in which the clocks of a zone go evenly: from start, until end.
type shift struct {
	start, end time.Time // zero if there is none
	offset     time.Duration
}

func (t Timetable) shiftAt(at time.Time) shift {
	local := at.In(t.Zone)
	start, end := local.ZoneBounds()
	_, offset := local.Zone()
	return shift{start, end, time.Duration(offset) * time.Second}
}

// wall is what the clocks show, as a time in UTC.
func (s shift) wall(at time.Time) time.Time { return at.UTC().Add(s.offset) }

// seen is up to where the wall clock of a shift is not to be looked at, because its times have come already: up to
// its beginning, or up to where the clocks were before they were put back.
func (t Timetable) seen(s shift) time.Time {
	if s.start.IsZero() {
		return time.Time{}
	}
	seen := s.wall(s.start)
	if before := t.shiftAt(s.start.Add(-1)).wall(s.start); !t.hourly && before.After(seen) {
		seen = before
	}
	return seen.Add(-time.Second)
}
