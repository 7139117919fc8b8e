package pack

import (
	"bufio"
	"bytes"
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

// writeIndex writes a pack's index: the objects by name, each once, and where they are. The entries are sorted by it.
func writeIndex(w io.Writer, entries []entry, pack plumbing.Hash) error {
	slices.SortStableFunc(entries, func(a, b entry) int { return bytes.Compare(a.name[:], b.name[:]) })
	entries = slices.CompactFunc(entries, func(a, b entry) bool { return a.name == b.name })

	sum := sha1.New() // the format's choice
	buffered := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
	_, _ = buffered.Write(indexHead) // a buffer keeps its first error for Flush
	number := func(n uint32) { _, _ = buffered.Write(binary.BigEndian.AppendUint32(nil, n)) }
	for first, at := 0, 0; first < 256; first++ {
		for at < len(entries) && int(entries[at].name[0]) <= first {
			at++
		}
		number(uint32(at))
	}
	for _, e := range entries {
		_, _ = buffered.Write(e.name[:])
	}
	for _, e := range entries {
		number(e.crc)
	}
	var distant []byte
	for _, e := range entries {
		if e.offset < far {
			number(uint32(e.offset))
			continue
		}
		number(uint32(far | len(distant)/8))
		distant = binary.BigEndian.AppendUint64(distant, uint64(e.offset))
	}
	_, _ = buffered.Write(distant)
	_, _ = buffered.Write(pack[:])
	if err := buffered.Flush(); err != nil {
		return err
	}
	_, err := w.Write(sum.Sum(nil))
	return err
}
