package pack

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// copyOf is an object of a pack: whole, or a change of another content, by its name or of the entry before it.
type copyOf struct {
	content, changes string
	ofTheLast        bool
}

// Objects that are in a pack twice, as changes of each other and whole, are read: the index has the one to which the
// fewest deltas lead, so no way from one to what it changes goes round in a circle. Git 2.39 makes no index of such a pack:
// it says that a delta is "already resolved (duplicate base?)". Of a pack in which nothing is twice the index is git's
// (TestTheIndexIsGits).
func TestWhatIsThereTwiceIsReadWithoutACircle(t *testing.T) {
	const x, y, z = "content of x", "content of y", "content of z"
	for name, entries := range map[string][]copyOf{
		"by name": {{content: x, changes: y}, {content: y, changes: x}, {content: x}},
		"by offset": {{content: x, changes: y}, {content: y, changes: x, ofTheLast: true},
			{content: y}},
		"of a third": {{content: x, changes: y}, {content: y, changes: x}, {content: x, changes: z}, {content: z}},
		"in a longer circle": {{content: x, changes: y}, {content: y, changes: z}, {content: z, changes: x},
			{content: y}},
	} {
		folder := t.TempDir()
		if err := Keep(t.Context(), folder, bytes.NewReader(packOfCopies(entries)), Limits{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, e := range entries {
			// Nothing is kept by a new reader, so that each goes all the way.
			_, got, _, err := opened(t, folder).Read(newNamer().name(plumbing.BlobObject, []byte(e.content)), 100)
			if err != nil || string(got) != e.content {
				t.Errorf("%s: %s is read as %q: %v", name, e.content, got, err)
			}
		}
	}
}

func packOfCopies(entries []copyOf) []byte {
	b := bytes.NewBufferString("PACK\x00\x00\x00\x02")
	b.Write(binary.BigEndian.AppendUint32(nil, uint32(len(entries))))
	w, last := zlib.NewWriter(b), 0
	for _, e := range entries {
		began := b.Len()
		base := newNamer().name(plumbing.BlobObject, []byte(e.changes))
		switch delta := change([]byte(e.changes), []byte(e.content)); {
		case e.changes == "":
			storeObject(b, w, byte(plumbing.BlobObject), nil, []byte(e.content))
		case e.ofTheLast:
			storeObject(b, w, byte(plumbing.OFSDeltaObject), back(began-last), delta)
		default:
			storeObject(b, w, byte(plumbing.REFDeltaObject), base[:], delta)
		}
		last = began
	}
	sum := sha1.Sum(b.Bytes())
	return append(b.Bytes(), sum[:]...)
}
