package pack

import (
	"compress/flate"
	"compress/zlib"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// header is what an object of a pack begins with.
type header struct {
	kind plumbing.ObjectType
	size int64         // of what is stored: of a content, or of a delta
	base int64         // where the object is that a delta by offset changes
	ref  plumbing.Hash // the object that a delta by name changes
}

// readHeader reads the header of the object that begins at an offset.
func readHeader(r flate.Reader, offset int64) (h header, err error) {
	b, err := r.ReadByte()
	if err != nil {
		return h, err
	}
	h.kind, h.size = plumbing.ObjectType(b>>4&7), int64(b&15)
	for shift := 4; b&0x80 != 0; shift += 7 {
		if b, err = r.ReadByte(); err != nil {
			return h, err
		}
		if shift > 63-7 {
			return h, fmt.Errorf("%w: %w", packfile.ErrMalformedPackFile, packfile.ErrLengthOverflow)
		}
		h.size |= int64(b&0x7f) << shift
	}
	switch h.kind {
	case plumbing.OFSDeltaObject:
		back, err := readBack(r)
		if err != nil {
			return h, err
		}
		if back <= 0 || back > offset {
			return h, fmt.Errorf("%w: a delta of what is %d bytes before byte %d", packfile.ErrMalformedPackFile, back,
				offset)
		}
		h.base = offset - back
	case plumbing.REFDeltaObject:
		for i := range h.ref {
			if h.ref[i], err = r.ReadByte(); err != nil {
				return h, err
			}
		}
	}
	return h, err
}

// readBack reads how far a base is before its delta.
func readBack(r io.ByteReader) (back int64, err error) {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if back |= int64(b & 0x7f); b&0x80 == 0 {
			return back, nil
		}
		if back >= 1<<55 {
			return 0, fmt.Errorf("%w: %w", packfile.ErrMalformedPackFile, packfile.ErrLengthOverflow)
		}
		back = (back + 1) << 7
	}
}

// inflater reads what is stored in a pack, and its checksum. One is used again and again, since making one takes longer
// than most objects.
type inflater struct {
	z interface {
		io.Reader
		zlib.Resetter
	}
	one   [1]byte
	piece []byte
}

func (i *inflater) reset(r flate.Reader) error {
	if i.z != nil {
		return i.z.Reset(r, nil)
	}
	z, err := zlib.NewReader(r)
	if err != nil {
		return err
	}
	var ok bool
	if i.z, ok = z.(interface {
		io.Reader
		zlib.Resetter
	}); !ok {
		return errors.New("a reader of zlib that cannot be used again")
	}
	return nil
}

// fill reads an object of exactly as many bytes.
func (i *inflater) fill(r flate.Reader, content []byte) error {
	ended, err := i.first(r, content)
	return i.end(ended, err)
}

// begin reads the first bytes of an object that has at least so many.
func (i *inflater) begin(r flate.Reader, content []byte) error {
	_, err := i.first(r, content)
	return err
}

// first is begin, which also tells whether the object ends there.
func (i *inflater) first(r flate.Reader, content []byte) (ended bool, err error) {
	if err := i.reset(r); err != nil {
		return false, err
	}
	n, ended, err := i.read(content)
	if err == nil && n < len(content) {
		err = short(int64(n), int64(len(content)))
	}
	return ended, err
}

// pass reads an object of exactly so many bytes, and passes it on piece by piece.
func (i *inflater) pass(r flate.Reader, size int64, to io.Writer) error {
	if err := i.reset(r); err != nil {
		return err
	}
	if i.piece == nil {
		i.piece = make([]byte, 1<<15)
	}
	ended := false
	for left := size; left > 0; {
		var n int
		var err error
		if n, ended, err = i.read(i.piece[:min(left, int64(len(i.piece)))]); err != nil {
			return err
		}
		if _, err := to.Write(i.piece[:n]); err != nil {
			return err
		}
		if left -= int64(n); ended && left > 0 {
			return short(size-left, size)
		}
	}
	return i.end(ended, nil)
}

// read reads as much as there is room for, and tells whether the content has ended.
func (i *inflater) read(content []byte) (n int, ended bool, err error) {
	for n < len(content) {
		m, err := i.z.Read(content[n:])
		n += m
		if errors.Is(err, io.EOF) {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

// end reads what follows a content, which is its checksum and nothing else.
func (i *inflater) end(ended bool, err error) error {
	if ended || err != nil {
		return err
	}
	n, ended, err := i.read(i.one[:])
	if n > 0 {
		return packfile.ErrInflatedSizeMismatch
	}
	if err == nil && !ended {
		return io.ErrNoProgress
	}
	return err
}

func short(n, size int64) error {
	return fmt.Errorf("%w: %d bytes where it says %d", packfile.ErrMalformedPackFile, n, size)
}
