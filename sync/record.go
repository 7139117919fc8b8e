package sync

import (
	"fmt"
	"time"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/deaths"
	"github.com/daemongate/daemongate/sync/gate"
)

// wrote notes what the API server answered to writes: for the gate, which has it remembered, and for the watch,
// which is not to take it for somebody else's.
func (fl *flight) wrote(now time.Time, corrected bool, applied ...manifests.Applied) {
	l := fl.loop
	for _, a := range applied {
		l.recorded = append(l.recorded, recordedOf(a, now, corrected))
		l.drift.know(a.ID, manifests.VersionOf(a.Object))
		l.drift.doubtIf(a.Replaced != nil, a.ID)
		if last, known := fl.objects.last[a.ID]; known && corrected {
			fl.objects.note(a.ID, readObject{live: a.Object, version: manifests.VersionOf(a.Object), at: now,
				inVain: last.inVain})
		}
	}
}

// leftAlone are the objects that were left alone, for they are as asked: those that the inventory does not name so yet.
func leftAlone(inventory []api.InventoryEntry, left manifests.Inventory, now time.Time) (news []gate.Recorded) {
	known := byKey(inventory)
	for _, e := range entriesOf(left) {
		if known[gate.KeyOf(e)] != e {
			news = append(news, gate.Recorded{InventoryEntry: e, At: now})
		}
	}
	return news
}

func byKey(inventory []api.InventoryEntry) map[gate.ObjectKey]api.InventoryEntry {
	entries := make(map[gate.ObjectKey]api.InventoryEntry, len(inventory))
	for _, e := range inventory {
		entries[gate.KeyOf(e)] = e
	}
	return entries
}

// deleted notes what is gone, or is managed no more.
func (l *syncLoop) deleted(now time.Time, gone manifests.Inventory) {
	for _, e := range entriesOf(gone) {
		l.recorded = append(l.recorded, gate.Recorded{InventoryEntry: e, At: now, Gone: true})
	}
}

// recognise notes objects that are as asked and ours, under another UID than is remembered: a correction made them anew
// before the process died, and nobody knows of it.
func (l *syncLoop) recognise(seen []manifests.Applied, now time.Time) {
	known := byKey(l.sync.Status.Inventory)
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
		r.Leftovers = append(r.Leftovers, gate.Leftovers{Manager: left.Manager, Fields: left.Fields, Count: left.Count,
			Digest: left.Digest})
	}
	return r
}

// inventoryOf reads the inventory from a Sync's status.
func inventoryOf(s *api.Sync) manifests.Inventory { return ofEntries(s.Status.Inventory) }

func ofEntries(entries []api.InventoryEntry) manifests.Inventory {
	inventory := make(manifests.Inventory, 0, len(entries))
	for _, e := range entries {
		inventory = append(inventory, manifests.Entry{
			ID:      manifests.ID{Group: e.Group, Kind: e.Kind, Namespace: e.Namespace, Name: e.Name},
			Version: e.Version, UID: e.UID,
		})
	}
	return inventory
}

// entriesOf is an inventory as a Sync's status has it.
func entriesOf(inventory manifests.Inventory) []api.InventoryEntry {
	list := make([]api.InventoryEntry, 0, len(inventory))
	for _, e := range inventory {
		list = append(list, api.InventoryEntry{Group: e.Group, Version: e.Version, Kind: e.Kind, Namespace: e.Namespace,
			Name: e.Name,
			UID:  e.UID})
	}
	return list
}

// noteRender notes how a render ended.
func (l *syncLoop) noteRender(r *readySet) {
	if r.lost {
		l.died = append(l.died, l.Now())
	}
	l.lived = l.lived || r.Outcome == gate.Ready
}

// rendersNow is what is to be remembered of the renders.
func (l *syncLoop) rendersNow(now time.Time) *api.RenderStatus {
	s := l.sync.Status.Renders
	for _, at := range l.died {
		s = deaths.Add(s, at, l.sync.Generation)
	}
	if l.lived {
		s = deaths.Lived(s, now)
	}
	return s
}

// rendersSaved notes that it is remembered.
func (l *syncLoop) rendersSaved() {
	if len(l.died) > 0 {
		l.Preparing.Marks.Forget(l.key)
	}
	l.died, l.lived = nil, false
}

// recallDeath notes that an earlier process ended while something of the Sync was being prepared.
func (l *syncLoop) recallDeath() {
	at, found := l.Preparing.Marks.Found(l.key)
	if !found {
		return
	}
	l.died = append(l.died, at)
	l.Teller.Tell(l.sync, troubleNews(fmt.Errorf("the controller ended while a commit of this Sync was being "+
		"prepared, at %s", at.UTC().Format(time.RFC3339))))
}
