package sync

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Laws 2 and 6, of the judge and the gate together: whatever happens to nodes and pods, a commit becomes Complete only while
// every present node that is not late runs a settled pod of it, and stays so whatever happens afterwards.
func TestCompleteIsTrueAndFinal(t *testing.T) {
	t.Parallel()
	complete, stuck, braked := 0, 0, 0
	for seed := range uint64(300) {
		s, f := newStage(t), newPlainFleet(seed)
		f.surges = seed%3 == 0
		s.gate.OnStuck = []api.OnStuck{api.OnStuckRelease, api.OnStuckRollback}[seed%2]
		l := &laws{t: t, seed: seed, gate: s.gate, final: map[string]api.CommitState{}, relapsed: map[string]string{}}
		c := &Controller{Observer: f}
		s.push([]string{"c1"})
		for range 200 {
			f.happen()
			if s.o.Now = f.now; f.IntN(40) == 0 {
				s.push([]string{fmt.Sprint("c", len(s.commits)+1)})
			}
			c.judges(s, f)
			before := s.state.DeepCopy()
			l.tick(s)
			if r := s.o.Rollout; r != nil && r.Commit == s.state.InFlight.Commit && f.IntN(2) == 0 && f.obey(r.Brakes) {
				braked++
			}
			l.holdsTrue(before, s.state, f)
			if f.IntN(30) == 0 {
				s.restart()
			}
		}
		for _, state := range l.final {
			switch state {
			case api.Complete:
				complete++
			case api.Stuck:
				stuck++
			}
		}
	}
	t.Logf("%d commits complete, %d stuck, %d brakes pulled", complete, stuck, braked)
	if complete < 100 || stuck < 20 || braked < 100 {
		t.Error("the stories are too tame")
	}
}

func newPlainFleet(seed uint64) *plainFleet {
	f := &plainFleet{Rand: rand.New(rand.NewPCG(seed, 7)), now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), nodes: map[string]*plainNode{}}
	for i := range 3 {
		f.nodes[fmt.Sprint("node-", i)] = &plainNode{made: f.now.Add(-time.Hour)}
	}
	return f
}

// judges has what is in flight written if it was not, else looked at.
func (c *Controller) judges(s *stage, f *plainFleet) {
	flight := s.state.InFlight
	switch {
	case flight == nil:
	case flight.Unwritten():
		s.o.Written = &Written{Commit: flight.Commit, Digest: flight.Digest, At: f.now, Workloads: []api.Workload{f.commit(flight.Commit)}}
	case flight.State == api.Complete && f.IntN(4) == 0: // until then it is still looked at
		s.do("pruned", nil)
	default:
		sync := &api.Sync{Spec: api.SyncSpec{Gate: api.Gate{ProgressDeadline: metav1.Duration{Duration: 15 * time.Minute}}}}
		sync.Status.GateStatus = *s.state.DeepCopy()
		r, err := c.look(s.t.Context(), &lane{key: "ns/agents", sync: sync}, sync.Status.InFlight, f.now)
		s.check(err)
		s.o.Rollout = r
	}
}

// holdsTrue holds that what has just become Complete has taken over.
func (l *laws) holdsTrue(before *State, after State, f *plainFleet) {
	now, was := after.InFlight, before.InFlight
	if now == nil || now.State != api.Complete || was != nil && was.Commit == now.Commit && was.State == api.Complete {
		return
	}
	if f.braked != "" {
		l.t.Fatalf("seed %d: %s is Complete although it is braked", l.seed, now.Commit)
	}
	if short := f.short(now.Commit); short != "" {
		l.t.Fatalf("seed %d: %s is Complete although %s", l.seed, now.Commit, short)
	}
}
