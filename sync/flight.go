package sync

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/pacing"
)

// flight is what is kept in memory of the commit in flight: its set, the newest results of what was decided for it,
// and what is seen of its workloads. It is made at take-off, or when the Sync is first seen after a restart, and
// thrown away at the next.
type flight struct {
	loop *syncLoop
	// commit and since are those of the status that it belongs to: a commit that takes off again is another flight.
	commit string
	since  metav1.MicroTime

	// set is what is written, nil until it has been rendered by this process.
	set *readySet
	// recalling renders it again, nil if nothing does; unknown is why that did not work out the last time.
	recalling *underWay
	unknown   error
	// The newest results of earlier decisions, nil if there are none.
	written   *gate.Written
	pruned    *gate.Pruned
	compared  *gate.Compared
	corrected *gate.Corrected
	// judged and relapse are what the newest looks came to, and leases are the nodes' as they were read for one.
	judged  judged
	relapse relapse
	leases  nodeLeases
	// caches are what those looks leave for the next ones, by DaemonSet.
	caches caches
	// needed is what was found last about what its set does not ask for.
	needed neededObjects
	// looked is when this process looked at it first.
	looked time.Time
	// watched is what the Observer watches of it.
	watched watchedTargets
	// objects are its workloads as they were last read: while it is judged, those that are no DaemonSets.
	objects objects
	// braked is the last order that was carried out, by DaemonSet.
	braked map[manifests.ID]brakeWrite
}

// follow has the loop keep a flight for the commit in flight: a new one if another has taken off.
func (l *syncLoop) follow() {
	now := l.sync.Status.InFlight
	if fl := l.flight; fl != nil && (now == nil || fl.commit != now.Commit || !fl.since.Equal(&now.Since)) {
		fl.unwatch()
		fl.endRecall()
		l.flight = nil
	}
	if l.flight == nil && now != nil {
		l.flight = &flight{loop: l, commit: now.Commit, since: now.Since, objects: objects{loop: l},
			caches: caches{}}
	}
}

// status is what the status says of it.
func (fl *flight) status() *api.Flight { return fl.loop.sync.Status.InFlight }

// rendered reports whether its set is known as it was written last.
func (fl *flight) rendered() bool { return fl.set != nil && fl.set.Digest == fl.status().Digest }

// observe adds to an observation what came of earlier decisions, and what is seen of the workloads now.
func (fl *flight) observe(ctx context.Context, o *gate.Observation) (err error) {
	l := fl.loop
	o.Written, o.Pruned = fl.written, fl.pruned
	o.Compared, o.Corrected = fl.compared, fl.corrected
	if fl.nothingToPrune() {
		o.Pruned = &gate.Pruned{Commit: fl.commit, Digest: fl.set.Digest, Done: true}
	}
	o.Alerts, o.Firing = alertsNow(l)
	still := pacing.StandstillOf(l.sync, *o)
	if awaitsNothing(fl.written, fl.status()) { // it is Complete as soon as it is written: a status less
		if o.Rollout, err = fl.look(ctx, o.Now, still); err != nil {
			return err
		}
	} else if len(o.Recorded) == 0 { // else what is judged is another object than the status says
		if o.Rollout, err = fl.judge(ctx, o.Now, still); err != nil {
			return err
		}
		if o.Relapse, err = fl.lookForRelapse(o.Now); err != nil {
			return err
		}
	}
	o.Touched, o.Missed = l.watchDrift(ctx)
	o.Health = fl.lookAfter(ctx, o.Now)
	return nil
}

// awaitsNothing reports whether the set of a flight was written just now, and has no object that is waited for.
func awaitsNothing(w *gate.Written, f *api.Flight) bool {
	return w != nil && f.State == api.Applying && w.Commit == f.Commit && w.Digest == f.Digest && w.Problem == "" &&
		len(w.Workloads) == 0 && len(f.Workloads) == 0
}

