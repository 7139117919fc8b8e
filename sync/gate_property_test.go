package sync

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Whatever happens, in whatever order, with restarts in between: a commit is applied only when the one before
// it has settled (law 1), Complete is final (law 6), and once nothing more happens every commit has come to
// exactly one settled state (law 3).
func TestGateKeepsItsLawsInRandomStories(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := newStage(t)
		s.gate.Order = []api.Order{api.OrderLatest, api.OrderEach}[r.IntN(2)]
		l := &laws{t: t, seed: seed, final: map[string]api.CommitState{}}
		for range 40 {
			s.happen(r)
			l.tick(s)
		}
		s.finish(l)
		for _, c := range s.commits {
			if !l.final[c.Hash].Settled() {
				t.Fatalf("seed %d: %s ended as %q", seed, c.Hash, l.final[c.Hash])
			}
		}
	}
}

// laws watches one story.
type laws struct {
	t     *testing.T
	seed  uint64
	final map[string]api.CommitState
}

// happen lets one thing happen at random.
func (s *stage) happen(r *rand.Rand) {
	flying := s.state.InFlight
	switch n := r.IntN(10); {
	case n < 3:
		c := fmt.Sprint("c", len(s.commits)+1)
		sets := []string{"", "=a", "=b", "=Invalid broken", "=Refused not now"}
		s.push([]string{c + sets[r.IntN(len(sets))]})
	case n < 5 && flying != nil:
		s.do("written", [][]string{nil, {"timeout"}}[r.IntN(2)])
	case n < 8 && flying != nil && !unwritten(flying):
		s.do("rollout", [][]string{{"RollingOut"}, {"Stuck", "CrashLoop"}, {"Complete"}, {"Complete", "oldpods"}}[r.IntN(4)])
	case n == 8:
		s.restart()
	default:
		s.o.Now = s.o.Now.Add(time.Duration(r.IntN(60)) * time.Second)
		if flying != nil && flying.State == api.Complete {
			s.do("pruned", nil)
		}
	}
}

// tick is stage.tick with the laws looked after.
func (l *laws) tick(s *stage) {
	for range 100 {
		before := s.state.DeepCopy()
		var d Decision
		s.state, d = s.gate.Step(s.state, s.o)
		s.o.Prepared = unconsumed(s.o.Prepared)
		l.check(before, s.state, d)
		if d.Prepare == "" {
			return
		}
		s.o.Prepared = s.prepare(d.Prepare)
	}
	l.t.Fatalf("seed %d: the gate does not come to rest", l.seed)
}

func (l *laws) check(before *State, after State, d Decision) {
	if f := before.InFlight; f != nil && !f.State.Settled() && after.InFlight.Commit != f.Commit && !l.settledIn(d, f.Commit) {
		l.t.Fatalf("seed %d: %s took off while %s was %s", l.seed, after.InFlight.Commit, f.Commit, f.State)
	}
	if d.Apply != "" && d.Apply != after.InFlight.Commit {
		l.t.Fatalf("seed %d: %s is to be written, and not in flight", l.seed, d.Apply)
	}
	for _, m := range d.Moves {
		if was := l.final[m.Commit]; was == api.Complete && m.State != api.Complete {
			l.t.Fatalf("seed %d: %s was Complete and is %s", l.seed, m.Commit, m.State)
		}
		l.final[m.Commit] = m.State
	}
}

func (l *laws) settledIn(d Decision, commit string) bool {
	for _, m := range d.Moves {
		if m.Commit == commit && m.State.Settled() {
			return true
		}
	}
	return false
}

// finish pushes a commit that can be applied and lets everything succeed.
func (s *stage) finish(l *laws) {
	s.push([]string{"last=good"})
	for range 3 * (len(s.commits) + 2) {
		s.look()
		if f := s.state.InFlight; f != nil {
			s.o.Now = s.o.Now.Add(time.Minute)
			s.do("written", nil)
			s.do("rollout", []string{"Complete"})
			l.tick(s)
			s.do("pruned", nil)
		}
		l.tick(s)
	}
}
