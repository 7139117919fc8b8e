package pack

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// feed is a pack as it arrives. It knows how far it has been read, and sums up what was: the checksum of each object as
// it is stored, and that of the whole pack. What has arrived goes to a file, too.
type feed struct {
	from io.Reader
	file io.Writer

	chunk  []byte // what has arrived last
	at     int    // how much of it was read
	summed int    // how much of it the checksum of the object has
	hashed int    // how much of it the checksum of the pack has
	before int64  // bytes before it
	crc    uint32
	// whole needs no defence against collisions made on purpose: it is there to notice accidents, as in Git itself.
	whole hash.Hash
}

const feedSize = 1 << 16

func newFeed(from io.Reader, file io.Writer) *feed {
	return &feed{from: from, file: file, chunk: make([]byte, 0, feedSize), whole: sha1.New()}
}

// fill reads on. All that has arrived was read by then.
func (f *feed) fill() error {
	f.sumUp()
	f.before += int64(len(f.chunk))
	f.at, f.summed, f.hashed = 0, 0, 0
	n, err := 0, error(nil)
	for tries := 0; n == 0 && err == nil; tries++ {
		if tries > 100 {
			err = io.ErrNoProgress
			break
		}
		n, err = f.from.Read(f.chunk[:feedSize])
	}
	f.chunk = f.chunk[:n]
	if n == 0 {
		return err
	}
	_, err = f.file.Write(f.chunk)
	return err
}

// sumUp brings both checksums up to what was read.
func (f *feed) sumUp() {
	f.crc = crc32.Update(f.crc, crc32.IEEETable, f.chunk[f.summed:f.at])
	f.summed = f.at
	_, _ = f.whole.Write(f.chunk[f.hashed:f.at]) // never fails
	f.hashed = f.at
}

func (f *feed) ReadByte() (byte, error) {
	if f.at == len(f.chunk) {
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
	b := f.chunk[f.at]
	f.at++
	return b, nil
}

func (f *feed) Read(p []byte) (int, error) {
	if f.at == len(f.chunk) {
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.chunk[f.at:])
	f.at += n
	return n, nil
}

// offset is how many bytes were read.
func (f *feed) offset() int64 { return f.before + int64(f.at) }

// began has the checksum of an object begin here.
func (f *feed) began() { f.crc, f.summed = 0, f.at }

// stored is the checksum of what was read since an object began.
func (f *feed) stored() uint32 {
	f.crc = crc32.Update(f.crc, crc32.IEEETable, f.chunk[f.summed:f.at])
	f.summed = f.at
	return f.crc
}

// end reads the checksum at the end of the pack, which must be that of what was read.
func (f *feed) end() (sum plumbing.Hash, err error) {
	f.sumUp()
	actual := plumbing.Hash(f.whole.Sum(nil))
	if _, err := io.ReadFull(f, sum[:]); err != nil {
		return sum, err
	}
	if actual != sum {
		return sum, fmt.Errorf("%w: checksum mismatch: %q instead of %q", packfile.ErrMalformedPackFile, sum, actual)
	}
	return sum, nil
}

// nothingLeft is an error if something follows.
func (f *feed) nothingLeft() error {
	_, err := f.ReadByte()
	if err == nil {
		return fmt.Errorf("%w: something follows the pack", packfile.ErrMalformedPackFile)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
