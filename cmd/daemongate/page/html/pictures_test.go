package html

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/rollout"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/view"
)

// watched is what was seen of a rollout over twelve nodes, one of which settles every ten seconds.
func watched(from, until int) (*Series, SyncData) {
	s, last := &Series{}, SyncData{}
	for i := from; i <= until; i++ {
		d := dataOf(fleetSync(), judged(12, func(k int) rollout.NodeState {
			if k < i {
				return rollout.IsSettled
			}
			return rollout.IsOld
		}))
		d.View.Now = noon.Add(time.Duration(i) * 10 * time.Second)
		s.See(&d.View)
		last = d
	}
	last.Series = s
	return s, last
}

// The picture of settled nodes has every change that was seen, as a line and as a table, with the commits before it, of
// which only the beginning and the end are known; and it says since when was counted.
func TestTheBurnUpHasWhatWasSeen(t *testing.T) {
	_, d := watched(0, 9)
	p := page()
	p.Now = d.View.Now
	b := parsed(t, syncPage(t, p, d)).id(t, "burnup")
	lines := b.tags("polyline")
	if len(lines) != 3 || lines[0].attr("class") != "present" || lines[1].attr("class") != "rough" {
		t.Fatalf("%d lines", len(lines))
	}
	if first := strings.Fields(lines[0].attr("points")); first[0] != "34.0,126.0" || len(first) != 2+2*10 ||
		!strings.HasSuffix(first[len(first)-1], ",37.5") {
		t.Errorf("the line of the present commit: %v", first)
	}
	b.says(t, "bbbbbbb 9 of 12 after 90s", "aaaaaaa complete after 10m", "Counted since 2026-11-29 12:00:00Z",
		"Of a dashed line only the beginning and the end are on record.")
	rows := b.cells()
	if len(rows) != 12+2+2 || fmt.Sprint(rows[5]) != "[bbbbbbb 40s 4 12]" || fmt.Sprint(rows[13]) != "[aaaaaaa 10m0s 12 12]" {
		t.Errorf("%q", rows)
	}
	b.tags("desc")[0].says(t, "bbbbbbb: 9 of 12 after 90s; before it aaaaaaa: complete after 10m")
	for _, line := range lines {
		inside(t, line)
	}
}

// inside fails if a line leaves its picture.
func inside(t *testing.T, line element) {
	t.Helper()
	for point := range strings.FieldsSeq(line.attr("points")) {
		var x, y float64
		if _, err := fmt.Sscanf(point, "%f,%f", &x, &y); err != nil || x < left || x > right || y < top || y > bottom {
			t.Errorf("%s is outside of the picture", point)
		}
	}
}

// What was seen of a commit stays when the next one begins.
func TestASeriesKeepsTheCommitBefore(t *testing.T) {
	s, _ := watched(0, 12)
	d := dataOf(fleetSync(), judged(12, func(int) rollout.NodeState { return rollout.IsOld }))
	d.View.Commit, d.View.Now = "ccccccc", noon.Add(time.Hour)
	s.See(&d.View)
	points, steps := s.Seen(hash("b"))
	if len(points) != 13 || len(steps) != 12 || steps[0] != (Step{noon.Add(10 * time.Second), "node-0001", rollout.IsSettled}) {
		t.Errorf("%d points, %v", len(points), steps)
	}
	if points, _ = s.Seen(hash("c")); len(points) != 1 {
		t.Errorf("of the next one: %v", points)
	}
	if points, steps = (*Series)(nil).Seen(hash("b")); points != nil || steps != nil || !(*Series)(nil).Since().IsZero() {
		t.Error("nothing has seen something")
	}
}

