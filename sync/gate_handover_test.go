package sync

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// A handover belongs to the commit in flight, also when that is stuck: no window holds it back. It writes, so suspend stops it, and
// it waits until the whole set has been written; a complete commit needs none.
func TestWhenNodesAreHandedOver(t *testing.T) {
	for name, c := range map[string]struct {
		state  api.CommitState
		change func(*driftStory)
		want   int
	}{
		"rolling out":     {api.RollingOut, func(*driftStory) {}, 1},
		"stuck":           {api.Stuck, func(*driftStory) {}, 1},
		"window closed":   {api.RollingOut, func(d *driftStory) { d.o.Window = Opening{Closed: "weekend"} }, 1},
		"suspended":       {api.RollingOut, func(d *driftStory) { d.o.Suspended = true }, 0},
		"written in part": {api.Stuck, func(d *driftStory) { d.s.InFlight.Attempts = 1 }, 0},
		"partly unseen":   {api.RollingOut, func(d *driftStory) { d.o.Rollout.Partial = true }, 0},
		"another commit":  {api.RollingOut, func(d *driftStory) { d.o.Rollout.Commit = "c0" }, 0},
		"complete":        {api.Complete, func(*driftStory) {}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDriftStory(c.state)
			d.s.InFlight.Since = metav1.NewMicroTime(d.o.Now.Add(-time.Minute))
			d.o.Rollout = &Rollout{Commit: "c1", Digest: "d1", State: api.RollingOut,
				Handovers: []HandoverOrder{{ToName: "new", Generation: 1, Nodes: []string{"node-1"}}}}
			c.change(d)
			if got := len(d.step().Handovers); got != c.want {
				t.Errorf("%d handovers, want %d", got, c.want)
			}
		})
	}
}
