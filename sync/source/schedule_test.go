package source

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// polled is a Sync with a schedule, whose polls are counted and whose controller can be stopped.
type polled struct {
	t      *testing.T
	sync   *api.Sync
	poller *poller
	fails  bool
	polls  []string // when the server was asked
	reads  int      // how often what was known already was read again
	quit   chan bool
	wake   chan bool
	works  works
}

func newPolled(t *testing.T, expression, zone string) *polled {
	s := &api.Sync{Spec: api.SyncSpec{Source: api.Source{Schedule: expression, TimeZone: zone}}}
	return &polled{t: t, sync: s}
}

// start runs the controller, as it is after a restart.
func (p *polled) start() {
	p.t.Helper()
	c, err := scheduleOf(p.sync, time.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	p.poller = &poller{schedule: c, recall: p.sync.Status.Head != ""}
	p.quit, p.wake = make(chan bool), make(chan bool, 100)
	go p.run(p.poller)
	synctest.Wait()
}

func (p *polled) stop() { p.quit <- true }

func (p *polled) run(poller *poller) {
	for {
		due := poller.start(func(do func()) { go do() }, time.Now(), time.Minute, p.look, func(time.Time) { p.wake <- true })
		p.works.Lock()
		poller.note(&p.sync.Status)
		p.works.Unlock()
		timer := time.NewTimer(time.Until(due))
		if due.IsZero() {
			timer.Stop()
		}
		select {
		case <-timer.C:
		case <-p.wake:
		case <-p.quit:
			return
		}
	}
}

func (p *polled) look(age time.Duration) (*gate.History, error) {
	p.works.Lock()
	defer p.works.Unlock()
	if age == asBefore {
		p.reads++
		return &gate.History{Head: p.sync.Status.Head}, nil
	}
	p.polls = append(p.polls, time.Now().UTC().Format(time.RFC3339))
	if p.fails {
		return nil, errors.New("the server is down")
	}
	p.sync.Status.Head = hash("1")
	return &gate.History{Head: hash("1")}, nil
}

// polledAt fails unless the server was asked at these times, and no others, since the last time that this was asked.
func (p *polled) polledAt(times ...string) {
	p.t.Helper()
	synctest.Wait()
	if !slices.Equal(p.polls, times) {
		p.t.Errorf("polled at %v, want %v", p.polls, times)
	}
	p.polls = nil
}

func sleepUntil(t *testing.T, text string) {
	t.Helper()
	time.Sleep(time.Until(instant(t, text)))
	synctest.Wait()
}

func (p *polled) sleepUntil(text string) {
	p.t.Helper()
	p.works.sleep(time.Until(instant(p.t, text)))
}

// A Sync with a schedule polls at its times, by the wall clock, and at no others; in the nights in which the clocks
// change each time comes once.
func TestPollsBySchedule(t *testing.T) {
	for _, story := range []struct {
		expression, zone, from, until string
		want                          []string
	}{
		{"30 */2 * * *", "", "2026-05-01T00:00:00Z", "2026-05-01T05:00:00Z", []string{"2026-05-01T00:30:00Z",
			"2026-05-01T02:30:00Z", "2026-05-01T04:30:00Z"}},
		{"30 1,3 * * *", "Europe/London", "2026-03-28T22:00:00Z", "2026-03-29T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-29T02:30:00Z"}},
		{"30 1,3 * * *", "Europe/London", "2026-10-24T22:00:00Z", "2026-10-25T12:00:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-25T03:30:00Z"}},
		{"30 2 * * *", "Europe/Berlin", "2026-03-28T22:00:00Z", "2026-03-30T12:00:00Z", []string{"2026-03-29T01:00:00Z",
			"2026-03-30T00:30:00Z"}},
		{"30 2 * * *", "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-26T12:00:00Z", []string{"2026-10-25T00:30:00Z",
			"2026-10-26T01:30:00Z"}},
		{"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", "2026-10-05T12:00:00Z",
			[]string{"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"}},
		{"45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00:00Z", "2026-04-05T18:00:00Z",
			[]string{"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
		{"*/30 * * * *", "Europe/London", "2026-10-25T00:10:00Z", "2026-10-25T02:10:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"}},
	} {
		t.Run(story.expression+" "+story.zone+" "+story.from, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sleepUntil(t, story.from)
				p := newPolled(t, story.expression, story.zone)
				p.start()
				p.sleepUntil(story.until)
				p.polledAt(story.want...)
				p.stop()
			})
		})
	}
}

