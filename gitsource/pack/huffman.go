package pack

import (
	"bytes"
	"io"
	"math/bits"
	"slices"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

const (
	maxCode  = 15                         // bits of a code
	maxMatch = maxCode + 5 + maxCode + 13 // of a match: codes of a length and a distance, with what follows each
	fastCode = 10                         // bits up to which a code is looked up at once
)

// huffman is a Huffman code of a block. It is canonical: the lengths of the codes of its symbols say what the codes are
// (RFC 1951, section 3.2.2).
type huffman struct {
	// fast has, by the next bits, the symbol, shifted by four, and the length of its code; nothing if that is longer.
	fast [1 << fastCode]uint16
	mask uint64 // of the bits that it is looked up by

	counts  [maxCode + 1]uint16 // how many codes have which length
	symbols [288]uint16         // in the order of their codes
}

// make makes the code from the length that each symbol has in it, zero if it has none. It is false if no code has these
// lengths, or if there are bits that stand for nothing; but a single symbol may have one bit, as in zlib.
func (c *huffman) make(lengths []uint8) bool {
	c.counts = [maxCode + 1]uint16{}
	for _, n := range lengths {
		c.counts[n]++
	}
	c.counts[0] = 0
	var next, first [maxCode + 1]uint16 // the next code of each length, and where the symbols of a length begin
	used, longest := 0, 0
	for n := 1; n <= maxCode; n++ {
		next[n] = (next[n-1] + c.counts[n-1]) << 1
		first[n] = first[n-1] + c.counts[n-1]
		if used += int(c.counts[n]) << (maxCode - n); c.counts[n] > 0 {
			longest = n
		}
	}
	alone := longest == 1 && c.counts[1] == 1
	if used != 1<<maxCode && !alone && longest > 0 {
		return false
	}
	size := 1 << min(longest, fastCode)
	c.mask = uint64(size - 1)
	if alone || longest == 0 {
		clear(c.fast[:size])
	}
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		c.symbols[first[n]] = uint16(symbol)
		first[n]++
		code := bits.Reverse16(next[n]) >> (16 - n)
		next[n]++
		if n > fastCode {
			c.fast[code&(1<<fastCode-1)] = 0
			continue
		}
		for at, entry := int(code), uint16(symbol)<<4|uint16(n); at < size; at += 1 << n {
			c.fast[at] = entry
		}
	}
	return true
}

// next is the symbol whose code comes next, and the length of that; zero if it is no code.
func (c *huffman) next(bits uint64) (symbol, size int) {
	if e := c.fast[bits&c.mask&(1<<fastCode-1)]; e != 0 {
		return int(e >> 4), int(e & 15)
	}
	return c.long(bits)
}

// long finds a code bit by bit.
func (c *huffman) long(bits uint64) (symbol, size int) {
	code, first, at := 0, 0, 0
	for n := 1; n <= maxCode; n++ {
		code |= int(bits & 1)
		bits >>= 1
		count := int(c.counts[n])
		if code-first < count {
			return int(c.symbols[at+code-first]), n
		}
		at += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0, 0
}

// extended is a length or a distance: a base, to which the number is added that so many bits after the code make.
type extended struct {
	base uint16
	bits uint8
}

// The tables of RFC 1951, sections 3.2.5 and 3.2.6.
var (
	matchLengths   = append(extendedFrom(3, 4, 28), extended{base: 258})
	matchDistances = extendedFrom(1, 2, maxDistances)

	fixedLiterals = fixed(bytes.Repeat([]byte{8}, 144), bytes.Repeat([]byte{9}, 112), bytes.Repeat([]byte{7}, 24),
		bytes.Repeat([]byte{8}, 8))
	fixedDistances = fixed(bytes.Repeat([]byte{5}, 32))
)

// extendedFrom returns the first entries of a table. Each has the base where the one before ends. The number of bits
// grows by one after every group, but not after the first.
func extendedFrom(base, group, count int) []extended {
	all := make([]extended, 0, count+1)
	for i := range count {
		bits := max(0, i/group-1)
		all = append(all, extended{uint16(base), uint8(bits)})
		base += 1 << bits
	}
	return all
}

func fixed(lengths ...[]byte) *huffman {
	c := &huffman{}
	c.make(slices.Concat(lengths...))
	return c
}

// decode makes what a block of codes stands for: literals and matches, up to its end.
func (d *decompressor) decode(literals, distances *huffman) error {
	to, at := d.to, d.at
	for {
		if d.have < maxMatch {
			if err := d.refill(0); err != nil { // the file may end before that
				return err
			}
		}
		symbol, size := literals.next(d.bits)
		if size == 0 {
			return errNotDeflated
		}
		if d.take(size); d.have < 0 {
			return io.ErrUnexpectedEOF
		}
		if symbol == endOfBlock {
			d.at = at
			return nil
		}
		if symbol < endOfBlock {
			if at == len(to) {
				return d.tooLong()
			}
			to[at] = byte(symbol)
			at++
			continue
		}
		length, distance, err := d.match(symbol-endOfBlock-1, distances)
		if err != nil {
			return err
		}
		if distance > at {
			return errNotDeflated
		}
		end := at + length
		if end > len(to) {
			if d.all {
				return d.tooLong()
			}
			end = len(to)
		}
		for from := at - distance; at < end; { // what was copied may be copied again
			at += copy(to[at:end], to[from:at])
		}
		if d.at = at; d.full() {
			return nil
		}
	}
}

// match reads how much is to be copied, and from how far back. The symbol is that of the length.
func (d *decompressor) match(symbol int, distances *huffman) (n, back int, err error) {
	if symbol >= len(matchLengths) {
		return 0, 0, errNotDeflated
	}
	length := matchLengths[symbol]
	n = int(length.base) + int(d.take(int(length.bits)))
	symbol, size := distances.next(d.bits)
	if size == 0 || symbol >= maxDistances {
		return 0, 0, errNotDeflated
	}
	d.take(size)
	distance := matchDistances[symbol]
	back = int(distance.base) + int(d.take(int(distance.bits)))
	if d.have < 0 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	return n, back, nil
}

// tooLong is what becomes of a block that makes more than is wanted.
func (d *decompressor) tooLong() error {
	if d.all {
		return packfile.ErrInflatedSizeMismatch
	}
	d.at = len(d.to)
	return nil
}
