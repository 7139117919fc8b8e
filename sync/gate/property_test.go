package gate_test

import (
	"math/rand/v2"
	"testing"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate/gatetest"
)

// Whatever happens, in whatever order, with restarts in between: a commit is applied only when the one before
// it has settled (law 1) and a window is open (law 9), what was rolled back is not tried again by itself (law 5),
// what would not fit its nodes goes only where it need not wait or a person says so, who waits for a release is told of
// which commit, and that one is let go,
// Complete is final (law 6) also where it relapses, which is told once and holds or is rolled back by its own rule, and
// once nothing more happens every commit has come to exactly one settled state (law 3).
func TestGateKeepsItsLawsInRandomStories(t *testing.T) {
	back, relapsed, waited, waiting := 0, 0, 0, 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := gatetest.NewStage(t)
		s.Gate.Order = []api.Order{api.OrderLatest, api.OrderEach}[r.IntN(2)]
		s.Gate.Verify = []api.VerifyMode{"", api.VerifyHead, api.VerifyEvery}[r.IntN(3)]
		s.Gate.OnStuck = []api.OnStuck{api.OnStuckRelease, api.OnStuckRollback, api.OnStuckRollback,
			api.OnStuckHold}[r.IntN(4)]
		s.Gate.OnRelapse = []api.OnRelapse{api.OnRelapseReport, api.OnRelapseHold, api.OnRelapseRollback}[r.IntN(3)]
		s.Gate.Preflight = []api.Preflight{api.PreflightOff, api.PreflightWarn, api.PreflightHold}[r.IntN(3)]
		l := &gatetest.Laws{T: t, Seed: seed, Gate: s.Gate, Final: map[string]api.CommitState{},
			Relapsed: map[string]string{}}
		for range 60 {
			if s.State.InFlight.IsComplete() && r.IntN(7) == 0 {
				s.Relapses(r)
			} else {
				s.Happen(r)
			}
			l.Tick(s)
		}
		s.Finish(l)
		for _, c := range s.Commits {
			if !l.Final[c.Hash].Settled() {
				t.Fatalf("seed %d: %s ended as %q", seed, c.Hash, l.Final[c.Hash])
			}
		}
		back, relapsed, waited, waiting = back+l.Back, relapsed+l.Relapses, waited+l.Waited, waiting+l.Waiting
	}
	if back < 20 || relapsed < 100 || waited < 100 || waiting < 100 {
		t.Errorf("only %d commits were rolled back, %d relapsed, %d waited for room and %d for a release: the stories are too "+
			"tame", back, relapsed, waited, waiting)
	}
}
