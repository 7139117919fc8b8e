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
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// entry is an object of a pack. The name and the type of one that is stored as a delta are those of the object that it
// makes, and are unknown before resolve.
type entry struct {
	offset int64 // where it begins, in bytes
	name   plumbing.Hash
	crc    uint32 // of what is stored
	base   uint32 // the entry that a delta changes; the entry itself if it is no delta
	kind   plumbing.ObjectType
	depth  uint16 // deltas that it takes to make it
}

// objects are those of a pack, in its order, with the deltas by what they change: an entry of the same pack by its
// offset, or an object by its name. Both lists are sorted.
type objects struct {
	entries []entry
	offsets []byOffset
	names   []byName
	// largest is the size in bytes of the largest object or delta, and total that of all.
	largest, total int64
	// heavy are the objects, with their sizes in bytes, that are too large to be read, or are changes of such.
	heavy map[plumbing.Hash]int64
}

type byOffset struct {
	base  int64
	entry uint32
}

type byName struct {
	base  plumbing.Hash
	entry uint32
}

// maxReserved bounds what is reserved because a header says that so many objects follow.
const maxReserved = 1 << 16

// scan reads a pack up to its checksum, which it returns. A stream without a byte is no error, and has no objects.
func scan(ctx context.Context, r io.Reader) (*objects, plumbing.Hash, error) {
	s, o := packfile.NewScanner(r), &objects{heavy: map[plumbing.Hash]int64{}}
	_, count, err := s.Header()
	if errors.Is(err, packfile.ErrEmptyPackfile) {
		return o, plumbing.ZeroHash, nil
	}
	if err != nil {
		return nil, plumbing.ZeroHash, err
	}
	o.entries = make([]entry, 0, min(count, maxReserved))
	for range count {
		if err := ctx.Err(); err != nil {
			return nil, plumbing.ZeroHash, err
		}
		if err := o.next(s); err != nil {
			return nil, plumbing.ZeroHash, truncated(err)
		}
	}
	slices.SortFunc(o.offsets, func(a, b byOffset) int { return cmp.Compare(a.base, b.base) })
	slices.SortFunc(o.names, func(a, b byName) int { return bytes.Compare(a.base[:], b.base[:]) })
	sum, err := s.Checksum()
	return o, sum, truncated(err)
}

// next reads one object. What is no delta has its name then.
func (o *objects) next(s *packfile.Scanner) error {
	header, err := s.NextObjectHeader()
	if err != nil {
		return err
	}
	this := uint32(len(o.entries))
	e := entry{offset: header.Offset, base: this, kind: header.Type}
	hash, head := plumbing.Hasher{}, &deltaHead{}
	content := io.Writer(head)
	switch header.Type {
	case plumbing.OFSDeltaObject:
		o.offsets = append(o.offsets, byOffset{header.OffsetReference, this})
	case plumbing.REFDeltaObject:
		o.names = append(o.names, byName{header.Reference, this})
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
		hash = plumbing.NewHasher(header.Type, header.Length)
		content = hash
	default:
		return fmt.Errorf("%w: an object of type %d", packfile.ErrMalformedPackFile, header.Type)
	}
	n, crc, err := s.NextObject(content)
	if err != nil {
		return err
	}
	if n != header.Length {
		return fmt.Errorf("%w: %d bytes where it says %d", packfile.ErrMalformedPackFile, n, header.Length)
	}
	if e.crc = crc; !isDelta(e.kind) {
		e.name = hash.Sum()
	}
	o.weigh(header.Length, head)
	o.entries = append(o.entries, e)
	return nil
}

// weigh counts an object's content, or a delta and what it makes.
func (o *objects) weigh(size int64, delta *deltaHead) {
	if _, makes, ok := delta.sizes(); ok {
		size += int64(min(makes, maxContent))
	}
	o.largest, o.total = max(o.largest, size), o.total+size
}

// memory is about how many bytes it takes to resolve the deltas: a base, a delta and what it makes at once, and what is
// kept.
func (o *objects) memory() int64 {
	if len(o.offsets)+len(o.names) == 0 {
		return 0
	}
	return 3*min(o.largest, inMemory) + min(o.total, keptContent)
}

// truncated words the end of a stream in the midst of a pack as unexpected.
func truncated(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
