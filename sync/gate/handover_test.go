package gate_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/gate/gatetest"
)

// A handover belongs to the commit in flight, also when that is stuck: no window holds it back. It writes, so suspend
// stops it, and it waits until the whole set has been written; a complete commit needs none.
func TestWhenNodesAreHandedOver(t *testing.T) {
	for name, c := range map[string]struct {
		state  api.CommitState
		change func(*gatetest.Flight)
		want   int
	}{
		"rolling out": {api.RollingOut, func(*gatetest.Flight) {}, 1},
		"stuck":       {api.Stuck, func(*gatetest.Flight) {}, 1},
		"window closed": {api.RollingOut,
			func(d *gatetest.Flight) { d.Observation.Window = gate.Opening{Closed: "weekend"} }, 1},
		"suspended":       {api.RollingOut, func(d *gatetest.Flight) { d.Observation.Suspended = true }, 0},
		"all suspended":   {api.RollingOut, func(d *gatetest.Flight) { d.Observation.StoppedForAll = true }, 0},
		"written in part": {api.Stuck, func(d *gatetest.Flight) { d.State.InFlight.Attempts = 1 }, 0},
		"partly unseen":   {api.RollingOut, func(d *gatetest.Flight) { d.Observation.Rollout.Partial = true }, 0},
		"another commit":  {api.RollingOut, func(d *gatetest.Flight) { d.Observation.Rollout.Commit = "c0" }, 0},
		"complete":        {api.Complete, func(*gatetest.Flight) {}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := gatetest.NewFlight(c.state)
			d.State.InFlight.Since = metav1.NewMicroTime(d.Observation.Now.Add(-time.Minute))
			d.Observation.Rollout = &gate.Rollout{Commit: "c1", Digest: "d1", State: api.RollingOut,
				Handovers: []gate.HandoverOrder{{ToName: "new", Generation: 1, Nodes: []string{"node-1"}}}}
			c.change(d)
			if got := len(d.Step().Handovers); got != c.want {
				t.Errorf("%d handovers, want %d", got, c.want)
			}
		})
	}
}
