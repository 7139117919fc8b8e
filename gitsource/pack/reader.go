package pack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"github.com/daemongate/daemongate/gitsource/memory"
)

const (
	openPacks  = 8         // packs that a reader keeps open
	readWindow = 16 << 10  // bytes that a reader reads at once: some hundred files of a set, mostly neighbours
	wideRead   = 1 << 20   // bytes of a content, or of a delta, from which on it is read through a window of its own
	wideWindow = 128 << 10 // bytes that are read at once then
)

// Reader reads the objects of the packs of a folder objects/pack. It serves one goroutine at a time, and does not see
// packs that come later. Of the indexes it reads what it needs.
type Reader struct {
	packs    []*stored // those in which something was found last come first
	inflater inflater
	namer    *namer
	bases    bases

	way  chain // to the object that is read
	room room  // of its deltas
	head [maxDeltaHead]byte

	memory *memory.Budget // what is shared with others
}

// stored is a pack on the disk.
type stored struct {
	path   string
	lookup *lookup
	file   *os.File // nil while it is not open
	// windows are parts of it that were read, the one used last first: a pack has its folders in one place, its files
	// in another, and what these are changes of in a third.
	windows [3]*window
}

// seek returns the window from which an offset is read.
func (p *stored) seek(offset int64) *window {
	i := 0
	for i < len(p.windows)-1 && !p.windows[i].has(offset) {
		i++
	}
	w := p.windows[i]
	copy(p.windows[1:i+1], p.windows[:i])
	p.windows[0] = w
	w.seek(offset)
	return w
}

type location struct {
	pack   *stored
	offset int64
}

// NewReader opens the packs of a folder; one that is not there has none.
func NewReader(folder string) (*Reader, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "pack-*.pack"))
	if err != nil {
		return nil, err
	}
	r := &Reader{namer: newPlainNamer(), memory: memory.Process()}
	for _, path := range paths {
		l, err := openLookup(strings.TrimSuffix(path, ".pack") + ".idx")
		if err != nil {
			r.Close()
			return nil, err
		}
		r.packs = append(r.packs, &stored{path: path, lookup: l})
	}
	return r, nil
}

// Close closes what is open.
func (r *Reader) Close() {
	for _, p := range r.packs {
		p.lookup.close()
		p.close()
	}
	r.packs = nil
}

func (p *stored) close() {
	if p.file != nil {
		_ = p.file.Close() // it was only read
		p.file, p.windows = nil, [len(p.windows)]*window{}
	}
}

// Forget has everything read from the disk anew: a file may have rotted since its neighbourhood was read.
func (r *Reader) Forget() {
	for _, p := range r.packs {
		if p.file == nil {
			continue
		}
		for _, w := range p.windows {
			w.forget()
		}
	}
}

// Has reports whether an object is in a pack.
func (r *Reader) Has(name plumbing.Hash) (bool, error) {
	at, err := r.find(name)
	return at.pack != nil, err
}

// find is where an object is; in no pack if it is in none.
func (r *Reader) find(name plumbing.Hash) (location, error) {
	for i, p := range r.packs {
		offset, err := p.lookup.find(name)
		if err != nil {
			return location{}, fmt.Errorf("index of %s: %w", p.path, err)
		}
		if offset < 0 {
			continue
		}
		copy(r.packs[1:i+1], r.packs[:i])
		r.packs[0] = p
		return location{p, offset}, nil
	}
	return location{}, nil
}

// open opens a pack, and closes others if they are too many.
func (r *Reader) open(p *stored) error {
	if p.file != nil {
		return nil
	}
	open := 0
	for _, other := range r.packs {
		if other.file == nil {
			continue
		}
		if open++; open >= openPacks {
			other.close()
		}
	}
	file, err := os.Open(p.path)
	if err != nil {
		return err
	}
	p.file = file
	for i := range p.windows {
		p.windows[i] = newWindow(file, readWindow)
	}
	return nil
}

// header reads the header of what is at a place. Its content can be read next.
func (r *Reader) header(at location) (header, error) {
	if err := r.open(at.pack); err != nil {
		return header{}, err
	}
	return readHeader(at.pack.seek(at.offset), at.offset)
}

// changed is the place of what the delta with a header changes.
func (r *Reader) changed(h header, delta location) (location, error) {
	if h.kind == plumbing.OFSDeltaObject {
		return location{delta.pack, h.base}, nil
	}
	at, err := r.find(h.ref)
	if err == nil && at.pack == nil {
		err = fmt.Errorf("%w: the object that byte %d changes is not there", packfile.ErrMalformedPackFile,
			delta.offset)
	}
	return at, err
}

// errTooDeep is the error of deltas that lead to no object in the end.
var errTooDeep = errors.New("too many deltas lead to it")
