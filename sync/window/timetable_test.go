package window

import (
	"strings"
	"testing"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Where the clocks are put forward at midnight a day has no midnight. It is not skipped: its time comes when the clocks
// are put forward. The library, asked in such a zone, leaves the whole day out.
func TestNoDayIsSkippedWhereTheClockJumpsAtMidnight(t *testing.T) {
	for _, name := range []string{"Africa/Cairo", "Asia/Beirut", "America/Santiago", "America/Havana",
		"Europe/Berlin"} {
		for _, expression := range []string{"0 0 * * *", "30 0 * * *", "@daily"} {
			table, err := ParseTimetable(expression, name)
			if err != nil {
				t.Fatal(err)
			}
			at, shifts := time.Date(2022, 12, 31, 12, 0, 0, 0, table.Zone), 0
			for day := at; day.Year() < 2030; at = table.Next(at) {
				if at.Format(time.DateOnly) != day.Format(time.DateOnly) {
					t.Errorf("%s in %s: %s comes next, which is not on %s", expression, name, at,
						day.Format(time.DateOnly))
					break
				}
				if at.Hour() == 1 {
					shifts++
				}
				day = time.Date(day.Year(), day.Month(), day.Day()+1, 12, 0, 0, 0, table.Zone)
			}
			if jumps := name != "Europe/Berlin"; (shifts > 0) != jumps {
				t.Errorf("%s in %s: %d midnights were skipped", expression, name, shifts)
			}
		}
	}
}

// Who restricts days and weekdays gets the days that are one of the two, also where the cron of Unix would want both,
// and is told so once for a spec.
func TestDaysAndWeekdaysAreWarnedOf(t *testing.T) {
	warnings := func(schedule, allow, deny string) string {
		s := &api.Sync{}
		s.Spec.Source.Schedule = schedule
		s.Spec.Windows = []api.Window{{Allow: allow}, {Deny: deny}}
		return strings.Join(CronWarnings(s), "\n")
	}
	for _, fine := range []string{"", "0 2 * * 1-5", "0 2 */2 * *", "0 2 1-7 * ?", "@weekly", "@daily", "nonsense"} {
		if got := warnings(fine, fine, fine); got != "" {
			t.Errorf("%s is warned of: %s", fine, got)
		}
	}
	for _, either := range []string{"0 2 */2 * 1-5", "0 2 1-7 * 1", "0 2 1 * */2", "0 2 */100,1-7 * mon"} {
		got := warnings(either, either, either)
		for _, field := range []string{"spec.source.schedule", "spec.windows[0].allow", "spec.windows[1].deny"} {
			if !strings.Contains(got, field+`: "`+either+`" names days of the month and weekdays`) {
				t.Errorf("%s: of %s is not warned: %s", either, field, got)
			}
		}
	}
	table, err := ParseTimetable("0 2 */2 * 1-5", "")
	if err != nil {
		t.Fatal(err)
	}
	friday := time.Date(2026, 1, 2, 2, 0, 0, 0, time.UTC) // an even day
	if at := table.Next(friday.Add(-time.Second)); !at.Equal(friday) {
		t.Errorf("next comes %s, not %s", at, friday)
	}
}
