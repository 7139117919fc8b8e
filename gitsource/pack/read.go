package pack

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// Read returns an object that is in a pack, of up to limit bytes, with its type and its size. Of a larger one it
// returns the size alone. An object that is in no pack is a plumbing.ErrObjectNotFound. The content is not checked
// against the name.
func (r *Reader) Read(name plumbing.Hash, limit int64) (kind plumbing.ObjectType, content []byte, size int64,
	err error) {
	at, err := r.find(name)
	if err == nil && at.pack == nil {
		err = plumbing.ErrObjectNotFound
	}
	if err != nil {
		return 0, nil, 0, err
	}
	b, size, err := r.read(at, limit)
	if err != nil {
		return 0, nil, 0, fmt.Errorf("%s, byte %d: %w", at.pack.path, at.offset, truncated(err))
	}
	return b.kind, b.content, size, nil
}

// Size is the size of an object in bytes. It is not made for that.
func (r *Reader) Size(name plumbing.Hash) (int64, error) {
	at, err := r.find(name)
	if err == nil && at.pack == nil {
		err = plumbing.ErrObjectNotFound
	}
	if err != nil {
		return 0, err
	}
	return r.size(at)
}

func (r *Reader) size(at location) (int64, error) {
	h, err := r.header(at)
	if err != nil || !isDelta(h.kind) {
		return h.size, truncated(err)
	}
	var begin [maxDeltaHead]byte
	if err := r.inflater.reset(at.pack.window); err != nil {
		return 0, truncated(err)
	}
	n, _, err := r.inflater.read(begin[:min(h.size, maxDeltaHead)])
	if err != nil {
		return 0, truncated(err)
	}
	_, makes, ok := (&deltaHead{begin[:n]}).sizes()
	return int64(makes), noSizes(ok, makes)
}

// delta is one of those that lead to an object.
type delta struct {
	location
	content []byte
}

// read makes what is at a location, if that has up to limit bytes. The content belongs to the caller.
func (r *Reader) read(at location, limit int64) (made *base, size int64, err error) {
	if b := r.kept(at); b != nil {
		size = int64(len(b.content))
		if size > limit {
			return &base{kind: b.kind}, size, nil
		}
		return &base{b.location, b.kind, bytes.Clone(b.content)}, size, nil
	}
	b, deltas, size, err := r.begin(at, limit)
	if err != nil || size > limit {
		return b, size, err
	}
	for _, d := range slices.Backward(deltas) {
		r.keep(b)
		_, makes, ok := (&deltaHead{d.content}).sizes()
		if !ok || makes > maxRead {
			return nil, 0, errNoSizes
		}
		made := &base{d.location, b.kind, make([]byte, makes)}
		if err := patch(made.content, b.content, d.content); err != nil {
			return nil, 0, err
		}
		b = made
	}
	return b, size, nil
}

// begin reads what is stored at a location, and what leads to it: deltas, the last first, and the content that the
// first of them changes. If it has more than limit bytes it returns the size alone.
func (r *Reader) begin(at location, limit int64) (b *base, deltas []delta, size int64, err error) {
	h, content, err := r.stored(at, limit)
	if err != nil || !isDelta(h.kind) {
		return &base{at, h.kind, content}, nil, h.size, err
	}
	_, makes, ok := (&deltaHead{content}).sizes()
	if size = int64(makes); !ok || makes > maxContent || size > limit {
		return &base{}, nil, size, noSizes(ok, makes)
	}
	for len(deltas) < maxDepth {
		deltas = append(deltas, delta{at, content})
		if at, err = r.changed(h, at); err != nil {
			return nil, nil, 0, err
		}
		if b := r.kept(at); b != nil {
			return b, deltas, size, nil
		}
		if h, content, err = r.stored(at, maxRead); err != nil {
			return nil, nil, 0, err
		}
		switch {
		case content == nil:
			return nil, nil, 0, tooLarge(uint64(h.size))
		case !isDelta(h.kind):
			return &base{at, h.kind, content}, deltas, size, nil
		}
	}
	return nil, nil, 0, errTooDeep
}

// stored reads what is stored at a location. Of a whole object of more than limit bytes it reads the header alone.
func (r *Reader) stored(at location, limit int64) (h header, content []byte, err error) {
	h, err = r.header(at)
	switch {
	case err != nil, !isDelta(h.kind) && h.size > limit:
		return h, nil, err
	case isDelta(h.kind) && h.size > maxRead:
		return h, nil, tooLarge(uint64(h.size))
	}
	content = make([]byte, h.size)
	return h, content, r.inflater.fill(at.pack.window, content)
}

var errNoSizes = fmt.Errorf("%w: a delta without sizes", packfile.ErrMalformedPackFile)

func noSizes(ok bool, makes uint64) error {
	if !ok || makes > maxContent {
		return errNoSizes
	}
	return nil
}
