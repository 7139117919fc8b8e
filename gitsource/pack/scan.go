package pack

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// scan reads a pack up to its checksum, which it returns. What it finds is added to a list, and the pack itself is
// written to a file. A stream without a byte is no error, and has no objects.
func scan(ctx context.Context, r io.Reader, file io.Writer, to objectList) (sum plumbing.Hash, err error) {
	s := &scanner{feed: newFeed(r, file), names: nameInto(to)}
	count, err := s.head()
	if err == nil && count == 0 && s.feed.offset() == 0 {
		return sum, s.names.end()
	}
	for i := uint32(0); i < count && err == nil; i++ {
		if err = ctx.Err(); err == nil {
			err = s.next()
		}
	}
	if err = errors.Join(err, s.names.end()); err != nil {
		return sum, truncated(err)
	}
	if sum, err = s.feed.end(); err != nil {
		return sum, truncated(err)
	}
	return sum, s.feed.nothingLeft()
}

// scanner reads the objects of a pack one by one. Somebody else names them meanwhile.
type scanner struct {
	feed     *feed
	inflater inflater
	names    *naming
}

// head reads how many objects follow.
func (s *scanner) head() (count uint32, err error) {
	var head [12]byte
	n, err := io.ReadFull(s.feed, head[:])
	switch version := binary.BigEndian.Uint32(head[4:]); { // what is there of it is looked at, however short it is
	case n == 0 && errors.Is(err, io.EOF):
		return 0, nil
	case n >= 4 && string(head[:4]) != "PACK":
		return 0, packfile.ErrBadSignature
	case n >= 8 && version != packfile.VersionSupported:
		return 0, packfile.ErrUnsupportedVersion.AddDetails("%d", version)
	}
	return binary.BigEndian.Uint32(head[8:]), err
}

// next reads one object.
func (s *scanner) next() error {
	f := found{entry: entry{offset: s.feed.offset()}}
	s.feed.began()
	h, err := readHeader(s.feed, f.offset)
	if err != nil {
		return err
	}
	f.kind, f.size = h.kind, h.size
	switch {
	case isDelta(h.kind):
		f.base, f.name = h.base, h.ref
		head := &deltaHead{}
		if err := s.inflater.pass(s.feed, h.size, head); err != nil {
			return err
		}
		if _, makes, ok := head.sizes(); ok {
			f.size += int64(min(makes, maxContent))
		}
	case h.kind < plumbing.CommitObject || h.kind > plumbing.TagObject:
		return fmt.Errorf("%w: an object of type %d", packfile.ErrMalformedPackFile, h.kind)
	case h.size > maxBatch:
		hash := plumbing.NewHasher(h.kind, h.size)
		if err := s.inflater.pass(s.feed, h.size, hash); err != nil {
			return err
		}
		f.name, f.named = hash.Sum(), true
	default:
		if err := s.inflater.fill(s.feed, s.names.room(h.size)); err != nil {
			return err
		}
	}
	f.crc = s.feed.stored()
	return s.names.add(f)
}

// truncated words the end of a stream in the midst of a pack as unexpected.
func truncated(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
