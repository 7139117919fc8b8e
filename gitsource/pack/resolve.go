package pack

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

const (
	// keptContent is how many bytes of content are kept for deltas to be applied to.
	keptContent = 16 << 20
	// maxContent bounds what a delta changes and what it makes, in bytes, both of which are in memory at once: Git
	// makes no deltas of larger files (core.bigFileThreshold).
	maxContent = 512 << 20
	// maxDepth is how many deltas may lead to an object, as in Git itself (OE_DEPTH_BITS in its pack-objects.h).
	maxDepth = 4095
)

// resolver names the objects that are stored as deltas.
type resolver struct {
	*objects
	ctx  context.Context
	pack *packfile.Scanner
	kept *cache.BufferLRU // content by entry
	// last is the content that was made last: the next delta changes it as a rule, however large it is.
	last      []byte
	lastEntry uint32
}

// resolve names every object of a pack that is stored as a delta. It keeps so many bytes of content on the way.
func resolve(ctx context.Context, file io.ReadSeeker, o *objects, keep cache.FileSize) error {
	r := &resolver{objects: o, ctx: ctx, pack: packfile.NewScanner(file), kept: cache.NewBufferLRU(keep)}
	left := len(o.offsets) + len(o.names)
	for i := range o.entries {
		if e := o.entries[i]; isDelta(e.kind) || e.depth > 0 { // is, or has been, named from its base
			continue
		}
		n, err := r.under(uint32(i))
		if err != nil {
			return truncated(err)
		}
		left -= n
	}
	if left > 0 {
		return fmt.Errorf("%w: %d objects are changes of objects that are not in it", packfile.ErrMalformedPackFile,
			left)
	}
	return nil
}

// under names what changes an entry, what changes that, and so on, each right after what it changes. It returns how
// many objects these are.
func (r *resolver) under(root uint32) (named int, err error) {
	waiting := r.changing(nil, root)
	for ; len(waiting) > 0; named++ {
		if err := r.ctx.Err(); err != nil {
			return named, err
		}
		i := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		if r.entries[i].depth > maxDepth {
			return named, fmt.Errorf("%w: more than %d deltas lead to an object", packfile.ErrMalformedPackFile,
				maxDepth)
		}
		content, err := r.content(i)
		if err != nil {
			return named, err
		}
		r.entries[i].name = plumbing.ComputeHash(r.entries[i].kind, content)
		r.last, r.lastEntry = content, i
		waiting = r.changing(waiting, i)
	}
	return named, nil
}

// changing adds the deltas that change an entry. From now on they are known to be of its type, and no longer to be
// deltas.
func (r *resolver) changing(waiting []uint32, of uint32) []uint32 {
	base := r.entries[of]
	add := func(i uint32) {
		if e := &r.entries[i]; isDelta(e.kind) {
			e.base, e.kind, e.depth = of, base.kind, base.depth+1
			waiting = append(waiting, i)
		}
	}
	at, _ := slices.BinarySearchFunc(r.offsets, base.offset,
		func(d byOffset, o int64) int { return cmp.Compare(d.base, o) })
	for ; at < len(r.offsets) && r.offsets[at].base == base.offset; at++ {
		add(r.offsets[at].entry)
	}
	at, _ = slices.BinarySearchFunc(r.names, base.name,
		func(d byName, h plumbing.Hash) int { return bytes.Compare(d.base[:], h[:]) })
	for ; at < len(r.names) && r.names[at].base == base.name; at++ {
		add(r.names[at].entry)
	}
	return waiting
}

// content makes what an entry holds: from its base's content, which is at hand as a rule and is otherwise made again.
func (r *resolver) content(i uint32) ([]byte, error) {
	if r.last != nil && r.lastEntry == i {
		return r.last, nil
	}
	if content, ok := r.kept.Get(int64(i)); ok {
		return content, nil
	}
	e := r.entries[i]
	var base []byte
	if e.base != i {
		var err error
		if base, err = r.content(e.base); err != nil {
			return nil, err
		}
	}
	content, err := r.inflate(e.offset)
	if err == nil && e.base != i {
		content, err = patch(base, content)
	}
	if err != nil {
		return nil, fmt.Errorf("object at byte %d: %w", e.offset, err)
	}
	r.kept.Put(int64(i), content)
	return content, nil
}

// inflate reads what is stored at an offset: a content, or a delta.
func (r *resolver) inflate(offset int64) ([]byte, error) {
	header, err := r.pack.SeekObjectHeader(offset)
	if err != nil {
		return nil, err
	}
	if header.Length > maxContent {
		return nil, tooLarge(uint64(header.Length))
	}
	var content bytes.Buffer
	content.Grow(int(min(header.Length, 1<<20)))
	_, _, err = r.pack.NextObject(&content)
	return content.Bytes(), err
}

// patch applies a delta, which begins with the sizes of what it changes and of what it makes.
func patch(base, delta []byte) ([]byte, error) {
	_, n := binary.Uvarint(delta)
	if size, m := binary.Uvarint(delta[max(n, 0):]); m > 0 && size > maxContent {
		return nil, tooLarge(size)
	}
	content, err := packfile.PatchDelta(base, delta)
	if err != nil {
		return nil, errors.Join(packfile.ErrMalformedPackFile, err)
	}
	return content, nil
}

func tooLarge(size uint64) error {
	return fmt.Errorf("%d bytes are sent as a change of another object, and no more than %d MiB are read so: have "+
		"large files sent whole (git config core.bigFileThreshold)",
		size, maxContent>>20)
}

func isDelta(t plumbing.ObjectType) bool {
	return t == plumbing.OFSDeltaObject || t == plumbing.REFDeltaObject
}
