package sync

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/manifests/proven"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// driftWatch sees what others touch of a Sync's objects. After a restart everything counts as touched: nobody looked
// meanwhile.
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
}

// forget has every object looked at as after a restart.
func (w *driftWatch) forget() {
	w.known, w.forgotten = nil, true // also what cannot be watched is looked at
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
			l.Teller.Tell(l.sync, troubleNews(fmt.Errorf("drift is not seen everywhere: %w", err)))
		}
	}
	if err := w.watch.Trouble(); err != nil && err.Error() != w.toldTrouble {
		w.toldTrouble = err.Error()
		l.trouble(l.sync, fmt.Errorf("drift is not seen everywhere: %w; the ServiceAccount of "+
			"spec.apply.serviceAccountName needs list and watch on it, it is tried again with the next commit", err))
	}
	w.watch.Mind(statusWanted(f))
	w.touched = w.watch.Touched(inventory, w.known)
	for id, seen := range w.touched {
		missed = missed || seen.Gone() && w.compared[id] != seen
	}
	return len(w.touched) > 0 || w.forgotten, missed
}

func sameObject(a, b api.DriftedObject) bool { return a.Object == b.Object }

// lacking are the objects that another list has not.
func lacking(list, other []api.DriftedObject, same func(a, b api.DriftedObject) bool) []api.DriftedObject {
	return slices.DeleteFunc(slices.Clone(list), func(o api.DriftedObject) bool {
		return slices.ContainsFunc(other, func(b api.DriftedObject) bool { return same(o, b) })
	})
}