// However long somebody looks, a bounded number of points, steps and commits is kept: the first point and the last are.
func TestASeriesIsBounded(t *testing.T) {
	s := &Series{}
	for i := range 5000 {
		d := view.View{Now: noon.Add(time.Duration(i) * time.Second), Commit: "bbbbbbb", Counts: view.Counts{Desired: 9, Settled: i},
			Commits: []view.Commit{{Commit: hash("b")}}, Nodes: []view.Node{{Name: "n", State: view.States()[i%2]}}}
		s.See(&d)
		if points, _ := s.Seen(hash("b")); points[len(points)-1].Settled != i {
			t.Fatalf("the last point is %+v after %d", points[len(points)-1], i)
		}
	}
	points, steps := s.Seen(hash("b"))
	if half := thinned(points[:10]); half[len(half)-1] != points[9] || half[0] != points[0] || len(half) != 6 {
		t.Errorf("of ten points are left %v", half)
	}
	if len(points) > mostPoints || points[0].Settled != 0 || points[len(points)-1].Settled != 4999 || len(steps) > mostSteps {
		t.Errorf("%d points, %d steps", len(points), len(steps))
	}
	for i := range 50 {
		commit := fmt.Sprintf("%07d", i)
		s.See(&view.View{Now: noon, Commit: commit, Counts: view.Counts{Desired: 9}, Commits: []view.Commit{{Commit: commit}}})
	}
	if len(s.courses) != mostCommits {
		t.Errorf("%d commits", len(s.courses))
	}
}

// The week has when commits may start: windows that go on over midnight, days on which a denial covers them, and where
// now is, in the time zone of the windows.
func TestTheWindowsOfAWeek(t *testing.T) {
	w := parsed(t, syncPage(t, page(), rollingOut(12))).id(t, "windows")
	w.says(t, "No commit may start now: no window is open; the next opens Mon 2026-11-30 22:00 CET", "times in Europe/Berlin",
		`allow "0 22 * * 1-5" for 6h0m0s in Europe/Berlin`, `deny "0 0 1 12 *" for 24h0m0s in Europe/Berlin`)
	want := "[[Mon 30 Nov 22:00 Tue 01 Dec 00:00] [Wed 02 Dec 00:00 Wed 02 Dec 04:00] [Wed 02 Dec 22:00 Thu 03 Dec 04:00] " +
		"[Thu 03 Dec 22:00 Fri 04 Dec 04:00] [Fri 04 Dec 22:00 Sat 05 Dec 04:00]]"
	if got := fmt.Sprint(w.cells()); got != want {
		t.Error(got)
	}
	open := w.all(func(e element) bool { return e.Data == "rect" && e.attr("class") == "open" && e.attr("x") != "" })
	if len(open) != 8 || open[0].attr("x") != "329.0" || open[0].attr("width") != "25.0" || open[0].attr("y") != "34" {
		t.Errorf("%d bars, the first %v", len(open), open[0].Attr)
	}
	if now := w.class("now"); len(now) != 1 || !strings.HasPrefix(now[0].attr("d"), "M216.") {
		t.Errorf("now: %v", now)
	}
}

// Windows that cannot be read are closed, and say why; a Sync without windows has no calendar; one that opens every few
// minutes is drawn, too.
func TestOddWindows(t *testing.T) {
	windows := func(list ...api.Window) element {
		d := rollingOut(12)
		d.Sync.Spec.Windows = list
		return parsed(t, syncPage(t, page(), d)).id(t, "windows")
	}
	windows(api.Window{Allow: "nonsense", Duration: metav1.Duration{Duration: time.Hour}}).says(t,
		"the windows cannot be read, so no commit starts: spec.windows[0].allow")
	if text := windows().text(); text != "" {
		t.Errorf("no windows: %s", text)
	}
	often := windows(api.Window{Allow: "*/10 * * * *", Duration: metav1.Duration{Duration: 5 * time.Minute}})
	often.says(t, "A commit may start now, until Sun 2026-11-29 12:05 UTC.")
	if rows := len(often.cells()); rows != 7*24*6 {
		t.Errorf("%d times", rows)
	}
	never := windows(api.Window{Deny: "0 0 * * *", Duration: metav1.Duration{Duration: 25 * time.Hour}})
	never.says(t, "none opens within a year", "at no time")
	// The clocks are put back on a day of 25 hours: its last hour is in the picture.
	d := rollingOut(12)
	d.Sync.Spec.Windows = []api.Window{{Allow: "0 23 25 10 *", Duration: metav1.Duration{Duration: time.Hour}, TimeZone: "Europe/Berlin"}}
	p := page()
	p.Now = time.Date(2026, 10, 25, 6, 0, 0, 0, time.UTC)
	w := modelOf(p, d).Windows()
	if len(w.Days[0].Open) != 1 || w.Days[0].Open[0] != (bar{"342.0", "12.0"}) {
		t.Errorf("%v", w.Days[0].Open)
	}
}

