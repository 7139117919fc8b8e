package pack

import (
	"context"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// worker resolves one delta after another. It goes from an object to what changes that, and so on, and comes back for
// what else changes an object on the way.
type worker struct {
	*resolver
	ctx      context.Context
	namer    *namer
	inflater inflater
	window   *window

	way  []step
	held int64    // bytes of the contents of the way that are in memory
	free [][]byte // that are used again
}

// step is an object on the way, each a change of the one before, with its content unless that was let go.
type step struct {
	entry   uint32
	content *content
	heavy   bool
	// offsets and names are how far what changes it was taken; names is negative before the first.
	offsets uint32
	names   int
}

// under names what changes a root, what changes that, and so on.
func (w *worker) under(root uint32) error {
	w.push(step{entry: root})
	for len(w.way) > 0 {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		delta, ok := w.change()
		if !ok {
			w.leave(len(w.way) - 1)
			continue
		}
		if err := w.resolve(delta); err != nil {
			return fmt.Errorf("object at byte %d: %w", w.entries[delta].offset, err)
		}
		w.named.Add(1)
	}
	return nil
}

// resolve names what a delta makes of the last object of the way, and goes there.
func (w *worker) resolve(delta uint32) error {
	e := &w.entries[delta]
	if e.depth > maxDepth {
		return fmt.Errorf("%w: more than %d deltas lead to an object", packfile.ErrMalformedPackFile, maxDepth)
	}
	last := len(w.way) - 1
	base, err := w.content(last)
	if err != nil {
		return err
	}
	made, heavy, err := w.make(delta, base)
	if err != nil {
		return err
	}
	next := step{entry: delta, content: made, heavy: heavy || w.way[last].heavy}
	if e.name, err = made.name(e.kind, w.namer); err != nil {
		made.drop()
		return err
	}
	if next.heavy {
		w.isHeavy(e.name, made.size)
	}
	w.push(next)
	return nil
}

func (w *worker) push(s step) {
	s.offsets, s.names = w.entries[s.entry].changes, -1
	w.way = append(w.way, s)
	w.hold(len(w.way) - 1)
}

// content is that of an object of the way. It is at hand as a rule, and is otherwise made again.
func (w *worker) content(at int) (*content, error) {
	if c := w.way[at].content; c != nil {
		return c, nil
	}
	var base *content
	var err error
	if at > 0 {
		if base, err = w.content(at - 1); err != nil {
			return nil, err
		}
	}
	made, _, err := w.make(w.way[at].entry, base)
	if err != nil {
		return nil, err
	}
	w.way[at].content = made
	w.hold(at)
	return made, nil
}

// hold counts a content of the way, and lets go of others if they are too many: of the first at first, and of all that
// are in files.
func (w *worker) hold(at int) {
	if c := w.way[at].content; c != nil && c.file == nil {
		w.held += c.size
	}
	for i := range at {
		if c := w.way[i].content; c != nil && (c.file != nil || w.held > w.keep) {
			w.letGo(i)
		}
	}
}

func (w *worker) letGo(at int) {
	c := w.way[at].content
	if c == nil {
		return
	}
	w.way[at].content = nil
	if c.file == nil {
		w.held -= c.size
		w.reuse(c.bytes)
	}
	c.drop()
}

// leave goes back on the way.
func (w *worker) leave(to int) {
	for at := len(w.way) - 1; at >= to; at-- {
		w.letGo(at)
	}
	w.way = w.way[:to]
}

// make makes what an entry holds: of what it changes, if it changes something. It is heavy if anything of that is
// large.
func (w *worker) make(i uint32, base *content) (made *content, heavy bool, err error) {
	made, err = w.stored(w.entries[i].offset)
	if err != nil || base == nil {
		return made, false, err
	}
	delta := made
	defer delta.drop()
	if made, err = w.patch(base, delta); err != nil {
		return nil, false, err
	}
	w.reuse(delta.bytes)
	return made, max(base.size, delta.size, made.size) > maxRead, nil
}

// stored reads what is stored at an offset: a content, or a delta.
func (w *worker) stored(offset int64) (*content, error) {
	w.window.seek(offset)
	h, err := readHeader(w.window, offset)
	if err != nil {
		return nil, err
	}
	if h.size > maxContent {
		return nil, tooLarge(uint64(h.size))
	}
	if h.size > w.store.inMemory {
		return w.store.inFile(func(to io.Writer) error { return w.inflater.pass(w.window, h.size, to) })
	}
	c := &content{size: h.size, bytes: w.room(h.size)}
	return c, w.inflater.fill(w.window, c.bytes)
}

// patch applies a delta.
func (w *worker) patch(base, delta *content) (*content, error) {
	_, makes, ok := delta.head().sizes()
	if ok && makes > maxContent {
		return nil, tooLarge(makes)
	}
	if ok && base.file == nil && delta.file == nil && makes <= uint64(w.store.inMemory) {
		made := &content{size: int64(makes), bytes: w.room(int64(makes))}
		return made, patch(made.bytes, base.bytes, delta.bytes)
	}
	return w.store.inFile(func(to io.Writer) error {
		return applyDelta(to, base.reader(), base.size, io.NewSectionReader(delta.reader(), 0, delta.size))
	})
}

const (
	maxFree = 16      // pieces of memory that are used again
	maxRoom = 1 << 16 // bytes of the largest of them
	minRoom = 1 << 10
)

// room is memory for so many bytes.
func (w *worker) room(size int64) []byte {
	if n := len(w.free); n > 0 && size <= maxRoom {
		b := w.free[n-1]
		w.free = w.free[:n-1]
		if int64(cap(b)) >= size {
			return b[:size]
		}
	}
	return make([]byte, size, max(size, minRoom))
}

func (w *worker) reuse(b []byte) {
	if len(w.free) < maxFree && cap(b) > 0 && cap(b) <= maxRoom {
		w.free = append(w.free, b)
	}
}
