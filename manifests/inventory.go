package manifests

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// Entry is one object the inventory names. Without a UID it was about to be written and nobody knows whether it was:
// such an entry is never pruned.
type Entry struct {
	ID      `json:",inline"`
	Version string    `json:"version"`
	UID     types.UID `json:"uid,omitempty"`
}

// Inventory is what a Sync has written or is about to write, sorted and without duplicates. It is the only source of
// what may be pruned. One entry takes about 150 bytes of JSON; its keeper bounds the whole.
type Inventory []Entry

// Inventory names the set's objects before they are written: without UIDs.
func (s Set) Inventory() Inventory {
	entries := make(Inventory, 0, len(s.objects))
	for _, o := range s.objects {
		entries = append(entries, Entry{ID: IDOf(o), Version: o.GroupVersionKind().Version})
	}
	return entries
}

// Recorded names what was applied.
func Recorded(applied []Applied) Inventory {
	entries := make(Inventory, 0, len(applied))
	for _, a := range applied {
		entries = append(entries, Entry{ID: a.ID, Version: a.Version, UID: a.UID})
	}
	return entries.sorted()
}

// Union names what either names. Of an object that both name the newer entry counts, but a UID is never forgotten for
// one that is not known yet.
func (inv Inventory) Union(newer Inventory) Inventory {
	all := make(map[ID]Entry, len(inv)+len(newer))
	for _, e := range inv {
		all[e.ID] = e
	}
	for _, e := range newer {
		if e.UID == "" {
			e.UID = all[e.ID].UID
		}
		all[e.ID] = e
	}
	union := make(Inventory, 0, len(all))
	for _, e := range all {
		union = append(union, e)
	}
	return union.sorted()
}

// Without is what the set no longer asks for, and nobody else is to have.
func (inv Inventory) Without(s Set) Inventory { return inv.without(s.IDs(), s.moved) }

func (inv Inventory) without(ids []ID, moved map[ID]Owner) Inventory {
	wanted := make(map[ID]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	return inv.filter(func(e Entry) bool {
		_, moved := moved[e.ID]
		return !wanted[e.ID] && !moved
	})
}

// Moved is what the set has moved to other Syncs, by where to.
func (inv Inventory) Moved(s Set) map[Owner]Inventory {
	moved := map[Owner]Inventory{}
	for _, e := range inv {
		if to, is := s.moved[e.ID]; is {
			moved[to] = append(moved[to], e)
		}
	}
	return moved
}

// Minus is what the other inventory does not name.
func (inv Inventory) Minus(other Inventory) Inventory {
	named := make(map[ID]bool, len(other))
	for _, e := range other {
		named[e.ID] = true
	}
	return inv.filter(func(e Entry) bool { return !named[e.ID] })
}

// Find is the entry of an object.
func (inv Inventory) Find(id ID) (Entry, bool) {
	for _, e := range inv {
		if e.ID == id {
			return e, true
		}
	}
	return Entry{}, false
}

func (inv Inventory) filter(keep func(Entry) bool) Inventory {
	rest := make(Inventory, 0, len(inv))
	for _, e := range inv {
		if keep(e) {
			rest = append(rest, e)
		}
	}
	return rest.sorted()
}

func (inv Inventory) sorted() Inventory {
	slices.SortFunc(inv, func(a, b Entry) int { return compareIDs(a.ID, b.ID) })
	return inv
}
