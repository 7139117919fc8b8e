package gate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Several commits wait for room, each for its own reason, and the newest may not even render. Whatever the order in which they
// are gone through, what is told is the reason of one of them, and a release would be of that one; it lets that one go.
func TestAReleaseIsOfTheCommitOfWhichIsTold(t *testing.T) {
	for i := range 3 {
		order, fails := []api.Order{api.OrderLatest, api.OrderEach, api.OrderEach}[i], i > 1
		g := Gate{Order: order, Preflight: api.PreflightHold}
		o := Observation{Now: time.Unix(1, 0), Generation: 1, History: &History{Head: "third", After: "before",
			Commits: []Commit{{Hash: "first"}, {Hash: "second"}, {Hash: "third"}}}}
		s := State{Passed: "before", PassedGeneration: 1}
		rest := func() {
			for range 20 {
				var d Decision
				if s, d = g.Step(s, o); d.Prepare == "" {
					return
				}
				o.Prepared = &Prepared{Commit: d.Prepare, Generation: 1, Outcome: Ready, Digest: "set of " + d.Prepare,
					Misfit: api.ForAll(api.Public(d.Prepare + " is too large")), Serious: true}
				if fails && d.Prepare == "third" {
					o.Prepared.Outcome, o.Prepared.Problem = Invalid, api.ForAll("is no YAML")
				}
			}
			t.Fatalf("%s: the gate does not come to rest", order)
		}
		for range 4 {
			rest()
			h := s.Held
			if h.Release == "" || !strings.HasPrefix(h.Reason, h.Release+" is too large") {
				t.Fatalf("%s: a release would be of %q, and it is told: %s", order, h.Release, h.Reason)
			}
			o.Prepared = nil // by now all is prepared anew
		}
		o.Released = s.Held.Release + " now"
		if rest(); s.InFlight == nil || fmt.Sprintf("%s now", s.InFlight.Commit) != o.Released {
			t.Errorf("%s: %s was said, and there is %+v", order, o.Released, s.InFlight)
		}
	}
}
