package sync

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/proven"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// driftWatch sees what others touch of a Sync's objects. After a restart everything counts as touched, because nobody
// has looked meanwhile, unless all of it is seen as it was left.
type driftWatch struct {
	watch *manifests.Watch // nil until something was written
	// account is whose rights it watches with, and followed what it watches.
	account  string
	followed followedSet
	// known are the objects as they were last written or compared, and touched those that others have written since.
	known   manifests.Known
	touched manifests.Known
	// compared is what was touched when the last comparison was made.
	compared manifests.Known
	// doubtful are those of the known that were found otherwise than as they are asked for, or not to be ours alone.
	doubtful map[manifests.ID]bool
	// recalled is set when the status has been asked how the objects were left, and asLeft if they were found so.
	recalled, asLeft bool
	// sum is what the known objects summed up to last, and summed of what that was made.
	sum    string
	summed summedUp
	// changes counts what becomes known.
	changes int
	// forgotten is set while nobody remembers what was written: the whole set is then looked at.
	forgotten bool
	// toldTrouble is what was told last of what cannot be watched.
	toldTrouble string
	// proofs are of objects as they were last written: nobody has to look at those again that are as they were left.
	proofs proven.Memory
}

// proofsFor are those that count for a Sync's writes now.
func (w *driftWatch) proofsFor(s *api.Sync, now time.Time) *proven.Memory {
	return w.proofs.For(s.Spec.Apply.ServiceAccountName, now)
}

// followedSet tells sets of watched objects apart.
type followedSet struct {
	commit, digest string
	objects        int
}

func (w *driftWatch) know(id manifests.ID, v manifests.Version) {
	if w.known == nil {
		w.known = manifests.Known{}
	}
	w.known[id] = v
	w.changes++
}

// doubt notes which objects of a part that was compared are not as asked.
func (w *driftWatch) doubt(part manifests.Set, asAsked []manifests.Applied) {
	for _, id := range part.IDs() {
		w.doubtIf(true, id)
	}
	for _, a := range asAsked {
		w.doubtIf(!a.Settled, a.ID)
	}
}

func (w *driftWatch) doubtIf(so bool, id manifests.ID) {
	switch w.changes++; {
	case !so:
		delete(w.doubtful, id)
	case w.doubtful == nil:
		w.doubtful = map[manifests.ID]bool{id: true}
	default:
		w.doubtful[id] = true
	}
}

// entriesAt tells inventories of statuses apart without reading them: nobody changes one in place.
type entriesAt struct {
	first   *api.InventoryEntry
	objects int
}

func placeOf(inventory []api.InventoryEntry) entriesAt {
	if len(inventory) == 0 {
		return entriesAt{}
	}
	return entriesAt{&inventory[0], len(inventory)}
}

// summedUp tells apart what is summed up.
type summedUp struct {
	account string
	changes int
	objects entriesAt
}

// left sums up how an account has left the objects of the flight that a status tells of; empty if not all of them are
// as asked, as far as is known.
func (w *driftWatch) left(account string, s *api.SyncStatus) string {
	f, inventory := s.InFlight, s.Inventory
	if f == nil || f.Unwritten() || len(inventory) == 0 {
		return ""
	}
	if !w.recalled && w.known == nil {
		return s.Left
	}
	now := summedUp{account, w.changes, placeOf(inventory)}
	if w.summed != now {
		w.summed, w.sum = now, ""
		all := ofEntries(inventory)
		if sum := w.known.Sum(all); sum != "" && !w.doubts(all) {
			w.sum = leftBy(now.account, sum)
		}
	}
	return w.sum
}

// leftBy is a sum of states in which an account has left objects.
func leftBy(account, sum string) string { return strings.TrimPrefix(account+"/"+sum, "/") }

func (w *driftWatch) doubts(inventory manifests.Inventory) bool {
	return slices.ContainsFunc(inventory, func(e manifests.Entry) bool { return w.doubtful[e.ID] })
}

