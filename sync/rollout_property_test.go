package sync

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/gate/gatetest"
	"github.com/daemongate/daemongate/sync/pacing"
)

// Laws 2 and 6, of the judge and the gate together: whatever happens to nodes and pods, a commit becomes Complete only
// while every present node that is not late runs a settled pod of it, and stays so whatever happens afterwards.
func TestCompleteIsTrueAndFinal(t *testing.T) {
	t.Parallel()
	complete, stuck, braked := 0, 0, 0
	for seed := range uint64(300) {
		s, f := gatetest.NewStage(t), newPlainFleet(seed)
		f.surges = seed%3 == 0
		s.Gate.OnStuck = []api.OnStuck{api.OnStuckRelease, api.OnStuckRollback}[seed%2]
		l := &gatetest.Laws{T: t, Seed: seed, Gate: s.Gate, Final: map[string]api.CommitState{},
			Relapsed: map[string]string{}}
		c := &Controller{Observer: f}
		s.Push([]string{"c1"})
		for range 200 {
			f.happen()
			if s.Observation.Now = f.now; f.IntN(40) == 0 {
				s.Push([]string{fmt.Sprint("c", len(s.Commits)+1)})
			}
			c.judges(s, f)
			before := s.State.DeepCopy()
			l.Tick(s)
			if r := s.Observation.Rollout; r != nil && r.Commit == s.State.InFlight.Commit && f.IntN(2) == 0 &&
				f.obey(r.Brakes) {
				braked++
			}
			holdsTrue(l, before, s.State, f)
			if f.IntN(30) == 0 {
				s.Restart()
			}
		}
		for _, state := range l.Final {
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
	f := &plainFleet{Rand: rand.New(rand.NewPCG(seed, 7)), now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC),
		nodes: map[string]*plainNode{}}
	for i := range 3 {
		f.nodes[fmt.Sprint("node-", i)] = &plainNode{made: f.now.Add(-time.Hour)}
	}
	return f
}

// judges has what is in flight written if it was not, else looked at.
func (c *Controller) judges(s *gatetest.Stage, f *plainFleet) {
	flight := s.State.InFlight
	switch {
	case flight == nil:
	case flight.Unwritten():
		s.Observation.Written = &gate.Written{Commit: flight.Commit, Digest: flight.Digest, At: f.now,
			Workloads: []api.Workload{f.commit(flight.Commit)}}
	case flight.State == api.Complete && f.IntN(4) == 0: // until then it is still looked at
		s.Do("pruned", nil)
	default:
		sync := &api.Sync{Spec: api.SyncSpec{Gate: api.Gate{ProgressDeadline: metav1.Duration{Duration: 15 * time.Minute}}}}
		sync.Status.GateStatus = *s.State.DeepCopy()
		l := &syncLoop{placed: placed{Controller: c}, key: "ns/agents", sync: sync}
		l.follow()
		r, err := l.flight.look(s.T.Context(), f.now, pacing.Standstill{})
		s.Check(err)
		s.Observation.Rollout = r
	}
}

// holdsTrue holds that what has just become Complete has taken over.
func holdsTrue(l *gatetest.Laws, before *gate.State, after gate.State, f *plainFleet) {
	now, was := after.InFlight, before.InFlight
	if now == nil || now.State != api.Complete || was != nil && was.Commit == now.Commit && was.State == api.Complete {
		return
	}
	if f.braked != "" {
		l.T.Fatalf("seed %d: %s is Complete although it is braked", l.Seed, now.Commit)
	}
	if short := f.short(now.Commit); short != "" {
		l.T.Fatalf("seed %d: %s is Complete although %s", l.Seed, now.Commit, short)
	}
}
