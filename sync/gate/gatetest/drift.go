package gatetest

import (
	"testing"
	"time"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// Flight is a flight whose set somebody else changes again and again.
type Flight struct {
	Gate        gate.Gate
	State       gate.State
	Observation gate.Observation
}

// NewFlight is a flight in a state, whose set has been written and pruned.
func NewFlight(state api.CommitState) *Flight {
	d := &Flight{Gate: gate.Gate{Correct: true, Deadline: time.Hour}}
	d.Observation.Now = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	d.State.InFlight = &api.Flight{Commit: "c1", Digest: "d1", State: state, Pruned: true}
	return d
}

// Step has the gate decide once.
func (d *Flight) Step() gate.Decision {
	var next gate.Decision
	d.State, next = d.Gate.Step(d.State, d.Observation)
	return next
}

// Change has an object changed, and says when it is corrected, counted from the change. It stays changed until then.
func (d *Flight) Change(t *testing.T) time.Duration {
	t.Helper()
	began := d.Observation.Now
	d.Observation.Touched = true
	for range 10 {
		next := d.Step()
		switch {
		case next.Compare:
			d.Observation.Touched = false
			d.Observation.Now = d.Observation.Now.Add(time.Millisecond)
			d.Observation.Compared = &gate.Compared{Digest: "d1", At: d.Observation.Now,
				Objects: []api.DriftedObject{{Object: "ConfigMap ns/a", Field: "data.a", Manager: "x"}}}
		case next.Correct:
			took := d.Observation.Now.Sub(began)
			d.Observation.Now = d.Observation.Now.Add(time.Millisecond)
			d.Observation.Corrected = &gate.Corrected{Digest: "d1", At: d.Observation.Now}
			d.Step()
			return took
		case !next.Wake.IsZero():
			d.Observation.Now = next.Wake
		default:
			return -1
		}
	}
	t.Fatal("neither corrected nor left")
	return 0
}
