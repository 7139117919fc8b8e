package pack

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
)

const (
	fanoutAt = 8               // where an index has how many names begin with which byte
	namesAt  = fanoutAt + 1024 // where its names begin
	nameSize = 20              // of SHA-1
	// wholeIndex is the size in bytes up to which an index is read at once. Of a larger one what is wanted is read.
	wholeIndex = 2 << 20
)

// lookup finds objects in the index of a pack.
type lookup struct {
	io.ReaderAt
	file   *os.File
	whole  []byte // all of it, if that is not large; the file is closed then
	room   []byte // for pieces of it otherwise
	fanout [256]uint32
	far    int64 // objects beyond 2 GiB
}

func openLookup(path string) (*lookup, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	l := &lookup{ReaderAt: file, file: file}
	if err := l.begin(); err != nil {
		l.close()
		return nil, fmt.Errorf("index %s: %w", path, err)
	}
	return l, nil
}

// begin reads the first table, and what is not large as a whole.
func (l *lookup) begin() error {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() <= wholeIndex {
		l.whole = make([]byte, info.Size())
		if _, err := io.ReadFull(l.file, l.whole); err != nil {
			return err
		}
		l.close()
		l.ReaderAt, l.file = bytes.NewReader(l.whole), nil
	}
	head, err := l.piece(0, namesAt)
	if err != nil {
		return err
	}
	if !bytes.Equal(head[:fanoutAt], indexHead) {
		return idxfile.ErrMalformedIdxFile
	}
	for i := range l.fanout {
		l.fanout[i] = binary.BigEndian.Uint32(head[fanoutAt+4*i:])
	}
	rest := info.Size() - namesAt - l.count()*(nameSize+8) - 2*nameSize // a checksum of the pack, and one of the index
	if !slices.IsSorted(l.fanout[:]) || rest < 0 || rest%8 != 0 {
		return idxfile.ErrMalformedIdxFile
	}
	l.far = rest / 8
	return nil
}

func (l *lookup) close() {
	if l.file != nil {
		_ = l.file.Close() // it was only read
	}
}

func (l *lookup) count() int64 { return int64(l.fanout[255]) }

// piece reads a part of the index. It is there until the next one is read.
func (l *lookup) piece(from, size int64) ([]byte, error) {
	if from+size <= int64(len(l.whole)) {
		return l.whole[from : from+size], nil
	}
	if int64(cap(l.room)) < size {
		l.room = make([]byte, size)
	}
	b := l.room[:size]
	_, err := l.ReadAt(b, from)
	return b, truncated(err)
}

// find is where an object is in the pack; negative if it is not there.
func (l *lookup) find(name plumbing.Hash) (offset int64, err error) {
	const together = 256 // names that are read at once
	var from int64
	if name[0] > 0 {
		from = int64(l.fanout[name[0]-1])
	}
	to := int64(l.fanout[name[0]])
	// Names are spread evenly, so a name tells about where it is.
	guess := from + (to-from)*int64(binary.BigEndian.Uint16(name[1:]))>>16
	for from < to {
		first := max(from, min(guess-together/2, to-together))
		names, err := l.piece(namesAt+first*nameSize, min(together, to-first)*nameSize)
		if err != nil {
			return -1, err
		}
		at, ok := search(names, name)
		switch last := first + int64(len(names)/nameSize); {
		case ok:
			return l.offset(first + at)
		case at == 0 && first > from:
			to = first
		case first+at == last && last < to:
			from = last
		default:
			return -1, nil
		}
		guess = (from + to) / 2 // if they are not spread evenly
	}
	return -1, nil
}

// search is where a name is among sorted ones, or belongs.
func search(names []byte, name plumbing.Hash) (at int64, ok bool) {
	begin := binary.BigEndian.Uint64(name[:])
	low, high := 0, len(names)/nameSize
	for low < high {
		middle := (low + high) / 2
		n := names[middle*nameSize:][:nameSize]
		other := binary.BigEndian.Uint64(n)
		if other < begin || other == begin && bytes.Compare(n, name[:]) < 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return int64(low), low*nameSize < len(names) && plumbing.Hash(names[low*nameSize:][:nameSize]) == name
}

// offset is where the object of a line is.
func (l *lookup) offset(line int64) (int64, error) {
	near := namesAt + l.count()*(nameSize+4)
	b, err := l.piece(near+line*4, 4)
	if err != nil {
		return -1, err
	}
	offset := int64(binary.BigEndian.Uint32(b))
	if offset < far {
		return offset, nil
	}
	if offset -= far; offset >= l.far {
		return -1, idxfile.ErrMalformedIdxFile
	}
	if b, err = l.piece(near+l.count()*4+offset*8, 8); err != nil {
		return -1, err
	}
	if offset = int64(binary.BigEndian.Uint64(b)); offset < 0 {
		return -1, idxfile.ErrMalformedIdxFile
	}
	return offset, nil
}
