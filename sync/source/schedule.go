package source

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/gitsource"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/window"
)

// schedule are the times at which a Sync polls, instead of at an interval.
type schedule struct {
	window.Timetable
	// deadline is how late a poll may be that was missed, or failed.
	deadline time.Duration
	// last is the newest of the times that is done with, and of is what it is a time of.
	last time.Time
	of   string
}

const (
	defaultDeadline = time.Hour
	maxDeadline     = 24 * time.Hour
)

// scheduleOf reads spec.source.schedule, nil if there is none. What the status remembers of another schedule is of
// no use: a new one begins now.
func scheduleOf(s *api.Sync, now time.Time) (*schedule, error) {
	source := s.Spec.Source
	if source.Schedule == "" {
		return nil, nil
	}
	t, err := window.ParseTimetable(source.Schedule, source.TimeZone)
	if err != nil {
		return nil, gitsource.Mistake(fmt.Errorf("spec.source.%s: %w", window.FieldOf(err, "schedule"), err))
	}
	c := &schedule{Timetable: t, deadline: defaultDeadline, last: now, of: source.Schedule + " " + t.Zone.String()}
	if d := source.StartingDeadline; d != nil {
		c.deadline = d.Duration
	}
	if c.deadline < 0 || c.deadline > maxDeadline {
		return nil, gitsource.Mistake(fmt.Errorf("spec.source.startingDeadline: %s is not between 0s and 24h",
			c.deadline))
	}
	// A time that has not come was named by a clock that went ahead: nothing waits for that.
	if known := s.Status.Schedule; known != nil && known.Of == c.of && known.Last.Time.Before(now) {
		c.last = known.Last.Time
	}
	return c, nil
}

// run is the time for which a poll is due, or will be: the newest that has come and is not done with, if it is not
// later than the deadline allows, else the next to come. However many were missed, one poll makes up for them.
func (c *schedule) run(now time.Time) time.Time {
	from := c.last
	if oldest := now.Add(-c.deadline); from.Before(oldest) {
		from = oldest
	}
	run := c.Next(from)
	for !run.IsZero() && !run.After(now) {
		following := c.Next(run)
		if following.IsZero() || following.After(now) {
			break
		}
		run = following
	}
	return run
}

// note writes down which time is done with, and which one is next.
func (c *schedule) note(s *api.SyncStatus) {
	if c == nil {
		s.Schedule = nil
		return
	}
	s.Schedule = &api.ScheduleStatus{Of: c.of, Last: metav1.NewMicroTime(c.last.UTC())}
	if next := c.Next(c.last); !next.IsZero() {
		s.Schedule.Next = &metav1.Time{Time: next.UTC()}
	}
}