// recall takes for known how the objects are seen, if that is how the status says that they were left: then
// nobody has written them while nobody looked. It reports false while not all of them are seen.
func (w *driftWatch) recall(s *api.Sync, inventory manifests.Inventory) bool {
	if w.recalled || w.known != nil || w.forgotten || s.Status.Left == "" {
		w.recalled = true
		return true
	}
	seen, all := w.watch.States(inventory)
	if w.recalled = all || w.watch.Trouble() != nil; !w.recalled {
		return false
	}
	if all && s.Status.Left == leftBy(s.Spec.Apply.ServiceAccountName, seen.Sum(inventory)) {
		w.known, w.asLeft = seen, true
		w.changes++
	}
	return true
}

// leftBefore are the objects that an earlier process has left as asked, and that nobody has touched since; nil if that
// is not known.
func (w *driftWatch) leftBefore() manifests.Known {
	if !w.asLeft {
		return nil
	}
	left := manifests.Known{}
	for id, v := range w.known {
		if _, touched := w.touched[id]; !touched && !w.doubtful[id] {
			left[id] = v
		}
	}
	return left
}

// forget has every object looked at as after a restart.
func (w *driftWatch) forget() {
	w.known, w.forgotten = nil, true // also what cannot be watched is looked at
	w.doubtful, w.recalled, w.asLeft = nil, true, false
	w.changes++
	w.proofs.Forget()
}

func (w *driftWatch) close() {
	if w.watch != nil {
		w.watch.Stop()
		w.watch = nil
	}
}

// watchDrift watches the objects of the flight, with the rights that they are written with, and reports whether others
// have touched any. What may not be watched is told once, and done without until the next commit.
// With missed, something is gone that the last comparison knew nothing of.
func (l *syncLoop) watchDrift(ctx context.Context) (touched, missed bool) {
	f := l.sync.Status.InFlight
	if f == nil || f.Unwritten() {
		return false, false
	}
	w, inventory := &l.drift, inventoryOf(l.sync)
	account := l.sync.Spec.Apply.ServiceAccountName
	if w.watch == nil || w.account != account {
		writer, err := l.Connect.Writer(l.sync)
		if err != nil {
			if w.toldTrouble != err.Error() {
				l.Teller.Tell(l.sync, troubleNews(fmt.Errorf("drift: %w", err)))
			}
			w.toldTrouble = err.Error()
			return false, false
		}
		w.close()
		key := l.key
		w.watch = writer.Watch(WriteOptions(l.sync).Owner, func() { l.queue.Add(key) })
		w.account, w.followed = account, followedSet{}
	}
	if now := (followedSet{f.Commit, f.Digest, len(inventory)}); w.followed != now {
		w.followed, w.toldTrouble = now, ""
		if err := w.watch.Follow(ctx, inventory); err != nil {
			troubled(ctx, l, fmt.Errorf("drift is not seen everywhere: %w", err))
			w.recalled = true // not all objects will be seen as they were left: they are compared
		}
	}
	tellUnseen(l, w)
	w.watch.Mind(statusWanted(f))
	if !w.recall(l.sync, inventory) {
		return false, false
	}
	w.touched = w.watch.Touched(inventory, w.known)
	for id, seen := range w.touched {
		missed = missed || seen.Gone() && w.compared[id] != seen
	}
	return len(w.touched) > 0 || w.forgotten, missed
}

// tellUnseen tells once what cannot be watched.
func tellUnseen(l *syncLoop, w *driftWatch) {
	if err := w.watch.Trouble(); err != nil && err.Error() != w.toldTrouble {
		w.toldTrouble = err.Error()
		l.trouble(l.sync, fmt.Errorf("drift is not seen everywhere: %w; the ServiceAccount of "+
			"spec.apply.serviceAccountName needs list and watch on it, it is tried again with the next commit", err))
	}
}

func sameObject(a, b api.DriftedObject) bool { return a.Object == b.Object }

// lacking are the objects that another list has not.
func lacking(list, other []api.DriftedObject, same func(a, b api.DriftedObject) bool) []api.DriftedObject {
	return slices.DeleteFunc(slices.Clone(list), func(o api.DriftedObject) bool {
		return slices.ContainsFunc(other, func(b api.DriftedObject) bool { return same(o, b) })
	})
}
