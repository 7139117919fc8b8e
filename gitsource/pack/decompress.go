package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// decompressor inflates what a pack on the disk stores (RFC 1950 and 1951) into memory that has its size. The standard
// library serves streams: it asks for each byte, keeps a history of 32 KiB, clears its tables for each object, and
// copies twice. Here the memory is the history, and nothing is copied twice.
//
// It does not sum up what it makes, which a reader checks against its name.
type decompressor struct {
	from *window
	bits uint64 // the next bits, the first one being the lowest; above those that count, there may be more of them
	have int    // how many of them count

	to  []byte
	at  int  // how many bytes of it were made
	all bool // whether nothing may follow

	lengths             [maxLiterals + maxDistances]uint8 // of the codes of a block
	literals, distances huffman
}

const (
	maxLiterals  = 286 // codes of a block for literals, its end and lengths of copies
	maxDistances = 30
	endOfBlock   = 256
)

// fill inflates exactly so many bytes.
func (d *decompressor) fill(from *window, to []byte) error { return d.run(from, to, true) }

// begin inflates the first bytes of what has at least so many.
func (d *decompressor) begin(from *window, to []byte) error { return d.run(from, to, false) }

func (d *decompressor) run(from *window, to []byte, all bool) error {
	d.from, d.to, d.all = from, to, all
	d.bits, d.have, d.at = 0, 0, 0
	err := d.blocks()
	d.from, d.to = nil, nil
	if err == nil && d.at < len(to) {
		err = short(int64(d.at), int64(len(to)))
	}
	return err
}

func (d *decompressor) blocks() error {
	if err := d.head(); err != nil {
		return err
	}
	for final := false; !final && !d.full(); {
		if err := d.refill(3); err != nil {
			return err
		}
		final = d.take(1) == 1
		if err := d.block(d.take(2)); err != nil {
			return err
		}
	}
	return nil
}

// full tells whether all that is wanted was made, and what follows is not looked at.
func (d *decompressor) full() bool { return !d.all && d.at == len(d.to) }

// head reads what a stream of zlib begins with.
func (d *decompressor) head() error {
	if err := d.refill(16); err != nil {
		return err
	}
	const method, dictionary = 8, 0x20
	first, second := d.take(8), d.take(8)
	if first&15 != method || (first<<8|second)%31 != 0 || second&dictionary != 0 {
		return errNotDeflated
	}
	return nil
}

func (d *decompressor) block(kind uint64) error {
	switch kind {
	case 0:
		return d.copyStored()
	case 1:
		return d.decode(fixedLiterals, fixedDistances)
	case 2:
		if err := d.readCodes(); err != nil {
			return err
		}
		return d.decode(&d.literals, &d.distances)
	}
	return errNotDeflated
}

// refill reads on, until there are at least 56 bits. It is an error if the file ends before there are as many as are
// needed.
func (d *decompressor) refill(need int) error {
	w := d.from
	if rest := w.bytes[w.at:]; len(rest) >= 8 {
		d.bits |= binary.LittleEndian.Uint64(rest) << d.have
		w.at += (63 - d.have) >> 3
		d.have |= 56
		return nil
	}
	for d.have <= 56 {
		b, err := w.ReadByte()
		if err != nil && d.have >= need && errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return truncated(err)
		}
		d.bits |= uint64(b) << d.have
		d.have += 8
	}
	return nil
}

// take takes so many bits, which must be there.
func (d *decompressor) take(n int) uint64 {
	b := d.bits & (1<<n - 1)
	d.bits >>= n
	d.have -= n
	return b
}

// copyStored copies a block that is not compressed.
func (d *decompressor) copyStored() error {
	d.take(d.have & 7) // up to the next byte
	if err := d.refill(32); err != nil {
		return err
	}
	size, inverted := d.take(16), d.take(16)
	if size != ^inverted&0xffff {
		return errNotDeflated
	}
	left := int(size)
	if room := len(d.to) - d.at; left > room {
		if d.all {
			return packfile.ErrInflatedSizeMismatch
		}
		left = room
	}
	for ; left > 0 && d.have > 0; left-- { // bytes of it that were read as bits
		d.to[d.at] = byte(d.take(8))
		d.at++
	}
	if left > 0 {
		d.bits = 0 // they are read again
	}
	for left > 0 {
		n, err := d.from.Read(d.to[d.at : d.at+left])
		if err != nil {
			return truncated(err)
		}
		d.at, left = d.at+n, left-n
	}
	return nil
}

// codeOrder is the order in which the code lengths of the code for code lengths come (RFC 1951, section 3.2.7).
var codeOrder = [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// readCodes reads the two codes of a block, for literals and lengths, and for distances.
func (d *decompressor) readCodes() error {
	if err := d.refill(14); err != nil {
		return err
	}
	literals, distances, n := int(d.take(5))+257, int(d.take(5))+1, int(d.take(4))+4
	if literals > maxLiterals || distances > maxDistances {
		return errNotDeflated
	}
	var lengths [len(codeOrder)]uint8
	for _, at := range codeOrder[:n] {
		if d.have < 3 {
			if err := d.refill(3); err != nil {
				return err
			}
		}
		lengths[at] = uint8(d.take(3))
	}
	if !d.distances.make(lengths[:]) {
		return errNotDeflated
	}
	if err := d.readLengths(d.lengths[:literals+distances]); err != nil {
		return err
	}
	if !d.literals.make(d.lengths[:literals]) || !d.distances.make(d.lengths[literals:literals+distances]) {
		return errNotDeflated
	}
	return nil
}

// readLengths reads code lengths. The code for them is where that for distances will be.
func (d *decompressor) readLengths(lengths []uint8) error {
	const again, zeros, manyZeros = 16, 17, 18
	for i := 0; i < len(lengths); {
		if d.have < maxCode+7 {
			if err := d.refill(1); err != nil {
				return err
			}
		}
		symbol, size := d.distances.next(d.bits)
		if size == 0 {
			return errNotDeflated
		}
		d.take(size)
		value, times := uint8(symbol), 1
		switch symbol {
		case again:
			if i == 0 {
				return errNotDeflated
			}
			value, times = lengths[i-1], 3+int(d.take(2))
		case zeros:
			value, times = 0, 3+int(d.take(3))
		case manyZeros:
			value, times = 0, 11+int(d.take(7))
		}
		if d.have < 0 {
			return io.ErrUnexpectedEOF
		}
		if times > len(lengths)-i {
			return errNotDeflated
		}
		for range times {
			lengths[i] = value
			i++
		}
	}
	return nil
}

var errNotDeflated = fmt.Errorf("%w: what is stored is not as zlib makes it", packfile.ErrMalformedPackFile)
