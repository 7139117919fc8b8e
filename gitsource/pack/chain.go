package pack

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

const (
	// heldDeltas is how many bytes of the deltas of a chain are held while the chain is followed: most are small, and
	// are inflated once. The others are read again, one at a time, when they are applied.
	heldDeltas = 1 << 20
	// readFreely is how many bytes of memory a read takes without asking: as much as most files that are rendered
	// take, which must not wait for what strangers send.
	readFreely = inMemory
)

// chain is what leads to an object: deltas, the last first, and at the end a whole object, unless that was kept.
type chain struct {
	links []link
	kept  *base
	held  int64 // bytes of the deltas that are held
}

// link is what a pack stores at a location.
type link struct {
	location
	kind  plumbing.ObjectType
	from  int64  // where what is stored begins, after its header
	size  int64  // of what is stored, in bytes
	makes int64  // the size of the object, in bytes
	delta []byte // of a delta that is held
}

// chain follows the deltas that lead to an object. It ends at once at an object of more than limit bytes.
//
// There is one at a time: the next one takes its memory.
func (r *Reader) chain(at location, limit int64) (c *chain, err error) {
	c = &r.way
	*c = chain{links: c.links[:0]}
	r.room.clear()
	for len(c.links) <= maxDepth {
		h, l, err := r.link(at, heldDeltas-c.held)
		if err != nil {
			return nil, err
		}
		c.links, c.held = append(c.links, l), c.held+int64(len(l.delta))
		switch {
		case l.makes > limit && len(c.links) == 1:
			return c, nil
		case l.makes > maxRead && len(c.links) > 1, isDelta(l.kind) && l.size > maxRead:
			return nil, tooLarge(uint64(max(l.makes, l.size)))
		case !isDelta(l.kind):
			return c, nil
		}
		if at, err = r.changed(h, at); err != nil {
			return nil, err
		}
		if c.kept = r.bases.kept(at); c.kept != nil {
			return c, nil
		}
	}
	return nil, errTooDeep
}

// link reads what is stored at a location, up to its size; a delta as a whole if it has no more bytes than are to be
// held.
func (r *Reader) link(at location, held int64) (h header, l link, err error) {
	if h, err = r.header(at); err != nil {
		return h, l, err
	}
	l = link{location: at, kind: h.kind, from: at.pack.windows[0].offset(), size: h.size, makes: h.size}
	if !isDelta(h.kind) {
		return h, l, nil
	}
	head := r.head[:min(h.size, maxDeltaHead)]
	if h.size <= held {
		l.delta = r.room.take(h.size)
		head, err = l.delta, r.inflater.fill(at.pack.windows[0], l.delta)
	} else {
		err = r.inflater.begin(at.pack.windows[0], head)
	}
	if err != nil {
		return h, l, err
	}
	_, makes, ok := (&deltaHead{head}).sizes()
	if !ok || makes > maxContent {
		return h, l, errNoSizes
	}
	l.makes = int64(makes)
	return h, l, nil
}

// memory is how many bytes it takes to make the object: one that is changed, a delta, and what that makes, at once.
func (c *chain) memory() int64 {
	var before, most int64
	if c.kept != nil {
		before = int64(len(c.kept.content))
	}
	for _, l := range slices.Backward(c.links) {
		most, before = max(most, before+l.makes), l.makes
	}
	return most + c.held + c.largest()
}

// largest is the size in bytes of the largest delta that is not held.
func (c *chain) largest() (size int64) {
	for _, l := range c.links {
		if isDelta(l.kind) && l.delta == nil {
			size = max(size, l.size)
		}
	}
	return size
}

// make makes the object of a chain, from its end on. It holds what is changed, one delta and what that makes.
func (r *Reader) make(c *chain) (*base, error) {
	if takes := c.memory(); takes > readFreely && isDelta(c.links[0].kind) {
		// Whoever has the memory works on it under a context of its own, and never waits for a reader.
		release, err := r.memory.Take(context.Background(), takes)
		if err != nil {
			return nil, err
		}
		defer release()
	}
	b, deltas := c.kept, c.links
	if b == nil {
		end := c.links[len(c.links)-1]
		b = &base{location: end.location, kind: end.kind, content: make([]byte, end.size)}
		deltas = c.links[:len(c.links)-1]
		if err := r.fill(end, b.content); err != nil {
			return nil, err
		}
	}
	room := make([]byte, c.largest())
	for _, l := range slices.Backward(deltas) {
		r.bases.keep(b)
		delta := l.delta
		if delta == nil {
			delta = room[:l.size]
			if err := r.fill(l, delta); err != nil {
				return nil, err
			}
		}
		made := &base{location: l.location, kind: b.kind, content: make([]byte, l.makes)}
		if err := patch(made.content, b.content, delta); err != nil {
			return nil, err
		}
		b = made
	}
	return b, nil
}

// room is memory for the deltas of a chain. It is used again for those of the next one, unless it is large.
type room struct{ bytes []byte }

const leastRoom, mostRoom = 4 << 10, 64 << 10 // bytes: at first, and between two chains

func (m *room) clear() {
	if cap(m.bytes) > mostRoom {
		m.bytes = nil
	}
	m.bytes = m.bytes[:0]
}

// take takes so many bytes. What was taken before stays where it is.
func (m *room) take(size int64) []byte {
	from := len(m.bytes)
	if int64(cap(m.bytes)-from) < size {
		m.bytes, from = make([]byte, 0, max(size, int64(2*cap(m.bytes)), leastRoom)), 0
	}
	m.bytes = m.bytes[:int64(from)+size]
	return m.bytes[from:len(m.bytes):len(m.bytes)]
}

// fill reads what is stored, whose header was read before.
func (r *Reader) fill(l link, content []byte) error {
	if err := r.open(l.pack); err != nil {
		return err
	}
	if len(content) < wideRead {
		return r.inflater.fill(l.pack.seek(l.from), content)
	}
	wide := newWindow(l.pack.file, wideWindow)
	wide.seek(l.from)
	return r.inflater.fill(wide, content)
}

var errNoSizes = fmt.Errorf("%w: a delta without sizes", packfile.ErrMalformedPackFile)
