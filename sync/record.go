package sync

import (
	"time"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
)

// wrote notes what the API server answered to writes: for the gate, which has it remembered, and for the watch, which is
// not to take it for somebody else's.
func (l *lane) wrote(now time.Time, corrected bool, applied ...manifests.Applied) {
	for _, a := range applied {
		l.recorded = append(l.recorded, recordedOf(a, now, corrected))
		l.eye.know(a.ID, manifests.VersionOf(a.Object))
		if last, known := l.objects[a.ID]; known && corrected {
			l.noteObject(a.ID, readObject{live: a.Object, version: manifests.VersionOf(a.Object), at: now, inVain: last.inVain})
		}
	}
}

// deleted notes what is gone, or is managed no more.
func (l *lane) deleted(now time.Time, gone manifests.Inventory) {
	for _, e := range entriesOf(gone) {
		l.recorded = append(l.recorded, gate.Recorded{InventoryEntry: e, At: now, Gone: true})
	}
}

// recognise notes objects that are as asked and ours, under another UID than is remembered: a correction made them anew
// before the process died, and nobody knows of it.
func (l *lane) recognise(seen []manifests.Applied, now time.Time) {
	known := map[gate.ObjectKey]api.InventoryEntry{}
	for _, e := range l.sync.Status.Inventory {
		known[gate.KeyOf(e)] = e
	}
	awaits := map[gate.ObjectKey]api.Workload{}
	for _, w := range l.sync.Status.InFlight.Workloads {
		awaits[gate.WorkloadKey(w)] = w
	}
	for _, a := range seen {
		r := recordedOf(a, now, true)
		key := gate.KeyOf(r.InventoryEntry)
		w, awaited := awaits[key]
		if known[key].UID != r.UID || awaited && w.UID != r.UID {
			l.recorded = append(l.recorded, r)
		}
	}
}

func recordedOf(a manifests.Applied, now time.Time, corrected bool) gate.Recorded {
	r := gate.Recorded{Generation: a.Generation, At: now, Corrected: corrected,
		InventoryEntry: entriesOf(manifests.Recorded([]manifests.Applied{a}))[0]}
	for _, left := range a.Leftovers {
		r.Leftovers = append(r.Leftovers, gate.Leftovers{Manager: left.Manager, Fields: left.Fields, Count: left.Count, Digest: left.Digest})
	}
	return r
}
