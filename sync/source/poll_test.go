package source

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/daemongate/daemongate/sync/gate"
)

// A poll may be answered with what another Sync of the repository was told a short while ago, but never with what this
// one knows already; one that somebody asks for asks the server itself.
func TestPollsShareRecentAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p poller
		var ages []time.Duration
		var looks []time.Time
		poll := func() time.Time {
			p.start(func(do func()) { go do() }, time.Now(), time.Minute, func(age time.Duration) (*gate.History,
				error) {
				ages, looks = append(ages, age), append(looks, time.Now())
				return nil, nil
			}, func(time.Time) {})
			synctest.Wait()
			return p.due
		}
		for range 100 {
			time.Sleep(time.Until(poll()))
		}
		for i := 1; i < len(looks); i++ {
			if between := looks[i].Sub(looks[i-1]); ages[i] <= 0 || ages[i] >= between {
				t.Fatalf("after %s an answer of up to %s was taken", between, ages[i])
			}
		}
		p.ask()
		if poll(); ages[len(ages)-1] != 0 {
			t.Errorf("who asked was content with an answer of %s ago", ages[len(ages)-1])
		}
	})
}

// A poll that saw what was known has the Sync have its next turn when another one is due, unless somebody has asked for
// this one, or for another one meanwhile. Whatever else a poll comes to is looked at at once.
func TestAPollWithoutNewsWakesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p poller
		known := &gate.History{Head: hash("1")}
		poll := func(h *gate.History, err error, meanwhile func()) (at time.Time) {
			t.Helper()
			time.Sleep(time.Until(p.due))
			p.start(func(do func()) { go do() }, time.Now(), time.Minute, func(time.Duration) (*gate.History, error) {
				meanwhile()
				return h, err
			}, func(then time.Time) { at = then })
			synctest.Wait()
			return at
		}
		nothing, failed := func() {}, errors.New("down")
		for i, c := range []struct {
			before    func()
			history   *gate.History
			err       error
			meanwhile func()
			news      bool
		}{
			{nothing, known, nil, nothing, true},
			{nothing, known, nil, nothing, false},
			{p.ask, known, nil, nothing, true},
			{nothing, known, nil, p.ask, true},
			{nothing, known, nil, nothing, true}, // who asked for it
			{nothing, known, nil, nothing, false},
			{nothing, known, nil, func() { p.pushedTo(hash("2"), time.Now()) }, true},
			{nothing, known, nil, nothing, true}, // for which the push was
			{nothing, nil, failed, nothing, true},
			{nothing, known, nil, nothing, true},
			{nothing, known, nil, nothing, false},
			{nothing, &gate.History{Head: hash("1")}, nil, nothing, true},
		} {
			c.before()
			if at := poll(c.history, c.err, c.meanwhile); at.IsZero() != c.news || !c.news && !at.Equal(p.due) {
				t.Errorf("poll %d: a turn at %s, and the next poll is due at %s", i+1, at, p.due)
			}
		}
	})
}
