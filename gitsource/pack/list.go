package pack

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"io"
	"os"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// entry is an object of a pack. The name and the type of one that is stored as a delta are those of the object that it
// makes, and are unknown before resolve.
type entry struct {
	offset  int64 // where it begins, in bytes
	name    plumbing.Hash
	crc     uint32 // of what is stored
	changes uint32 // where the deltas by offset begin that change it, among those of the pack
	kind    plumbing.ObjectType
	depth   uint16 // deltas that it takes to make it
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

func newObjects() *objects { return &objects{heavy: map[plumbing.Hash]int64{}} }

func (o *objects) add(f found) error {
	this := uint32(len(o.entries))
	switch f.kind {
	case plumbing.OFSDeltaObject:
		o.offsets = append(o.offsets, byOffset{f.base, this})
	case plumbing.REFDeltaObject:
		o.names = append(o.names, byName{f.name, this})
	}
	o.largest, o.total = max(o.largest, f.size), o.total+f.size
	o.entries = append(o.entries, f.entry)
	return nil
}

// sort has the deltas found by what they change.
func (o *objects) sort() {
	slices.SortFunc(o.offsets, func(a, b byOffset) int { return cmp.Compare(a.base, b.base) })
	slices.SortFunc(o.names, func(a, b byName) int { return bytes.Compare(a.base[:], b.base[:]) })
	at := 0
	for i := range o.entries {
		for at < len(o.offsets) && o.offsets[at].base < o.entries[i].offset {
			at++
		}
		o.entries[i].changes = uint32(at)
	}
}

// memory is about how many bytes it takes to resolve the deltas: a base, a delta and what it makes at once, and what is
// kept.
func (o *objects) memory() int64 {
	if len(o.offsets)+len(o.names) == 0 {
		return 0
	}
	return 3*min(o.largest, inMemory) + min(o.total, keptContent)
}

// spool is a list in a file: of a pack that arrives slowly, no list is in memory meanwhile.
type spool struct {
	file                   *os.File
	w                      *bufio.Writer
	count, offsets, byName int
}

func newSpool(folder string) (*spool, error) {
	file, err := os.CreateTemp(folder, "tmp_objects_*")
	if err != nil {
		return nil, err
	}
	return &spool{file: file, w: bufio.NewWriterSize(file, 1<<16)}, nil
}

func (s *spool) remove() {
	_ = s.file.Close() // nobody reads it any more
	_ = os.Remove(s.file.Name())
}

// lineSize is how many bytes a spool has of an object: offset, base, size, checksum, type, and name.
const lineSize = 8 + 8 + 8 + 4 + 1 + 20

func (s *spool) add(f found) error {
	s.count++
	switch f.kind {
	case plumbing.OFSDeltaObject:
		s.offsets++
	case plumbing.REFDeltaObject:
		s.byName++
	}
	var line [lineSize]byte
	b := binary.LittleEndian.AppendUint64(line[:0], uint64(f.offset))
	b = binary.LittleEndian.AppendUint64(b, uint64(f.base))
	b = binary.LittleEndian.AppendUint64(b, uint64(f.size))
	b = binary.LittleEndian.AppendUint32(b, f.crc)
	b = append(append(b, byte(f.kind)), f.name[:]...)
	_, err := s.w.Write(b)
	return err
}

// load reads the whole list into memory.
func (s *spool) load() (*objects, error) {
	if err := s.w.Flush(); err != nil {
		return nil, err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	o := newObjects()
	o.entries = make([]entry, 0, s.count)
	o.offsets, o.names = make([]byOffset, 0, s.offsets), make([]byName, 0, s.byName)
	r := bufio.NewReaderSize(s.file, 1<<16)
	for range s.count {
		var line [lineSize]byte
		if _, err := io.ReadFull(r, line[:]); err != nil {
			return nil, err
		}
		number := func(at int) int64 { return int64(binary.LittleEndian.Uint64(line[at:])) }
		f := found{base: number(8), size: number(16)}
		f.entry = entry{offset: number(0), crc: binary.LittleEndian.Uint32(line[24:]),
			kind: plumbing.ObjectType(line[28]), name: plumbing.Hash(line[29:])}
		_ = o.add(f) // memory takes everything
	}
	return o, nil
}