// The commands in a remedy are marked, and a lone backtick is none.
func TestCommandsAreMarked(t *testing.T) {
	for text, want := range map[string]string{"run `a <b>` now": "run <code>a &lt;b&gt;</code> now", "a ` b": "a ` b",
		"`a` and ` b": "<code>a</code> and ` b", "": "", "`": "`"} {
		var got bytes.Buffer
		if err := render(&got, commands(text)); err != nil || got.String() != want {
			t.Errorf("%q: %q %v", text, got.String(), err)
		}
	}
}

// A commit's line ends when it was complete, however long ago that was and whatever has become of its nodes since.
// Where nobody has looked meanwhile, its beginning and its end are known nevertheless.
func TestALineEndsWhenItsCommitWasComplete(t *testing.T) {
	s, d := watched(0, 12)
	done := at(121 * time.Second)
	f := d.Sync.Status.InFlight
	f.State, f.Completed = api.Complete, &done
	d.View.Now, d.View.Counts.Settled = noon.Add(72*time.Hour), 11
	s.See(&d.View)
	b := parsed(t, syncPage(t, page(), d)).id(t, "burnup")
	b.says(t, "bbbbbbb 12 of 12 after 2m1s")
	if rows := b.cells(); fmt.Sprint(rows[14]) != "[bbbbbbb 2m1s 12 12]" || rows[15][0] != "aaaaaaa" {
		t.Errorf("%q", rows)
	}
	for _, line := range b.tags("polyline") {
		inside(t, line)
	}
	d.Series = &Series{}
	d.Series.See(&d.View)
	parsed(t, syncPage(t, page(), d)).id(t, "burnup").says(t, "bbbbbbb complete after 2m1s", "Of a dashed line")
}

// The time that an earlier commit had to wait for the one before it is not of its rollout.
func TestALineBeginsWhenItsCommitCouldStart(t *testing.T) {
	_, d := watched(0, 9)
	d.Sync.Status.History[5].Since = at(-65 * time.Minute)
	parsed(t, syncPage(t, page(), d)).id(t, "burnup").says(t, "aaaaaaa complete after 5m")
}

// Nothing is said of dashed lines where each commit was seen from its beginning on.
func TestOnlyADashedLineIsExplained(t *testing.T) {
	s := &Series{}
	sees := func(commit string, now time.Time, settled int) {
		s.See(&view.View{Now: now, Commit: api.Short(commit), Commits: []view.Commit{{Commit: commit}},
			Counts: view.Counts{Desired: 12, Settled: settled}})
	}
	sees(hash("a"), noon.Add(-70*time.Minute), 0)
	sees(hash("a"), noon.Add(-65*time.Minute), 7)
	sees(hash("b"), noon, 0)
	sync := fleetSync()
	sync.Status.History = sync.Status.History[2:4]
	d := dataOf(sync, judged(12, func(int) rollout.NodeState { return rollout.IsOld }))
	d.Series = s
	b := parsed(t, syncPage(t, page(), d)).id(t, "burnup")
	b.says(t, "aaaaaaa 12 of 12 after 10m")
	if text := b.text(); len(b.tags("polyline")) != 2 || strings.Contains(text, "dashed") {
		t.Error(text)
	}
}
