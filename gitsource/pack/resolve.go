package pack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"golang.org/x/sync/errgroup"
)

const (
	// keptContent is how many bytes of content are kept for deltas to be applied to.
	keptContent = 16 << 20
	// inMemory is the size in bytes up to which a content or a delta is held in memory; what is larger is in a file. It
	// is shared, as keptContent is, among those who work at once.
	inMemory = 16 << 20
	// maxContent bounds what a delta changes and what it makes, in bytes: Git makes no deltas of larger files
	// (core.bigFileThreshold).
	maxContent = 512 << 20
	// maxRead is the size in bytes up to which contents and deltas are read into memory later, when a file is wanted: a
	// content, a delta and what that makes at once, however many lead to it. An object to which larger ones lead is
	// heavy.
	maxRead = 64 << 20
	// maxDepth is how many deltas may lead to an object, as in Git itself (OE_DEPTH_BITS in its pack-objects.h).
	maxDepth = 4095
	// maxWorkers bounds how many work at once, whatever the machine has.
	maxWorkers = 4
	// workWindow is how many bytes of the pack a worker reads at once: what changes an object is near it as a rule.
	workWindow = 16 << 10
)

// resolver names the objects that are stored as deltas.
type resolver struct {
	*objects
	file  io.ReaderAt
	keep  int64 // bytes of content that each worker keeps
	store store

	roots []uint32 // the entries that are no deltas, and that deltas change
	next  atomic.Int64
	named atomic.Int64

	mu sync.Mutex // of the types of deltas by name, and of the heavy
}

// resolve names every object of a pack that is stored as a delta, on all processors. It keeps so many bytes of content
// on the way.
func resolve(ctx context.Context, file io.ReaderAt, o *objects, keep int64, s store) error {
	o.sort()
	workers := min(runtime.GOMAXPROCS(0), maxWorkers)
	s.inMemory /= int64(workers)
	r := &resolver{objects: o, file: file, keep: keep / int64(workers), store: s}
	for i := range o.entries {
		if e := &o.entries[i]; !isDelta(e.kind) && (o.changedAt(e.changes, e.offset) || len(o.names) > 0) {
			r.roots = append(r.roots, uint32(i))
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for range workers {
		group.Go(func() error { return r.work(ctx) })
	}
	if err := group.Wait(); err != nil {
		return truncated(err)
	}
	if left := len(o.offsets) + len(o.names) - int(r.named.Load()); left > 0 {
		return fmt.Errorf("%w: %d objects are changes of objects that are not in it", packfile.ErrMalformedPackFile,
			left)
	}
	return nil
}

// work resolves what changes one root after another, until none is left.
func (r *resolver) work(ctx context.Context) (err error) {
	defer func() { // what a stranger sends is read
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", packfile.ErrMalformedPackFile, p)
		}
	}()
	w := &worker{resolver: r, ctx: ctx, namer: newNamer(), window: newWindow(r.file, workWindow)}
	defer w.leave(0)
	for {
		i := r.next.Add(1) - 1
		if i >= int64(len(r.roots)) {
			return nil
		}
		if err := w.under(r.roots[i]); err != nil {
			return err
		}
	}
}

// changedAt is true if the deltas by offset from there on begin with one that changes what is at an offset.
func (o *objects) changedAt(at uint32, offset int64) bool {
	return int(at) < len(o.offsets) && o.offsets[at].base == offset
}

// change finds the next delta that changes the last object of the way, and takes it: it is known to be of that type
// from now on.
func (w *worker) change() (delta uint32, ok bool) {
	at := &w.way[len(w.way)-1]
	e := &w.entries[at.entry]
	if w.changedAt(at.offsets, e.offset) {
		delta = w.offsets[at.offsets].entry
		at.offsets++
		w.entries[delta].kind, w.entries[delta].depth = e.kind, e.depth+1
		return delta, true
	}
	if len(w.names) == 0 {
		return 0, false
	}
	if at.names < 0 {
		at.names, _ = slices.BinarySearchFunc(w.names, e.name,
			func(d byName, h plumbing.Hash) int { return bytes.Compare(d.base[:], h[:]) })
	}
	for ; at.names < len(w.names) && w.names[at.names].base == e.name; at.names++ {
		delta = w.names[at.names].entry
		if w.take(delta, e) {
			at.names++
			return delta, true
		}
	}
	return 0, false
}

// take takes a delta by name, unless it was taken for another object of the same name.
func (r *resolver) take(delta uint32, changes *entry) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := &r.entries[delta]
	if !isDelta(d.kind) {
		return false
	}
	d.kind, d.depth = changes.kind, changes.depth+1
	return true
}

func (r *resolver) isHeavy(name plumbing.Hash, size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heavy[name] = size
}

func tooLarge(size uint64) error {
	return fmt.Errorf("%d bytes are sent as a change of another object, and no more than %d MiB are read so: have "+
		"large files sent whole (git config core.bigFileThreshold)",
		size, maxContent>>20)
}

func isDelta(t plumbing.ObjectType) bool {
	return t == plumbing.OFSDeltaObject || t == plumbing.REFDeltaObject
}
