package sync

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests"
	"github.com/daemongate/daemongate/rollout"
	"github.com/daemongate/daemongate/rollout/object"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/backoff"
)

// minReread and maxReread are how long an object of the flight is not read again that cannot be watched, and has not
// changed.
const (
	minReread = time.Second
	maxReread = time.Minute
)

// readObject is an object of the flight that is no DaemonSet, as it was last read or written.
type readObject struct {
	live    *unstructured.Unstructured // nil if there is none
	problem string                     // why it could not be read
	version manifests.Version
	at      time.Time
	inVain  int // reads in a row that brought nothing new
}

// rereadAt is when it is read again although nothing is seen of it.
func (r readObject) rereadAt() time.Time {
	return r.at.Add(backoff.After(r.inVain+1, minReread, maxReread))
}

// objects are the workloads of a flight as they were last read.
type objects struct {
	loop *syncLoop
	last map[manifests.ID]readObject
}

// judgeObject judges an object that is no DaemonSet.
func (fl *flight) judgeObject(ctx context.Context, w api.Workload, t rollout.Target, m rollout.Memory,
	o rollout.Options, now time.Time,
) (rollout.Judgement, rollout.Memory) {
	look := object.Look{Now: now}
	var reread time.Time
	if !m.Done {
		look, reread = fl.objects.look(ctx, idOf(w), now)
	}
	j, memory := object.Judge(look, t, m, o)
	if !reread.IsZero() && j.Verdict != rollout.Complete && (j.Wake.IsZero() || reread.Before(j.Wake)) {
		j.Wake = reread
	}
	return j, memory
}

// look reads an object if the watch has seen that it was written since it was read last. What it cannot watch is
// read again after a growing pause, whose end is returned too.
func (o *objects) look(ctx context.Context, id manifests.ID, now time.Time) (object.Look, time.Time) {
	last, known := o.last[id]
	seen, watched := o.loop.drift.sees(id)
	watched = watched && !o.loop.sync.Status.InFlight.Unwritten()
	due := !watched && !now.Before(last.rereadAt()) || watched && seen.After(last.version)
	if last.problem != "" {
		watched, due = false, !now.Before(last.rereadAt())
	}
	if !known || due {
		last = o.read(ctx, id, last, seen, now)
		watched = watched && last.problem == ""
	}
	look := object.Look{Now: now, Live: last.live, Problem: last.problem}
	if watched {
		return look, time.Time{}
	}
	return look, last.rereadAt()
}

// read reads an object with the rights that it is written with. One that is not there is as the watch has seen it go.
func (o *objects) read(ctx context.Context, id manifests.ID, last readObject, seen manifests.Version, now time.Time,
) readObject {
	next := readObject{at: now, inVain: last.inVain + 1, version: seen}
	writer, err := o.loop.Connect.Writer(o.loop.sync)
	if err == nil {
		next.live, err = writer.Get(ctx, id)
	}
	switch {
	case err != nil:
		next.problem, next.version = api.TextOf(err), last.version
	case next.live != nil:
		if next.version = manifests.VersionOf(next.live); next.version.After(last.version) {
			next.inVain = 0
		}
	}
	o.note(id, next)
	return next
}

// note remembers an object as it was read or written.
func (o *objects) note(id manifests.ID, r readObject) {
	if o.last == nil {
		o.last = map[manifests.ID]readObject{}
	}
	o.last[id] = r
}

// noteWritten notes what the API server answered to the write of the flight's workloads, so that it need not be
// asked at once. A definition that was changed has become Established since.
func (o *objects) noteWritten(applied []manifests.Applied, list []api.Workload, now time.Time) {
	o.last = nil
	waits := map[manifests.ID]bool{}
	for _, w := range list {
		waits[idOf(w)] = !w.IsDaemonSet()
	}
	for _, a := range applied {
		if waits[a.ID] && a.Object != nil && (a.Kind != "CustomResourceDefinition" || !a.Changed) {
			o.note(a.ID, readObject{live: a.Object, version: manifests.VersionOf(a.Object), at: now})
		}
	}
}

// sees is the state in which the watch sees an object; false if it cannot.
func (w *driftWatch) sees(id manifests.ID) (manifests.Version, bool) {
	if w.watch == nil {
		return manifests.Version{}, false
	}
	return w.watch.Seen(id)
}

// statusWanted are the objects whose status is news. While they are judged these are no DaemonSets, which have
// watches of their own.
func statusWanted(f *api.Flight) []manifests.ID {
	var list []manifests.ID
	for _, w := range f.Workloads {
		if f.IsComplete() && !isJob(w) || !f.IsComplete() && !w.IsDaemonSet() {
			list = append(list, idOf(w))
		}
	}
	return list
}

func idOf(w api.Workload) manifests.ID {
	return manifests.ID{Group: w.Group, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name}
}

// isJob reports whether a workload is done for good when its commit is complete.
func isJob(w api.Workload) bool { return w.Group == "batch" && w.Kind == "Job" }
