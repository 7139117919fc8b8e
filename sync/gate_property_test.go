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
// Complete is final (law 6) also where it relapses, which is told once and holds or is rolled back by its own rule, and once nothing more happens every commit has come to exactly one settled state (law 3).
func TestGateKeepsItsLawsInRandomStories(t *testing.T) {
	back, relapsed := 0, 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := newStage(t)
		s.gate.Order = []api.Order{api.OrderLatest, api.OrderEach}[r.IntN(2)]
		s.gate.Verify = []api.VerifyMode{"", api.VerifyHead, api.VerifyEvery}[r.IntN(3)]
		s.gate.OnStuck = []api.OnStuck{api.OnStuckRelease, api.OnStuckRollback, api.OnStuckRollback, api.OnStuckHold}[r.IntN(4)]
		s.gate.OnRelapse = []api.OnRelapse{api.OnRelapseReport, api.OnRelapseHold, api.OnRelapseRollback}[r.IntN(3)]
		l := &laws{t: t, seed: seed, gate: s.gate, final: map[string]api.CommitState{}, relapsed: map[string]string{}}
		for range 60 {
			if s.state.InFlight.IsComplete() && r.IntN(7) == 0 {
				s.relapses(r)
			} else {
				s.happen(r)
			}
			l.tick(s)
		}
		s.finish(l)
		for _, c := range s.commits {
			if !l.final[c.Hash].Settled() {
				t.Fatalf("seed %d: %s ended as %q", seed, c.Hash, l.final[c.Hash])
			}
		}
		back, relapsed = back+l.back, relapsed+l.relapses
	}
	if back < 20 || relapsed < 100 {
		t.Errorf("only %d commits were rolled back and %d relapsed: the stories are too tame", back, relapsed)
	}
}

// laws watches one story.
type laws struct {
	t     *testing.T
	seed  uint64
	gate  Gate
	final map[string]api.CommitState
	// relapsed is what is said of the commits that have relapsed.
	relapsed map[string]string
	// back is how often a commit was rolled back, and relapses how often one relapsed.
	back, relapses int
}

// relapses lets the agents of a completed flight keep ending, or be well again.
func (s *stage) relapses(r *rand.Rand) {
	line := [][]string{{"relapse", "CrashLoop"}, {"relapse", "ProbeFailing"}, {"relapse"}, {"well"}}[r.IntN(4)]
	s.do(line[0], line[1:])
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
	case n < 8 && flying != nil && !flying.Unwritten():
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
		if flying.IsComplete() {
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
		l.relapse(before, s.state, d)
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
		l.moved(m)
	}
}

// moved holds that what is Complete stays so, and that what is in trouble is not tried again by itself.
func (l *laws) moved(m Move) {
	was := l.final[m.Commit]
	if was == api.Complete && m.State != api.Complete {
		l.t.Fatalf("seed %d: %s was Complete and is %s", l.seed, m.Commit, m.State)
	}
	if m.State == api.Applying && (was == api.Stuck || l.relapsed[m.Commit] != "") {
		l.t.Fatalf("seed %d: %s is tried again by itself", l.seed, m.Commit)
	}
	l.final[m.Commit] = m.State
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

// relapse holds what is told of relapses, that a commit which has relapsed is nothing to go back to, and that it holds the gate
// where that was asked for.
func (l *laws) relapse(before *State, after State, d Decision) {
	for _, m := range d.Moves {
		l.relapseTold(m)
	}
	if c := after.LastComplete; c != "" && l.relapsed[c] != "" {
		l.t.Fatalf("seed %d: %s has relapsed and is what is gone back to", l.seed, c)
	}
	f := before.InFlight
	if f == nil || f.Relapse == nil || f.Relapse.Released || l.gate.OnRelapse != api.OnRelapseHold || before.Released != after.Released {
		return
	}
	if after.InFlight.Commit != f.Commit && !l.recoveredIn(d, f.Commit) {
		l.t.Fatalf("seed %d: %s took off while %s held the gate", l.seed, after.InFlight.Commit, f.Commit)
	}
}

// relapseTold holds that a relapse and its end are told of complete commits and those that follow them alone, and once.
func (l *laws) relapseTold(m Move) {
	said, was := "", l.relapsed[m.Commit]
	if m.Relapsed {
		said = m.Message
	}
	if said != "" && was == "" {
		l.relapses++
	}
	l.relapsed[m.Commit] = said
	if !m.Relapsed && !m.Recovered {
		return
	}
	if m.State != api.Complete && m.Outcome != api.Complete {
		l.t.Fatalf("seed %d: %s, which is %s by %s, is told to have relapsed", l.seed, m.Commit, m.State, m.By)
	}
	if m.Recovered && was == "" || m.Relapsed && m.By == "" && was == said {
		l.t.Fatalf("seed %d: %s is told twice: %q", l.seed, m.Commit, said)
	}
}

// recoveredIn reports whether a commit recovered in this very turn.
func (l *laws) recoveredIn(d Decision, commit string) bool {
	for _, m := range d.Moves {
		if m.Commit == commit && m.Recovered {
			return true
		}
	}
	return false
}

// rolledBack holds law 5: only what is stuck or has relapsed is rolled back, where that was asked for, to the last commit that
// was complete, and not twice.
func (l *laws) rolledBack(before *State, f *api.Flight) {
	l.back++
	was := before.InFlight
	troubled := was.State == api.Stuck && l.gate.OnStuck == api.OnStuckRollback || was.Relapse != nil && l.gate.OnRelapse == api.OnRelapseRollback
	if !troubled || f.RollbackOf.Relapsed != (was.Relapse != nil) || f.RollbackOf.Commit != was.Commit || f.Commit != before.LastComplete || l.final[f.Commit] != api.Complete {
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
