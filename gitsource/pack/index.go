package pack

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha1"
	"encoding/binary"
	"io"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// indexHead begins an index of version 2.
var indexHead = []byte{0xff, 't', 'O', 'c', 0, 0, 0, 2}

// far is the offset from which on an index has it in a table of its own, of which the usual place names the line.
const far = 1 << 31

// line is where an index has an object: the beginning of its name, and its entry.
type line struct {
	name  uint64
	entry uint32
}

// lines are the objects by name, each once: of those with the same name the one to which the fewest deltas lead, and of
// these the first. So what a delta changes always takes fewer deltas than what it makes, and whoever follows deltas by
// name comes to an end.
func lines(entries []entry) []line {
	sorted := make([]line, len(entries))
	for i := range entries {
		sorted[i] = line{binary.BigEndian.Uint64(entries[i].name[:]), uint32(i)}
	}
	slices.SortFunc(sorted, func(a, b line) int {
		if a.name != b.name {
			return cmp.Compare(a.name, b.name)
		}
		if c := bytes.Compare(entries[a.entry].name[:], entries[b.entry].name[:]); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(entries[a.entry].depth, entries[b.entry].depth), cmp.Compare(a.entry, b.entry))
	})
	return slices.CompactFunc(sorted, func(a, b line) bool {
		return a.name == b.name && entries[a.entry].name == entries[b.entry].name
	})
}

// writeIndex writes a pack's index: the objects by name, each once, and where they are.
func writeIndex(w io.Writer, entries []entry, pack plumbing.Hash) error {
	sorted := lines(entries)
	sum := sha1.New() // the format's choice
	buffered := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
	_, _ = buffered.Write(indexHead) // a buffer keeps its first error for Flush
	number := func(n uint32) { _, _ = buffered.Write(binary.BigEndian.AppendUint32(buffered.AvailableBuffer(), n)) }
	for first, at := 0, 0; first < 256; first++ {
		for at < len(sorted) && int(sorted[at].name>>56) <= first {
			at++
		}
		number(uint32(at))
	}
	for _, l := range sorted {
		_, _ = buffered.Write(entries[l.entry].name[:])
	}
	for _, l := range sorted {
		number(entries[l.entry].crc)
	}
	var distant []byte
	for _, l := range sorted {
		offset := entries[l.entry].offset
		if offset < far {
			number(uint32(offset))
			continue
		}
		number(uint32(far | len(distant)/8))
		distant = binary.BigEndian.AppendUint64(distant, uint64(offset))
	}
	_, _ = buffered.Write(distant)
	_, _ = buffered.Write(pack[:])
	if err := buffered.Flush(); err != nil {
		return err
	}
	_, err := w.Write(sum.Sum(nil))
	return err
}
