package source

import (
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
			}, func() {})
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
