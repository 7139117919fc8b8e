package pack

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// A delta begins with the sizes of what it changes and of what it makes, and goes on with instructions: copy so many
// bytes from there, or insert those that follow (https://git-scm.com/docs/gitformat-pack#_deltified_representation).

// deltaHead keeps the beginning of a delta, which has the sizes.
type deltaHead struct{ bytes []byte }

const maxDeltaHead = 2 * binary.MaxVarintLen64

func (h *deltaHead) Write(p []byte) (int, error) {
	h.bytes = append(h.bytes, p[:min(len(p), maxDeltaHead-len(h.bytes))]...)
	return len(p), nil
}

// sizes are those of what the delta changes and of what it makes; ok is false if these are no sizes.
func (h *deltaHead) sizes() (changes, makes uint64, ok bool) {
	changes, n := binary.Uvarint(h.bytes)
	if n <= 0 {
		return 0, 0, false
	}
	makes, m := binary.Uvarint(h.bytes[n:])
	return changes, makes, m > 0
}

// copied is the number of bytes that a copy of size zero stands for.
const copied = 0x10000

// applyDelta writes what a delta makes of a base of so many bytes.
func applyDelta(to io.Writer, base io.ReaderAt, size int64, delta io.Reader) error {
	d := bufio.NewReader(delta)
	changes, err := binary.ReadUvarint(d)
	if err != nil {
		return malformed(err)
	}
	makes, err := binary.ReadUvarint(d)
	if err != nil {
		return malformed(err)
	}
	if changes != uint64(size) {
		return malformed(fmt.Errorf("a change of %d bytes, of an object of %d", changes, size))
	}
	for left := int64(makes); left > 0; {
		next, err := d.Peek(maxInstruction)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		offset, n, took, err := instruction(next)
		if err != nil {
			return malformed(err)
		}
		_, _ = d.Discard(took) // which are there
		from := io.Reader(d)
		if offset >= 0 {
			from = io.NewSectionReader(base, offset, n)
		}
		if n > left || offset+n > size && offset >= 0 {
			return malformed(errBeyond)
		}
		if _, err := io.CopyN(to, from, n); err != nil {
			return err
		}
		left -= n
	}
	if _, err := d.ReadByte(); !errors.Is(err, io.EOF) {
		return malformed(errFollowed)
	}
	return nil
}

// patch does so in memory, where what it makes has its size.
func patch(makes, base, delta []byte) error {
	changes, n := binary.Uvarint(delta)
	_, m := binary.Uvarint(delta[max(n, 0):]) // the size of what it makes
	if n <= 0 || m <= 0 {
		return malformed(errNoSizes)
	}
	if changes != uint64(len(base)) {
		return malformed(fmt.Errorf("a change of %d bytes, of an object of %d", changes, len(base)))
	}
	for delta = delta[n+m:]; len(makes) > 0; {
		offset, n, took, err := instruction(delta)
		if err != nil {
			return malformed(err)
		}
		delta = delta[took:]
		switch {
		case n > int64(len(makes)) || offset+n > int64(len(base)) && offset >= 0:
			return malformed(errBeyond)
		case offset >= 0:
			copy(makes, base[offset:offset+n])
		case n > int64(len(delta)):
			return malformed(io.ErrUnexpectedEOF)
		default:
			copy(makes, delta[:n])
			delta = delta[n:]
		}
		makes = makes[n:]
	}
	if len(delta) > 0 {
		return malformed(errFollowed)
	}
	return nil
}

var (
	errBeyond   = errors.New("an instruction reaches beyond an end")
	errFollowed = errors.New("something follows its last instruction")
)

// maxInstruction is how many bytes an instruction has at most, besides those that it inserts.
const maxInstruction = 8

// instruction reads what to do next: to copy so many bytes from an offset, or to insert so many, which follow; the
// offset is negative then. It took so many bytes of the delta.
func instruction(delta []byte) (offset, n int64, took int, err error) {
	if len(delta) == 0 {
		return 0, 0, 0, io.ErrUnexpectedEOF
	}
	op := delta[0]
	switch took = 1 + bits.OnesCount8(op&0x7f); {
	case op == 0:
		return 0, 0, 0, errors.New("an instruction that Git does not have")
	case op&0x80 == 0:
		return -1, int64(op), 1, nil
	case took > len(delta):
		return 0, 0, 0, io.ErrUnexpectedEOF
	}
	// Bits of the operation say which of four bytes of the offset, and of three of the size, follow.
	for bit, follow := 0, delta[1:took]; bit < 7; bit++ {
		if op&(1<<bit) == 0 {
			continue
		}
		if b := int64(follow[0]); bit < 4 {
			offset |= b << (8 * bit)
		} else {
			n |= b << (8 * (bit - 4))
		}
		follow = follow[1:]
	}
	if n == 0 {
		n = copied
	}
	return offset, n, took, nil
}

func malformed(err error) error { return errors.Join(packfile.ErrMalformedPackFile, truncated(err)) }
