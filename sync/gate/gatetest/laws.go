package gatetest

import (
	"slices"
	"strings"
	"testing"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// Laws watches one story.
type Laws struct {
	T     *testing.T
	Seed  uint64
	Gate  gate.Gate
	Final map[string]api.CommitState
	// Relapsed is what is said of the commits that have relapsed.
	Relapsed map[string]string
	// Back is how often a commit was rolled back, and relapses how often one relapsed.
	Back, Relapses int
	// Waited is how often a commit waited for room.
	Waited int
	// Waiting is how often commits waited for a release.
	Waiting int
}

// Tick is stage.tick with the laws looked after.
func (l *Laws) Tick(s *Stage) {
	for range 100 {
		before := s.State.DeepCopy()
		var d gate.Decision
		s.State, d = s.Gate.Step(s.State, s.Observation)
		s.consume(d)
		l.check(before, s.State, d)
		l.relapse(before, s.State, d)
		l.windowed(s.Observation, before, s.State)
		l.trusted(s, before, s.State)
		l.roomy(s, before, s.State)
		l.released(s, d)
		if d.Prepare == "" {
			return
		}
		s.Observation.Prepared = s.prepare(d.Prepare)
	}
	l.T.Fatalf("seed %d: the gate does not come to rest", l.Seed)
}

func (l *Laws) check(before *gate.State, after gate.State, d gate.Decision) {
	if f := before.InFlight; f != nil && !f.State.Settled() && after.InFlight.Commit != f.Commit &&
		!l.settledIn(d, f.Commit) {
		l.T.Fatalf("seed %d: %s took off while %s was %s", l.Seed, after.InFlight.Commit, f.Commit, f.State)
	}
	if f := after.InFlight; f != nil && f.RollbackOf != nil && before.InFlight.RollbackOf == nil {
		l.rolledBack(before, f)
	}
	if d.Apply != "" && d.Apply != after.InFlight.Commit {
		l.T.Fatalf("seed %d: %s is to be written, and not in flight", l.Seed, d.Apply)
	}
	for _, m := range d.Moves {
		l.moved(m)
	}
}

// moved holds that what is Complete stays so, and that what is in trouble is not tried again by itself.
func (l *Laws) moved(m gate.Move) {
	was := l.Final[m.Commit]
	if was == api.Complete && m.State != api.Complete {
		l.T.Fatalf("seed %d: %s was Complete and is %s", l.Seed, m.Commit, m.State)
	}
	if m.State == api.Applying && (was == api.Stuck || l.Relapsed[m.Commit] != "") {
		l.T.Fatalf("seed %d: %s is tried again by itself", l.Seed, m.Commit)
	}
	l.Final[m.Commit] = m.State
}

// windowed holds law 9: while no window is open, nothing takes off but what a person names, once.
func (l *Laws) windowed(o gate.Observation, before *gate.State, after gate.State) {
	f, was := after.InFlight, before.InFlight
	if o.Window.Closed == "" || f == nil || f.RollbackOf != nil || was != nil && was.Commit == f.Commit &&
		was.Since == f.Since {
		return
	}
	v, spent := o.Override, before.Overridden
	if v == nil || v.Commit != f.Commit || spent != nil && spent.Commit == v.Commit && spent.At.Equal(&v.At) {
		l.T.Fatalf("seed %d: %s took off outside the windows", l.Seed, f.Commit)
	}
}

// trusted holds that nothing takes off that is not verified, and with Every nothing that comes after such a commit.
func (l *Laws) trusted(s *Stage, before *gate.State, after gate.State) {
	f, was := after.InFlight, before.InFlight
	if s.Gate.Verify == "" || s.Observation.History == nil || f == nil || f.RollbackOf != nil || was != nil &&
		was.Commit == f.Commit && was.Since == f.Since {
		return
	}
	from := s.index(f.Commit)
	if s.Gate.Verify == api.VerifyEvery && before.Passed != "" {
		from = min(from, s.index(before.Passed)+1)
	}
	for _, c := range s.Commits[from : s.index(f.Commit)+1] {
		if problem := s.Observation.History.Unverified[c.Hash]; problem != "" {
			l.T.Fatalf("seed %d: %s took off, and %s", l.Seed, f.Commit, problem)
		}
	}
}

// roomy holds that what would not fit takes off only where that may be, or a person says so, and that nothing waits for
// room elsewhere.
func (l *Laws) roomy(s *Stage, before *gate.State, after gate.State) {
	f, was := after.InFlight, before.InFlight
	holds := s.Gate.Preflight == api.PreflightHold
	if p := after.Preflight; p != nil && len(p.Held) > 0 {
		if l.Waited++; !holds {
			l.T.Fatalf("seed %d: %v wait for room with preflight %s", l.Seed, p.Held, s.Gate.Preflight)
		}
	}
	if !holds || f == nil || f.RollbackOf != nil || was != nil && was.Commit == f.Commit && was.Since == f.Since ||
		!strings.HasPrefix(s.sets[f.Commit], "Misfit") {
		return
	}
	said := before.Preflight != nil && before.Preflight.Released == f.Commit
	if commit, _, _ := strings.Cut(s.Observation.Released, " "); commit != f.Commit && !said {
		l.T.Fatalf("seed %d: %s took off and does not fit", l.Seed, f.Commit)
	}
}

// released holds that where commits are said to wait for a release it is known which commit that has to name, that this
// is the one of which they are told, and that the release is taken.
func (l *Laws) released(s *Stage, d gate.Decision) {
	h := s.State.Held
	silent := d.Prepare != "" || d.Prune || d.Compare || d.Correct || s.Observation.History == nil // nothing is new
	if silent || !strings.Contains(h.Reason, "daemongate release") {
		return
	}
	l.isToldOf(&s.State)
	o := s.Observation
	o.Released = h.Release + " as the law asks"
	if after, _ := s.Gate.Step(s.State, o); after.Released != o.Released && after.Held.Reason == h.Reason {
		l.T.Fatalf("seed %d: the release of %s is not taken, and they wait: %s", l.Seed, h.Release, h.Reason)
	}
	l.Waiting++
}

// isToldOf holds that those who wait for a release are told of the commit that it has to name.
func (l *Laws) isToldOf(s *gate.State) {
	h, p := s.Held, s.Preflight
	forRoom := p != nil && p.Reason == h.Reason && slices.Contains(p.Held, h.Release)
	if h.Release == "" || !forRoom && !strings.Contains(h.Reason, api.Short(h.Release)) {
		l.T.Fatalf("seed %d: a release would be of %q, and they wait: %s", l.Seed, h.Release, h.Reason)
	}
	for _, r := range s.History {
		if r.Commit == h.Release && r.State == api.Held && r.Private != h.Reason {
			l.T.Fatalf("seed %d: a release would be of %s, which is told: %s", l.Seed, h.Release, r.Private)
		}
	}
}

func (l *Laws) settledIn(d gate.Decision, commit string) bool {
	for _, m := range d.Moves {
		if m.Commit == commit && m.State.Settled() {
			return true
		}
	}
	return false
}
