package sync

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Whatever happens, in whatever order, with restarts in between: a commit is applied only when the one before
// it has settled (law 1) and a window is open (law 9), what was rolled back is not tried again by itself (law 5),
// Complete is final (law 6), and once nothing more happens every commit has come to exactly one settled state (law 3).
func TestGateKeepsItsLawsInRandomStories(t *testing.T) {
	back := 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := newStage(t)
		s.gate.Order = []api.Order{api.OrderLatest, api.OrderEach}[r.IntN(2)]
		s.gate.Verify = []api.VerifyMode{"", api.VerifyHead, api.VerifyEvery}[r.IntN(3)]
		s.gate.OnStuck = []api.OnStuck{api.OnStuckRelease, api.OnStuckRollback, api.OnStuckRollback, api.OnStuckHold}[r.IntN(4)]
		l := &laws{t: t, seed: seed, final: map[string]api.CommitState{}}
		for range 60 {
			s.happen(r)
			l.tick(s)
		}
		s.finish(l)
		for _, c := range s.commits {
			if !l.final[c.Hash].Settled() {
				t.Fatalf("seed %d: %s ended as %q", seed, c.Hash, l.final[c.Hash])
			}
		}
		back += l.back
	}
	if back < 20 {
		t.Errorf("only %d commits were rolled back: the stories are too tame", back)
	}
}

// laws watches one story.
type laws struct {
	t     *testing.T
	seed  uint64
	final map[string]api.CommitState
	// back is how often a stuck commit was rolled back.
	back int
}

// happen lets one thing happen at random.
func (s *stage) happen(r *rand.Rand) {
	flying := s.state.InFlight
	switch n := r.IntN(13); {
	case n < 3:
		c := fmt.Sprint("c", len(s.commits)+1)
		sets := []string{"", "=a", "=b", "=Invalid broken", "=Refused not now", "=Slow too much"}
		s.push([]string{c + sets[r.IntN(len(sets))]})
	case n < 5 && flying != nil:
		s.do("written", [][]string{nil, {"timeout"}}[r.IntN(2)])
	case n < 8 && flying != nil && !unwritten(flying):
		s.do("rollout", [][]string{{"RollingOut"}, {"Stuck", "CrashLoop"}, {"Complete"}, {"Complete", "oldpods"}}[r.IntN(4)])
	case n == 8:
		s.restart()
	case n == 9:
		s.do([]string{"closed", "open"}[r.IntN(2)], []string{"1h"})
	case n == 11 && len(s.commits) > 0:
		s.do([]string{"unverified", "verified"}[r.IntN(2)], []string{s.commits[r.IntN(len(s.commits))].Hash, "is not signed"})
	case n == 10 && len(s.commits) > 0:
		s.do("override", []string{s.commits[r.IntN(len(s.commits))].Hash})
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
		s.consume(d)
		l.check(before, s.state, d)
		l.windowed(s.o, before, s.state)
		l.trusted(s, before, s.state)
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
	if f := after.InFlight; f != nil && f.RollbackOf != nil && before.InFlight.RollbackOf == nil {
		l.rolledBack(before, f)
	}
	if d.Apply != "" && d.Apply != after.InFlight.Commit {
		l.t.Fatalf("seed %d: %s is to be written, and not in flight", l.seed, d.Apply)
	}
	for _, m := range d.Moves {
		if was := l.final[m.Commit]; was == api.Complete && m.State != api.Complete {
			l.t.Fatalf("seed %d: %s was Complete and is %s", l.seed, m.Commit, m.State)
		}
		if m.State == api.Applying && l.final[m.Commit] == api.Stuck {
			l.t.Fatalf("seed %d: %s is tried again by itself", l.seed, m.Commit)
		}
		l.final[m.Commit] = m.State
	}
}

// windowed holds law 9: while no window is open, nothing takes off but what a person names, once.
func (l *laws) windowed(o Observation, before *State, after State) {
	f, was := after.InFlight, before.InFlight
	if o.Window.Closed == "" || f == nil || f.RollbackOf != nil || was != nil && was.Commit == f.Commit && was.Since == f.Since {
		return
	}
	v, spent := o.Override, before.Overridden
	if v == nil || v.Commit != f.Commit || spent != nil && spent.Commit == v.Commit && spent.At.Equal(&v.At) {
		l.t.Fatalf("seed %d: %s took off outside the windows", l.seed, f.Commit)
	}
}

// trusted holds that nothing takes off that is not verified, and with Every nothing that comes after such a commit.
func (l *laws) trusted(s *stage, before *State, after State) {
	f, was := after.InFlight, before.InFlight
	if s.gate.Verify == "" || s.o.History == nil || f == nil || f.RollbackOf != nil || was != nil && was.Commit == f.Commit && was.Since == f.Since {
		return
	}
	from := s.index(f.Commit)
	if s.gate.Verify == api.VerifyEvery && before.Passed != "" {
		from = min(from, s.index(before.Passed)+1)
	}
	for _, c := range s.commits[from : s.index(f.Commit)+1] {
		if problem := s.o.History.Unverified[c.Hash]; problem != "" {
			l.t.Fatalf("seed %d: %s took off, and %s", l.seed, f.Commit, problem)
		}
	}
}

// rolledBack holds law 5: only what is stuck is rolled back, to the last commit that was complete, and not twice.
func (l *laws) rolledBack(before *State, f *api.Flight) {
	l.back++
	was := before.InFlight
	if was.State != api.Stuck || f.RollbackOf.Commit != was.Commit || f.Commit != before.LastComplete || l.final[f.Commit] != api.Complete {
		l.t.Fatalf("seed %d: %s, which is %s, was rolled back to %s", l.seed, was.Commit, was.State, f.Commit)
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
	s.o.Window, s.unverified = Opening{}, map[string]string{}
	s.push([]string{"last=good"})
	for range 3 * (len(s.commits) + 2) {
		s.look()
		if f := s.state.InFlight; f != nil {
			s.do("release", []string{f.Commit, "in the end"})
			s.o.Now = s.o.Now.Add(time.Minute)
			s.do("written", nil)
			s.do("rollout", []string{"Complete"})
			l.tick(s)
			s.do("pruned", nil)
		}
		l.tick(s)
	}
}
