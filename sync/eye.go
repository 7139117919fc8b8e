package sync

import (
	"context"
	"fmt"
	"slices"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
)

// eye sees what others touch of a Sync's objects. After a restart everything counts as touched: nobody looked meanwhile.
type eye struct {
	watch *manifests.Watch // nil until something was written
	// as and followed are whose rights it watches with, and the flight and inventory that it watches.
	as, followed string
	known        manifests.Known
	touched      manifests.Known
	// compared is what was touched when the last comparison was made.
	compared manifests.Known
	told     string
}

func (e *eye) know(id manifests.ID, v manifests.Version) {
	if e.known == nil {
		e.known = manifests.Known{}
	}
	e.known[id] = v
}

func (e *eye) close() {
	if e.watch != nil {
		e.watch.Stop()
		e.watch = nil
	}
}

// lookAround watches the objects of the flight, with the rights that they are written with, and reports whether others
// have touched any. What may not be watched is told once, and done without until the next commit.
// With missed, something is gone that the last comparison knew nothing of.
func (c *Controller) lookAround(ctx context.Context, l *lane) (touched, missed bool) {
	f := l.sync.Status.InFlight
	if f == nil || f.Unwritten() {
		return false, false
	}
	e, inventory := &l.eye, inventoryOf(l.sync)
	as := l.sync.Spec.Apply.ServiceAccountName
	if e.watch == nil || e.as != as {
		writer, err := c.Connect.Writer(l.sync)
		if err != nil {
			c.Teller.Tell(l.sync, troubleNews(fmt.Errorf("drift: %w", err)))
			return false, false
		}
		e.close()
		key := l.key
		e.watch = writer.Watch(writeOptions(l.sync).Owner, func() { c.queue.Add(key) })
		e.as, e.followed = as, ""
	}
	if flight := fmt.Sprint(f.Commit, f.Digest, len(inventory)); e.followed != flight {
		e.followed, e.told = flight, ""
		if err := e.watch.Follow(ctx, inventory); err != nil {
			c.Teller.Tell(l.sync, troubleNews(fmt.Errorf("drift is not seen everywhere: %w", err)))
		}
	}
	if err := e.watch.Trouble(); err != nil && err.Error() != e.told {
		e.told = err.Error()
		c.Teller.Tell(l.sync, troubleNews(fmt.Errorf("drift is not seen everywhere: %w; grant list and watch on it, "+
			"it is tried again with the next commit", err)))
	}
	e.watch.Mind(minded(f))
	e.touched = e.watch.Touched(inventory, e.known)
	for id, seen := range e.touched {
		missed = missed || seen.Gone() && e.compared[id] != seen
	}
	return len(e.touched) > 0, missed
}

func sameObject(a, b api.DriftedObject) bool { return a.Object == b.Object }

// lacking are the objects that another list has not.
func lacking(list, other []api.DriftedObject, same func(a, b api.DriftedObject) bool) []api.DriftedObject {
	return slices.DeleteFunc(slices.Clone(list), func(o api.DriftedObject) bool {
		return slices.ContainsFunc(other, func(b api.DriftedObject) bool { return same(o, b) })
	})
}
