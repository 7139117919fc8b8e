package sync

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
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
			c.Tell.Trouble(l.sync, fmt.Errorf("drift: %w", err))
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
			c.Tell.Trouble(l.sync, fmt.Errorf("drift is not seen everywhere: %w", err))
		}
	}
	if err := e.watch.Trouble(); err != nil && err.Error() != e.told {
		e.told = err.Error()
		c.Tell.Trouble(l.sync, fmt.Errorf("drift is not seen everywhere: %w; grant list and watch on it, "+
			"it is tried again with the next commit", err))
	}
	e.watch.Mind(minded(f))
	e.touched = e.watch.Touched(inventory, e.known)
	for id, seen := range e.touched {
		missed = missed || seen.Gone() && e.compared[id] != seen
	}
	return len(e.touched) > 0, missed
}

// DriftNews is what became known of drift.
type DriftNews struct {
	// Corrected says that the objects are as asked again; else they were found not to be.
	Corrected bool
	Objects   []api.DriftedObject
	// More is what else is to be said of them.
	More string
}

// String is for messages.
func (n DriftNews) String() string {
	var names []string
	for _, o := range n.Objects {
		if n.Corrected {
			names = append(names, o.Object)
		} else {
			names = append(names, o.String())
		}
	}
	text := strings.Join(names, "; ")
	if n.Corrected {
		text = "applied again: " + text
	}
	return text + n.More
}

// driftNews is what a person would want to hear of the difference between two states.
func driftNews(before, now *api.DriftStatus) []DriftNews {
	if before == nil {
		before = &api.DriftStatus{}
	}
	if now == nil {
		return nil
	}
	var news []DriftNews
	if now.Corrections > before.Corrections {
		if done := lacking(before.Objects, now.Objects, sameObject); len(done) > 0 {
			news = append(news, DriftNews{Corrected: true, Objects: done})
		}
	}
	for _, o := range lacking(now.Objects, before.Objects, func(a, b api.DriftedObject) bool { return a == b }) {
		found := DriftNews{Objects: []api.DriftedObject{o}}
		if o.Problem != "" {
			found.More = "; it cannot be corrected: " + o.Problem
		} else if words := gate.PauseWords(now, o); words != "" {
			found.More = "; " + words
		}
		news = append(news, found)
	}
	return news
}

func sameObject(a, b api.DriftedObject) bool { return a.Object == b.Object }

// lacking are the objects that another list has not.
func lacking(list, other []api.DriftedObject, same func(a, b api.DriftedObject) bool) []api.DriftedObject {
	return slices.DeleteFunc(slices.Clone(list), func(o api.DriftedObject) bool {
		return slices.ContainsFunc(other, func(b api.DriftedObject) bool { return same(o, b) })
	})
}
