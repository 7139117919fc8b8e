package window

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

func windows(t *testing.T, list ...api.Window) Windows {
	t.Helper()
	w, err := NewWindows(list)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func allow(expression, zone string, d time.Duration) api.Window {
	return api.Window{Allow: expression, TimeZone: zone, Duration: metav1.Duration{Duration: d}}
}

func deny(expression, zone string, d time.Duration) api.Window {
	return api.Window{Deny: expression, TimeZone: zone, Duration: metav1.Duration{Duration: d}}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A window begins by the wall clock of its zone, once a day, and lasts elapsed time: also on the nights on which the
// clocks change, in zones north and south, and where they change by half an hour.
func TestWindowsAroundClockChanges(t *testing.T) {
	for _, story := range []struct {
		name, expression, zone string
		lasts                  time.Duration
		// from is where the looking begins; opens and closes are the next opening after it and its closing.
		from, opens, closes string
	}{
		{"London, the spring night is 23 hours long", "0 0 * * *", "Europe/London", 3 * time.Hour,
			"2026-03-28T12:00:00Z", "2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z"},
		{"London, the night after it", "0 0 * * *", "Europe/London", 3 * time.Hour, "2026-03-29T12:00:00Z",
			"2026-03-29T23:00:00Z", "2026-03-30T02:00:00Z"},
		{"London, the autumn night is 25 hours long", "0 0 * * *", "Europe/London", 3 * time.Hour,
			"2026-10-24T12:00:00Z", "2026-10-24T23:00:00Z", "2026-10-25T02:00:00Z"},
		{"London, a time that is skipped comes when the clocks are put forward", "30 1 * * *", "Europe/London",
			time.Hour, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"},
		{"London, a time that comes twice counts at the first", "30 1 * * *", "Europe/London", 10 * time.Minute,
			"2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T00:40:00Z"},
		{"London, and not at the second", "30 1 * * *", "Europe/London", 10 * time.Minute, "2026-10-25T00:45:00Z",
			"2026-10-26T01:30:00Z", "2026-10-26T01:40:00Z"},
		{"Berlin, skipped", "30 2 * * *", "Europe/Berlin", time.Hour, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z",
			"2026-03-29T02:00:00Z"},
		{"Berlin, twice", "30 2 * * *", "Europe/Berlin", time.Hour, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z",
			"2026-10-25T01:30:00Z"},
		{"Berlin, the day after", "30 2 * * *", "Europe/Berlin", time.Hour, "2026-10-25T01:31:00Z",
			"2026-10-26T01:30:00Z", "2026-10-26T02:30:00Z"},
		{"Berlin, weekdays over the change", "0 22 * * 1-5", "Europe/Berlin", 6 * time.Hour, "2026-03-28T12:00:00Z",
			"2026-03-30T20:00:00Z", "2026-03-31T02:00:00Z"},
		{"New York, twice", "30 1 * * *", "America/New_York", time.Hour, "2026-10-31T12:00:00Z", "2026-11-01T05:30:00Z",
			"2026-11-01T06:30:00Z"},
		{"Lord Howe, half an hour is skipped", "15 2 * * *", "Australia/Lord_Howe", time.Hour, "2026-10-03T12:00:00Z",
			"2026-10-03T15:30:00Z", "2026-10-03T16:30:00Z"},
		{"Lord Howe, half an hour comes twice", "45 1 * * *", "Australia/Lord_Howe", 20 * time.Minute,
			"2026-04-04T12:00:00Z", "2026-04-04T14:45:00Z", "2026-04-04T15:05:00Z"},
		{"Lord Howe, and not at the second", "45 1 * * *", "Australia/Lord_Howe", 20 * time.Minute,
			"2026-04-04T15:10:00Z", "2026-04-05T15:15:00Z", "2026-04-05T15:35:00Z"},
		{"every hour goes on through the hour that comes twice", "0 * * * *", "Europe/London", 10 * time.Minute,
			"2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:10:00Z"},
		{"every hour has no hour that is skipped", "30 * * * *", "Europe/London", 10 * time.Minute,
			"2026-03-29T00:45:00Z", "2026-03-29T01:30:00Z", "2026-03-29T01:40:00Z"},
	} {
		t.Run(story.name, func(t *testing.T) {
			w := windows(t, allow(story.expression, story.zone, story.lasts))
			open, reason, next := w.At(instant(t, story.from))
			if open || !next.Equal(instant(t, story.opens)) {
				t.Fatalf("at %s: open %v (%s), next %s, want it to open at %s", story.from, open, reason,
					next.UTC().Format(time.RFC3339), story.opens)
			}
			open, _, closes := w.At(next)
			if !open || !closes.Equal(instant(t, story.closes)) {
				t.Errorf("at its beginning: open %v, closes %s, want %s", open, closes.UTC().Format(time.RFC3339),
					story.closes)
			}
			if open, _, _ := w.At(next.Add(-1)); open {
				t.Error("open a nanosecond before it begins")
			}
			if open, _, _ := w.At(closes.Add(-1)); !open {
				t.Error("closed a nanosecond before it ends")
			}
			if open, _, _ := w.At(closes); open {
				t.Error("open at its end")
			}
		})
	}
}

// What denies goes before what allows; windows that overlap or touch are one; without any that allows, it is open.
func TestWindowsTogether(t *testing.T) {
	night := allow("0 22 * * *", "", 6*time.Hour)
	for _, story := range []struct {
		name    string
		windows []api.Window
		at      string
		open    bool
		next    string
		reason  string
	}{
		{"none", nil, "2026-05-01T12:00:00Z", true, "", ""},
		{"deny alone, outside of it", []api.Window{deny("0 0 24 12 *", "", 72*time.Hour)}, "2026-12-01T00:00:00Z", true,
			"2026-12-24T00:00:00Z", ""},
		{"deny alone, in it", []api.Window{deny("0 0 24 12 *", "", 72*time.Hour)}, "2026-12-25T00:00:00Z", false,
			"2026-12-27T00:00:00Z", "denied by spec.windows[0]; the next opens Sun 2026-12-27 00:00 UTC"},
		{"deny wins", []api.Window{night, deny("0 23 * * *", "", time.Hour)}, "2026-05-01T23:30:00Z", false,
			"2026-05-02T00:00:00Z", "denied by spec.windows[1]; the next opens Sat 2026-05-02 00:00 UTC"},
		{"open until it is denied", []api.Window{night, deny("0 23 * * *", "", time.Hour)}, "2026-05-01T22:30:00Z",
			true, "2026-05-01T23:00:00Z", ""},
		{"a deny that outlasts the window", []api.Window{night, deny("0 23 * * *", "", 10*time.Hour)},
			"2026-05-01T23:30:00Z", false, "2026-05-02T22:00:00Z", ""},
		{"touching", []api.Window{night, allow("0 4 * * *", "", time.Hour)}, "2026-05-01T23:30:00Z", true,
			"2026-05-02T05:00:00Z", ""},
		{"overlapping itself", []api.Window{allow("0 * * * 1", "", 3*time.Hour)}, "2026-05-04T01:00:00Z", true,
			"2026-05-05T02:00:00Z", ""},
		{"always open", []api.Window{allow("* * * * *", "", time.Minute)}, "2026-05-04T01:00:00Z", true, "", ""},
		{"never open", []api.Window{night, deny("0 * * * *", "", time.Hour)}, "2026-05-04T01:00:00Z", false, "",
			"denied by spec.windows[1]; none opens within a year"},
		{"on a leap day", []api.Window{allow("0 0 29 2 *", "", time.Hour)}, "2027-06-01T00:00:00Z", false,
			"2028-02-29T00:00:00Z", ""},
		{"in the zone of the window", []api.Window{allow("0 22 * * *", "Europe/Berlin", time.Hour)},
			"2026-05-04T01:00:00Z", false, "2026-05-04T20:00:00Z",
			"no window is open; the next opens Mon 2026-05-04 22:00 CEST"},
	} {
		t.Run(story.name, func(t *testing.T) {
			open, reason, next := windows(t, story.windows...).At(instant(t, story.at))
			var want time.Time
			if story.next != "" {
				want = instant(t, story.next)
			}
			if open != story.open || !next.Equal(want) || story.reason != "" && reason != story.reason || open &&
				reason != "" {
				t.Errorf("open %v, %q, next %s", open, reason, next)
			}
		})
	}
}

// Windows that cannot be read are an error that names the field, and nothing panics.
func TestUnreadableWindows(t *testing.T) {
	hour := metav1.Duration{Duration: time.Hour}
	for _, story := range []struct {
		window api.Window
		want   string
	}{
		{api.Window{Duration: hour}, "spec.windows[1]: give either allow or deny"},
		{api.Window{Allow: "0 0 * * *", Deny: "0 0 * * *", Duration: hour}, "spec.windows[1]: give either"},
		{api.Window{Allow: "0 0 * * *"}, "spec.windows[1].duration"},
		{api.Window{Allow: "0 0 * * *", Duration: metav1.Duration{Duration: 9000 * time.Hour}},
			"spec.windows[1].duration"},
		{api.Window{Allow: "0 0 * * *", Duration: hour, TimeZone: "Mars/Olympus"},
			`spec.windows[1].timeZone: "Mars/Olympus"`},
		{api.Window{Allow: "0 0 * * *", Duration: hour, TimeZone: "Local"}, "spec.windows[1].timeZone"},
		{api.Window{Deny: "0 0 * * 7", Duration: hour}, "spec.windows[1].deny"},
		{api.Window{Deny: "0 0 * * 7", Duration: hour}, "Sunday is weekday 0"},
		{api.Window{Allow: "0 0 * * 5-7", Duration: hour}, "Sunday is weekday 0"},
		{api.Window{Allow: "0 0 * * 1,7", Duration: hour}, "write 0 for 7, and 0,5,6 for 5-7"},
		{api.Window{Allow: "0 0 * * 1-7/2", Duration: hour}, "Sunday is weekday 0"},
		{api.Window{Allow: "0 0 30 2 *", Duration: hour}, "never comes"},
		{api.Window{Allow: "@every 1h", Duration: hour}, "no time of day"},
		{api.Window{Allow: " @every 1h", Duration: hour}, "no time of day"},
		{api.Window{Allow: "TZ=0", Duration: hour}, "timeZone"},
		{api.Window{Allow: "CRON_TZ=UTC", Duration: hour}, "timeZone"},
		{api.Window{Allow: "TZ=Local 0 0 * * *", Duration: hour}, "timeZone"},
		{api.Window{Allow: "0 0 * *", Duration: hour}, "five fields"},
		{api.Window{Allow: "nonsense", Duration: hour}, "spec.windows[1].allow"},
	} {
		_, err := NewWindows([]api.Window{allow("0 0 * * *", "", time.Hour), story.window})
		if err == nil || !strings.Contains(err.Error(), story.want) || !strings.HasPrefix(err.Error(),
			"spec.windows[1]") {
			t.Errorf("%+v: %v, want %q", story.window, err, story.want)
		}
	}
}

// A brute-force clock agrees: it walks through every minute of two weeks around changes of the clocks, reads the wall
// clock, and knows nothing of cron but which fields match.
func TestWindowsAgreeWithEveryMinute(t *testing.T) {
	rounds := 60
	if os.Getenv("DAEMONGATE_TEST_ALL") == "" {
		rounds = 12
	}
	for seed := range rounds {
		random := rand.New(rand.NewPCG(uint64(seed), 7))
		zone := []string{"Europe/London", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
			"Asia/Kolkata"}[random.IntN(5)]
		around := []string{"2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-03-08T07:00:00Z",
			"2026-11-01T06:00:00Z",
			"2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z", "2026-02-15T02:00:00Z"}[random.IntN(7)]
		from := instant(t, around).Add(-7 * 24 * time.Hour)
		var list []api.Window
		var oracles []*oracle
		for range 1 + random.IntN(3) {
			w, o := randomWindow(random, zone)
			list, oracles = append(list, w), append(oracles, o)
		}
		agree(t, fmt.Sprintf("seed %d: %+v", seed, list), windows(t, list...), oracles, from)
	}
}

func randomWindow(random *rand.Rand, zone string) (api.Window, *oracle) {
	minute, day := random.IntN(60), random.IntN(8)
	hours := map[int]bool{}
	text := "*"
	if random.IntN(4) > 0 {
		first := random.IntN(4)
		text = fmt.Sprint(first)
		for hours[first] = true; random.IntN(2) == 0; {
			h := random.IntN(24)
			hours[h] = true
			text += fmt.Sprintf(",%d", h)
		}
	}
	weekday := "*"
	if day < 7 && random.IntN(2) == 0 {
		weekday = fmt.Sprintf("%d,0", day)
	}
	o := &oracle{minute: minute, hours: hours, weekday: weekday, day: day, deny: random.IntN(3) == 0,
		lasts: time.Duration(1+random.IntN(600)) * time.Minute}
	o.zone, _ = time.LoadLocation(zone)
	expression := fmt.Sprintf("%d %s * * %s", minute, text, weekday)
	if o.deny {
		return deny(expression, zone, o.lasts), o
	}
	return allow(expression, zone, o.lasts), o
}

// oracle walks from minute to minute.
type oracle struct {
	minute, day int
	hours       map[int]bool // every hour if empty
	weekday     string
	deny        bool
	lasts       time.Duration
	zone        *time.Location

	shown map[string]bool // which minutes the wall clock has shown
	until time.Time
}

func (o *oracle) matches(wall time.Time) bool {
	w := int(wall.Weekday())
	return wall.Minute() == o.minute && (len(o.hours) == 0 || o.hours[wall.Hour()]) &&
		(o.weekday == "*" || w == o.day || w == 0)
}

// walk looks at one minute and says whether the window is open in it.
func (o *oracle) walk(at time.Time) bool {
	const stamp = "2006-01-02 15:04"
	if o.shown == nil {
		o.shown = map[string]bool{}
	}
	wall, before := at.In(o.zone), at.Add(-time.Minute).In(o.zone)
	begins := o.matches(wall) && (len(o.hours) == 0 || !o.shown[wall.Format(stamp)])
	o.shown[wall.Format(stamp)] = true
	_, offset := wall.Zone()
	_, earlier := before.Zone()
	for skipped := earlier / 60; skipped < offset/60 && len(o.hours) > 0; skipped++ {
		// The clock jumps from before to at: what lies between is not shown and comes now.
		hidden := at.UTC().Add(time.Duration(skipped) * time.Minute)
		begins = begins || o.matches(hidden)
	}
	if begins {
		o.until = at.Add(o.lasts)
	}
	return at.Before(o.until)
}

func agree(t *testing.T, name string, w Windows, oracles []*oracle, from time.Time) {
	t.Helper()
	minutes, warm := 14*24*60, 3*24*60
	var says []bool
	for m := range minutes + warm {
		at := from.Add(time.Duration(m-warm) * time.Minute)
		open, allowed, allows := true, false, false
		for _, o := range oracles {
			covers := o.walk(at)
			open = open && !(o.deny && covers)
			allows = allows || !o.deny
			allowed = allowed || !o.deny && covers
		}
		if m >= warm {
			says = append(says, open && (allowed || !allows))
		}
	}
	for m, want := range says {
		at := from.Add(time.Duration(m) * time.Minute)
		if open, reason := w.open(at); open != want {
			t.Fatalf("%s: at %s open %v (%s), every minute says %v", name, at.Format(time.RFC3339), open, reason, want)
		}
	}
	changes(t, name, w, says, from)
}

// changes walks from one change to the next and misses none.
func changes(t *testing.T, name string, w Windows, says []bool, from time.Time) {
	t.Helper()
	for m := 0; m < len(says); {
		open, _, next := w.At(from.Add(time.Duration(m) * time.Minute))
		then := m
		for then < len(says) && says[then] == open {
			then++
		}
		if then == len(says) {
			return
		}
		if want := from.Add(time.Duration(then) * time.Minute); !next.Equal(want) {
			t.Fatalf("%s: from minute %d the next change is %s, and should be %s", name, m, next, want)
		}
		m = then
	}
}
