package gatetest

import (
	"fmt"
	"math/rand/v2"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// Relapses lets the agents of a completed flight keep ending, or be well again.
func (s *Stage) Relapses(r *rand.Rand) {
	line := [][]string{{"relapse", "CrashLoop"}, {"relapse", "ProbeFailing"}, {"relapse"}, {"well"}}[r.IntN(4)]
	s.Do(line[0], line[1:])
}

// Happen lets one thing happen at random.
func (s *Stage) Happen(r *rand.Rand) {
	flying := s.State.InFlight
	switch n := r.IntN(13); {
	case n < 3:
		c := fmt.Sprint("c", len(s.Commits)+1)
		sets := []string{"", "=a", "=b", "=Invalid broken", "=Refused not now", "=Slow too much",
			"=Misfit pods do not fit 3 of 12 nodes", "=Tight pods do not fit 1 of 500 nodes"}
		s.Push([]string{c + sets[r.IntN(len(sets))]})
	case n < 5 && flying != nil:
		s.Do("written", [][]string{nil, {"timeout"}}[r.IntN(2)])
	case n < 8 && flying != nil && !flying.Unwritten():
		s.Do("rollout", [][]string{{"RollingOut"}, {"Stuck", "CrashLoop"}, {"Complete"},
			{"Complete", "oldpods"}}[r.IntN(4)])
	case n == 8:
		s.Restart()
	case n == 9:
		s.Do([]string{"closed", "open"}[r.IntN(2)], []string{"1h"})
	case n == 11 && len(s.Commits) > 0:
		s.Do([]string{"unverified", "verified"}[r.IntN(2)], []string{s.Commits[r.IntN(len(s.Commits))].Hash,
			"is not signed"})
	case n == 10 && len(s.Commits) > 0:
		s.Do("override", []string{s.Commits[r.IntN(len(s.Commits))].Hash})
	default:
		s.releases(r)
		s.Observation.Now = s.Observation.Now.Add(time.Duration(r.IntN(60)) * time.Second)
		if flying.IsComplete() {
			s.Do("pruned", nil)
		}
	}
}

// releases lets a commit pass now and then that waits for room.
func (s *Stage) releases(r *rand.Rand) {
	if p := s.State.Preflight; p != nil && len(p.Held) > 0 && r.IntN(4) == 0 {
		s.Do("release", []string{p.Held[0], fmt.Sprint(len(s.Commits))})
	}
}

// Finish pushes a commit that can be applied and lets everything succeed.
func (s *Stage) Finish(l *Laws) {
	s.Observation.Window, s.unverified = gate.Opening{}, map[string]api.Public{}
	s.Push([]string{"last=good"})
	for range 3 * (len(s.Commits) + 2) {
		s.look()
		if f := s.State.InFlight; f != nil {
			s.Do("release", []string{f.Commit, "in the end"})
			s.Observation.Now = s.Observation.Now.Add(time.Minute)
			s.Do("written", nil)
			s.Do("rollout", []string{"Complete"})
			l.Tick(s)
			s.Do("pruned", nil)
		}
		l.Tick(s)
	}
}
