package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/daemongate/daemongate/manifests"
	api "github.com/daemongate/daemongate/sync/api/v1alpha1"
	"github.com/daemongate/daemongate/sync/gate"
	"github.com/daemongate/daemongate/sync/pacing"
)

// prunePause is how long a prune waits that could not be finished.
const prunePause = 30 * time.Second

// write writes the prepared set, and says what the API server answered. It is nil if the Sync may write nothing: its
// commit is not at fault, and waits as one does that cannot be prepared.
func (fl *flight) write(ctx context.Context) *gate.Written {
	l := fl.loop
	full, packErr := l.ready.inFull()
	fl.set, fl.pruned = full, nil
	w := &gate.Written{Commit: fl.set.Commit, Digest: fl.set.Digest}
	writer, err := l.Connect.Writer(l.sync)
	set, brakeErr := fl.set.withBrakes()
	var applied []manifests.Applied
	if err = errors.Join(err, packErr, brakeErr); err == nil {
		var left manifests.Inventory
		applied, left, err = l.drift.proofsFor(l.sync, l.Now()).Apply(ctx, writer, set, WriteOptions(l.sync))
		fl.wrote(l.Now(), false, applied...)
		l.recorded = append(l.recorded, leftAlone(l.sync.Status.Inventory, left, l.Now())...)
		w.Workloads = workloads(applied, fl.set, l.sync.Status.InFlight, l.Now())
		fl.objects.noteWritten(applied, w.Workloads, l.Now())
		fl.set.warnings = append(fl.set.warnings, pacing.AtOnce(l.sync, applied)...)
		if err == nil {
			err = fl.moves(ctx, writer)
		}
	}
	w.At = l.Now()
	if b := (*Barred)(nil); errors.As(err, &b) && !slices.ContainsFunc(applied, isWritten) {
		waits := *fl.set
		l.ready = waits.unavailable(b, w.At)
		return nil
	}
	if err != nil {
		w.Problem = api.TextOf(err)
	}
	return w
}

// isWritten reports whether an apply has written anything of an object.
func isWritten(a manifests.Applied) bool { return a.Changed }

// moves lets go of the objects that the set moves to other Syncs. They are not written any more, and not pruned.
func (fl *flight) moves(ctx context.Context, writer Writer) error {
	l := fl.loop
	var problems []error
	for to, which := range inventoryOf(l.sync).Moved(fl.set.set) {
		done, err := writer.LetGo(ctx, which, to, WriteOptions(l.sync))
		problems = append(problems, err)
		l.deleted(l.Now(), done)
		for _, e := range done {
			text := fmt.Sprintf("%s is moved to Sync %s, which may write it now", e.ID, to)
			l.Teller.Tell(l.sync, flightNews(l.sync, NewsLetGo, text))
		}
	}
	return errors.Join(problems...)
}

// workloads are the written objects that the commit waits for. What was written by an earlier attempt of the
// same flight keeps its generation: the template counts from when it was first written.
func workloads(applied []manifests.Applied, set *readySet, f *api.Flight, now time.Time) []api.Workload {
	var list []api.Workload
	awaited, before := set.set.Awaited(), map[types.UID]api.Workload{}
	for _, w := range f.Workloads {
		before[w.UID] = w
	}
	for _, a := range applied {
		if !awaited[a.ID] {
			continue
		}
		w := api.Workload{Group: a.Group, Kind: a.Kind, Namespace: a.Namespace, Name: a.Name, UID: a.UID,
			Generation: a.Generation, AppliedAt: metav1.NewMicroTime(now)}
		if w.IsDaemonSet() {
			was := set.before[a.ID]
			w.HadNodes, w.WasFailing, w.OnDelete = was.hadNodes || ranBefore(a), was.failing, onDelete(set.set, w)
			w.Surges = surges(set.set, w)
		}
		if old, known := before[w.UID]; known && !a.Changed {
			w = old
		}
		w.Predecessors = set.predecessors[a.ID]
		list = append(list, w)
	}
	return list
}

// ranBefore reports whether a workload, or what it was recreated for, ran on some node.
func ranBefore(a manifests.Applied) bool {
	was := a.Object
	if a.Replaced != nil {
		was = a.Replaced
	}
	n, _, _ := unstructured.NestedInt64(was.Object, "status", "desiredNumberScheduled")
	return n > 0
}

// prune deletes what the inventory names and the set in flight does not.
func (fl *flight) prune(ctx context.Context) (*gate.Pruned, error) {
	l, f := fl.loop, fl.status()
	p := &gate.Pruned{Commit: f.Commit, Digest: f.Digest, RetryAt: l.Now().Add(prunePause)}
	set, err := fl.flightSet()
	if err != nil {
		return p, fmt.Errorf("prune after %s: %w", api.Short(f.Commit), err)
	}
	inventory := inventoryOf(l.sync)
	goes := inventory.Without(set)
	switch {
	case len(goes) == 0:
		p.Done = true
		return p, nil
	case !f.Released && (set.Len() == 0 || 2*len(goes) > len(inventory)):
		p.NeedsRelease, p.RetryAt = true, time.Time{}
		return p, fmt.Errorf("prune after %s: it would delete %d of %d objects; daemongate release %s allows it",
			api.Short(f.Commit), len(goes), len(inventory), l.sync.OnCommandLine())
	}
	writer, err := l.Connect.Writer(l.sync)
	if err != nil {
		return p, err
	}
	gone, kept, err := writer.Prune(ctx, goes, WriteOptions(l.sync))
	l.deleted(l.Now(), gone)
	if len(gone) > 0 {
		l.Teller.Tell(l.sync, prunedNews(l.sync, gone))
	}
	l.tellKept(kept)
	p.Done = err == nil
	return p, err
}

// tellKept says, once, what a commit no longer asks for and is not deleted, and why. What is certainly no longer the
// Sync's leaves the inventory; what a person may yet let go stays in it.
func (l *syncLoop) tellKept(kept []manifests.Kept) {
	var news []string
	for _, k := range kept {
		if !k.Ours {
			l.deleted(l.Now(), manifests.Inventory{k.Entry})
		}
		text := fmt.Sprintf("%s is not deleted although Git no longer asks for it: %s", k.ID, k.Reason)
		if l.told.kept[k.ID] != text {
			news = append(news, text)
		}
		if l.told.kept == nil {
			l.told.kept = map[manifests.ID]string{}
		}
		l.told.kept[k.ID] = text
	}
	warn(l.Teller, l.sync, news)
}
