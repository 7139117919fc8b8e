package gatetest

import (
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// relapse holds what is told of relapses, that a commit which has relapsed is nothing to go back to, and that it
// holds the gate where that was asked for.
func (l *Laws) relapse(before *gate.State, after gate.State, d gate.Decision) {
	for _, m := range d.Moves {
		l.relapseTold(m)
	}
	if c := after.LastComplete; c != "" && l.Relapsed[c] != "" {
		l.T.Fatalf("seed %d: %s has relapsed and is what is gone back to", l.Seed, c)
	}
	f := before.InFlight
	if f == nil || f.Relapse == nil || f.Relapse.Released || l.Gate.OnRelapse != api.OnRelapseHold ||
		before.Released != after.Released {
		return
	}
	if after.InFlight.Commit != f.Commit && !l.recoveredIn(d, f.Commit) {
		l.T.Fatalf("seed %d: %s took off while %s held the gate", l.Seed, after.InFlight.Commit, f.Commit)
	}
}

// relapseTold holds that a relapse and its end are told of complete commits and those that follow them alone, and once.
func (l *Laws) relapseTold(m gate.Move) {
	said, was := "", l.Relapsed[m.Commit]
	if m.Relapsed {
		said = m.Message.Private
	}
	if said != "" && was == "" {
		l.Relapses++
	}
	l.Relapsed[m.Commit] = said
	if !m.Relapsed && !m.Recovered {
		return
	}
	if m.State != api.Complete && m.Outcome != api.Complete {
		l.T.Fatalf("seed %d: %s, which is %s by %s, is told to have relapsed", l.Seed, m.Commit, m.State, m.By)
	}
	if m.Recovered && was == "" || m.Relapsed && m.By == "" && was == said {
		l.T.Fatalf("seed %d: %s is told twice: %q", l.Seed, m.Commit, said)
	}
}

// recoveredIn reports whether a commit recovered in this very turn.
func (l *Laws) recoveredIn(d gate.Decision, commit string) bool {
	for _, m := range d.Moves {
		if m.Commit == commit && m.Recovered {
			return true
		}
	}
	return false
}

// rolledBack holds law 5: only what is stuck or has relapsed is rolled back, where that was asked for, to the last
// commit that was complete, and not twice.
func (l *Laws) rolledBack(before *gate.State, f *api.Flight) {
	l.Back++
	was := before.InFlight
	troubled := was.State == api.Stuck && l.Gate.OnStuck == api.OnStuckRollback || was.Relapse != nil &&
		l.Gate.OnRelapse == api.OnRelapseRollback
	if !troubled || f.RollbackOf.Relapsed != (was.Relapse != nil) || f.RollbackOf.Commit != was.Commit ||
		f.Commit != before.LastComplete || l.Final[f.Commit] != api.Complete {
		l.T.Fatalf("seed %d: %s, which is %s, was rolled back to %s", l.Seed, was.Commit, was.State, f.Commit)
	}
}
