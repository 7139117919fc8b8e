package gate

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// Recorded is what is known of one object after a write, a deletion or a comparison. The gate notes it before anything
// else is done.
type Recorded struct {
	api.InventoryEntry
	// Generation that the object has.
	Generation int64
	// At is when that was so.
	At time.Time
	// Corrected is set if a correction wrote the object, or one before a restart did: a workload is then judged as it
	// is now. A set's own write says itself what is judged.
	Corrected bool
	// Leftovers are what other tools keep on the object, from which the write took fields of it by force.
	Leftovers []Leftovers
	// Gone is set if the object was deleted, or is managed no more.
	Gone bool
}

// record takes in what was written and deleted since the last turn.
func (t *turn) record() {
	if len(t.o.Recorded) == 0 {
		return
	}
	inventory := map[ObjectKey]api.InventoryEntry{}
	for _, e := range t.s.Inventory {
		inventory[KeyOf(e)] = e
	}
	workloads := map[ObjectKey]int{}
	if f := t.s.InFlight; f != nil {
		for i := range f.Workloads {
			workloads[WorkloadKey(f.Workloads[i])] = i
		}
	}
	for _, r := range t.o.Recorded {
		if r.Gone {
			delete(inventory, KeyOf(r.InventoryEntry))
			continue
		}
		inventory[KeyOf(r.InventoryEntry)] = r.InventoryEntry
		if i, is := workloads[KeyOf(r.InventoryEntry)]; is {
			t.recordWorkload(r, i)
		}
		t.leftOver(r)
	}
	t.s.Inventory = sortedEntries(inventory)
}

// plan adds what a set is about to write to the inventory: without a UID, if none is known yet.
func (t *turn) plan(p *Prepared) {
	inventory := map[ObjectKey]api.InventoryEntry{}
	for _, e := range t.s.Inventory {
		inventory[KeyOf(e)] = e
	}
	for _, e := range p.Objects {
		e.UID = inventory[KeyOf(e)].UID
		inventory[KeyOf(e)] = e
	}
	t.s.Inventory = sortedEntries(inventory)
}

// recordWorkload notes that a workload of the flight, by its place, was corrected, or made anew. One that was made anew
// is judged from its beginning.
func (t *turn) recordWorkload(r Recorded, i int) {
	f := t.s.InFlight
	w := f.Workloads[i]
	switch {
	case w.UID == "": // it has waited for this
	case w.UID != r.UID:
		w = madeAnew(w, r.At)
	case !r.Corrected || w.Generation == r.Generation:
		return
	}
	w.UID, w.Generation = r.UID, r.Generation
	f.Workloads[i] = w
	t.disturb(f)
}

// madeAnew is a workload whose object is another one: of the old one only what the commit itself asks for is kept.
func madeAnew(w api.Workload, at time.Time) api.Workload {
	return api.Workload{Group: w.Group, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name,
		AppliedAt: metav1.NewMicroTime(at),
		OnDelete:  w.OnDelete, Surges: w.Surges, HadNodes: w.HadNodes, WasFailing: w.WasFailing,
		Predecessors: w.Predecessors}
}

// ObjectKey tells objects apart, whatever version of their kind they are written in.
type ObjectKey struct{ group, kind, namespace, name string }

// KeyOf is the key of an object of the inventory.
func KeyOf(e api.InventoryEntry) ObjectKey {
	return ObjectKey{e.Group, e.Kind, e.Namespace, e.Name}
}

// WorkloadKey is the key of a workload.
func WorkloadKey(w api.Workload) ObjectKey {
	return ObjectKey{w.Group, w.Kind, w.Namespace, w.Name}
}

// String is the object as messages name it.
func (k ObjectKey) String() string {
	if k.namespace == "" {
		return k.kind + " " + k.name
	}
	return k.kind + " " + k.namespace + "/" + k.name
}

func sortedEntries(byKey map[ObjectKey]api.InventoryEntry) []api.InventoryEntry {
	list := make([]api.InventoryEntry, 0, len(byKey))
	for _, e := range byKey {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b api.InventoryEntry) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Name, b.Name))
	})
	return list
}