// do carries out what a decision asks of the flight. It reports false if that has to wait for the flight's set: then
// the gate is asked again when the set is known.
func (fl *flight) do(ctx context.Context, d gate.Decision) bool {
	l := fl.loop
	if d.Apply == "" && !fl.recalls(false) {
		return false
	}
	switch {
	case d.Apply != "":
		fl.written = fl.write(ctx)
		switch {
		case fl.written == nil: // its conditions say why
		case fl.written.Problem != "":
			troubled(ctx, l, fmt.Errorf("apply %s: %s", api.Short(d.Apply), fl.written.Problem))
		default:
			warn(l.Teller, l.sync, fl.set.warnings)
		}
	case d.Prune:
		pruned, err := fl.prune(ctx)
		if fl.pruned = pruned; err != nil {
			troubled(ctx, l, err)
		}
	case d.Compare:
		fl.compared = fl.compare(ctx)
	case d.Correct:
		fl.corrected = fl.correct(ctx, d.CorrectOnly)
	}
	return true
}

// troubled tells of what could not be done. What the controller's own stop has cut off is no trouble: it is done after
// the restart.
func troubled(ctx context.Context, l *syncLoop, err error) {
	if ctx.Err() == nil {
		l.trouble(l.sync, err)
	}
}

// neededObjects is whether a set asks for all that an inventory names.
type neededObjects struct {
	set       *readySet
	inventory entriesAt
	all       bool
}

// nothingToPrune reports whether its set is known and asks for all that the inventory names. It is found out once for
// each set and inventory.
func (fl *flight) nothingToPrune() bool {
	if !fl.rendered() {
		return false
	}
	at := placeOf(fl.loop.sync.Status.Inventory)
	if n := fl.needed; n.set == fl.set && n.inventory == at {
		return n.all
	}
	fl.needed = neededObjects{fl.set, at, len(fl.set.unneeded(inventoryOf(fl.loop.sync))) == 0}
	return fl.needed.all
}

// pack has the set take little memory while nothing is done with it: a fleet keeps one for each Sync.
func pack(fl *flight) {
	if fl.rendered() && fl.set.packed == nil && fl.status().IsComplete() {
		short := fl.set.inShort() // a preparation may be reading the one that it is made of
		if fl.loop.ready == fl.set {
			fl.loop.ready = short // what was prepared last stays until the next is
		}
		fl.set, fl.needed = short, neededObjects{}
		fl.loop.drift.known = fl.loop.drift.known.Dense()
	}
}

// recalls reports whether the flight's set is known, or why it cannot be. If neither is, it is rendered again beside
// the turns of the Sync, which is woken then. It is urgent if a brake waits for it.
func (fl *flight) recalls(urgent bool) bool {
	if fl.rendered() || fl.unknown != nil {
		return true
	}
	if u := fl.recalling; u != nil && urgent && !u.urgent {
		u.end()
		fl.recalling = nil
	}
	if fl.recalling == nil {
		fl.recalling = fl.loop.begin(fl.commit, true, urgent)
	}
	return false
}

// takeRecalled takes in the flight's set if it has been rendered again since the last look.
func (fl *flight) takeRecalled() {
	u := fl.recalling
	if u == nil || !u.ended() {
		return
	}
	fl.recalling = nil
	fl.loop.noteRender(u.result)
	if fl.unknown = u.result.repeated(fl.status()); fl.unknown == nil {
		fl.set = u.result
	}
}

// flightSet is the set in flight, or why it is not known: what failed is tried again when it is asked for again.
func (fl *flight) flightSet() (manifests.Set, error) {
	if fl.rendered() {
		set, err := fl.set.whole()
		if err != nil {
			fl.set = nil // it is rendered again
		}
		return set, err
	}
	err := fl.unknown
	fl.unknown = nil
	if err == nil {
		err = fmt.Errorf("its set is being rendered again")
	}
	return manifests.Set{}, err
}

// endRecall ends what is rendered again for a flight that is over.
func (fl *flight) endRecall() {
	if fl.recalling != nil {
		fl.recalling.end()
	}
}