// A time that passed while Daemongate was down is made up for once, if it is not too long ago. After a restart, what is
// known already is read again without asking the server.
func TestMissedPollIsMadeUpOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sleepUntil(t, "2026-05-01T00:00:00Z")
		p := newPolled(t, "0,15,30 2 * * *", "")
		p.start()
		p.sleepUntil("2026-05-01T02:10:00Z")
		p.polledAt("2026-05-01T02:00:00Z")
		p.stop()

		p.sleepUntil("2026-05-01T02:40:00Z")
		p.start()
		p.polledAt("2026-05-01T02:40:00Z")
		if next := p.sync.Status.Schedule.Next; !next.Time.Equal(instant(t, "2026-05-02T02:00:00Z")) {
			t.Errorf("the next is at %v", next)
		}
		p.stop()
		p.sleepUntil("2026-05-01T02:50:00Z")
		p.start()
		p.polledAt()
		if p.reads != 1 {
			t.Errorf("read %d times what was known", p.reads)
		}
		p.stop()

		p.sleepUntil("2026-05-02T03:31:00Z")
		p.start()
		p.polledAt()
		p.sleepUntil("2026-05-03T02:01:00Z")
		p.polledAt("2026-05-03T02:00:00Z")
		p.stop()
	})
}

// A push does not make a Sync poll before its time; a person does. A poll that fails is tried again, until the
// deadline.
func TestScheduleAgainstPushesAndFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sleepUntil(t, "2026-05-01T00:00:00Z")
		p := newPolled(t, "0 2 * * *", "")
		p.sync.Spec.Source.StartingDeadline = &metav1.Duration{Duration: 10 * time.Minute}
		p.start()
		p.poller.push()
		p.wake <- true
		p.polledAt()
		p.poller.ask()
		p.wake <- true
		p.polledAt("2026-05-01T00:00:00Z")

		p.fails = true
		p.sleepUntil("2026-05-01T02:05:00Z")
		tries := len(p.polls)
		if tries < 2 || p.polls[0] != "2026-05-01T02:00:00Z" {
			t.Errorf("a failed poll was tried at %v", p.polls)
		}
		p.sleepUntil("2026-05-02T01:59:00Z")
		if last := instant(t, p.polls[len(p.polls)-1]); last.After(instant(t, "2026-05-01T02:10:00Z")) {
			t.Errorf("tried after the deadline: %v", p.polls)
		}
		p.polls, p.fails = nil, false
		p.sleepUntil("2026-05-02T12:00:00Z")
		p.polledAt("2026-05-02T02:00:00Z")
		p.stop()
	})
}

// A changed schedule begins when it is seen: it makes up for none of its own past. One that cannot be read names the
// field.
func TestSchedulesThatChange(t *testing.T) {
	now := instant(t, "2026-05-01T12:30:00Z")
	s := &api.Sync{Spec: api.SyncSpec{Source: api.Source{Schedule: "0 12 * * *"}}}
	s.Status.Schedule = &api.ScheduleStatus{Of: "0 2 * * * UTC", Last: metav1.NewMicroTime(now.Add(-24 * time.Hour))}
	c, err := scheduleOf(s, now)
	if err != nil || !c.run(now).Equal(instant(t, "2026-05-02T12:00:00Z")) {
		t.Errorf("the first time of a new schedule is %v, %v", c.run(now), err)
	}
	for want, source := range map[string]api.Source{
		"spec.source.schedule: ": {Schedule: "CRON_TZ=UTC"},
		"spec.source.timeZone: ": {Schedule: "0 0 * * *", TimeZone: "Local"},
		"spec.source.startingDeadline: ": {Schedule: "0 0 * * *",
			StartingDeadline: &metav1.Duration{Duration: 48 * time.Hour}},
	} {
		s.Spec.Source = source
		if _, err := scheduleOf(s, now); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", source, err, want)
		}
	}
}
