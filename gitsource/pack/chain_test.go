package pack

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// chainOf is a pack of versions of a file, each of which is stored so often, as a change by name of the one before.
func chainOf(versions, times int) []byte {
	b := bytes.NewBufferString("PACK\x00\x00\x00\x02")
	b.Write(binary.BigEndian.AppendUint32(nil, uint32(versions*times)))
	w := zlib.NewWriter(b)
	before := []byte("version 00000")
	for i := range versions {
		content := fmt.Appendf(nil, "version %05d", i)
		name := newNamer().name(plumbing.BlobObject, before)
		for range times {
			if i == 0 {
				storeObject(b, w, byte(plumbing.BlobObject), nil, content)
				continue
			}
			storeObject(b, w, byte(plumbing.REFDeltaObject), name[:], change(before, content))
		}
		before = content
	}
	sum := sha1.Sum(b.Bytes())
	return append(b.Bytes(), sum[:]...)
}

// As many deltas lead to an object as git itself makes of them, and no more, or a pack could keep a worker busy with one
// object.
func TestAChainOfDeltasEnds(t *testing.T) {
	if err := Keep(t.Context(), t.TempDir(), bytes.NewReader(chainOf(maxDepth+1, 1)), Limits{}); err != nil {
		t.Error(err)
	}
	refused(t, "a delta too many", chainOf(maxDepth+2, 1))
}

// What changes an object that is in a pack twice is resolved once: else the work would double with every version, and
// this would not end.
func TestDeltasOfWhatIsThereTwiceAreResolvedOnce(t *testing.T) {
	const versions = 60
	dir := t.TempDir()
	if err := Keep(t.Context(), dir, bytes.NewReader(chainOf(versions, 2)), Limits{}); err != nil {
		t.Fatal(err)
	}
	if _, index := files(t, dir); len(namesIn(index)) != versions {
		t.Errorf("%d objects are found, not %d", len(namesIn(index)), versions)
	}
}
