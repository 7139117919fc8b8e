package pack

import (
	"bytes"
	"cmp"
	"context"
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
	// inMemory is the size in bytes up to which a content or a delta is held in memory; what is larger is in a file.
	inMemory = 16 << 20
	// maxContent bounds what a delta changes and what it makes, in bytes: Git makes no deltas of larger files
	// (core.bigFileThreshold).
	maxContent = 512 << 20
	// maxRead is the size in bytes up to which contents and deltas are read into memory later, when a file is wanted:
	// go-git holds all that lead to it. An object to which larger ones lead is heavy.
	maxRead = 64 << 20
	// maxDepth is how many deltas may lead to an object, as in Git itself (OE_DEPTH_BITS in its pack-objects.h).
	maxDepth = 4095
)

// resolver names the objects that are stored as deltas.
type resolver struct {
	*objects
	ctx  context.Context
	pack *packfile.Scanner
	kept *cache.BufferLRU // content by entry, of what is in memory
	// last is the content that was made last: the next delta changes it as a rule, however large it is.
	last      *content
	lastEntry uint32
	store     store
}

// resolve names every object of a pack that is stored as a delta. It keeps so many bytes of content on the way.
func resolve(ctx context.Context, file io.ReadSeeker, o *objects, keep cache.FileSize, s store) error {
	r := &resolver{objects: o, ctx: ctx, pack: packfile.NewScanner(file), kept: cache.NewBufferLRU(keep), store: s}
	defer func() { r.last.drop() }()
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
		made, weighty, err := r.content(i)
		if err != nil {
			return named, err
		}
		if r.entries[i].name, err = made.hash(r.entries[i].kind); err != nil {
			return named, err
		}
		if weighty {
			r.heavy[r.entries[i].name] = made.size
		}
		if r.last != made {
			r.last.drop()
		}
		r.last, r.lastEntry = made, i
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
// It is heavy if what leads to it is.
func (r *resolver) content(i uint32) (made *content, heavy bool, err error) {
	if r.last != nil && r.lastEntry == i {
		return r.last, r.isHeavy(i), nil
	}
	if bytes, ok := r.kept.Get(int64(i)); ok {
		return inBytes(bytes), r.isHeavy(i), nil
	}
	e := r.entries[i]
	var base *content
	if e.base != i {
		if base, heavy, err = r.content(e.base); err != nil {
			return nil, false, err
		}
		defer r.done(base)
	}
	made, err = r.inflate(e.offset)
	if err == nil && e.base != i {
		delta := made
		defer delta.drop()
		made, err = r.patch(base, delta)
		heavy = heavy || err == nil && max(base.size, delta.size, made.size) > maxRead
	}
	if err != nil {
		return nil, false, fmt.Errorf("object at byte %d: %w", e.offset, err)
	}
	if made.bytes != nil {
		r.kept.Put(int64(i), made.bytes)
	}
	return made, heavy, nil
}

func (r *resolver) isHeavy(i uint32) bool {
	_, heavy := r.heavy[r.entries[i].name]
	return heavy
}

// done lets go of a content, unless it was the last that was made.
func (r *resolver) done(c *content) {
	if c != r.last {
		c.drop()
	}
}

// inflate reads what is stored at an offset: a content, or a delta.
func (r *resolver) inflate(offset int64) (*content, error) {
	header, err := r.pack.SeekObjectHeader(offset)
	if err != nil {
		return nil, err
	}
	if header.Length > maxContent {
		return nil, tooLarge(uint64(header.Length))
	}
	return r.store.make(header.Length, func(to io.Writer) error {
		_, _, err := r.pack.NextObject(to)
		return err
	})
}

// patch applies a delta.
func (r *resolver) patch(base, delta *content) (*content, error) {
	_, makes, ok := delta.head().sizes()
	if ok && makes > maxContent {
		return nil, tooLarge(makes)
	}
	if base.bytes != nil && delta.bytes != nil && makes <= uint64(r.store.inMemory) {
		bytes, err := packfile.PatchDelta(base.bytes, delta.bytes)
		if err != nil {
			return nil, errors.Join(packfile.ErrMalformedPackFile, err)
		}
		return inBytes(bytes), nil
	}
	return r.store.make(int64(makes), func(to io.Writer) error {
		return applyDelta(to, base, base.size, io.NewSectionReader(delta, 0, delta.size))
	})
}

func tooLarge(size uint64) error {
	return fmt.Errorf("%d bytes are sent as a change of another object, and no more than %d MiB are read so: have "+
		"large files sent whole (git config core.bigFileThreshold)",
		size, maxContent>>20)
}

func isDelta(t plumbing.ObjectType) bool {
	return t == plumbing.OFSDeltaObject || t == plumbing.REFDeltaObject
}
