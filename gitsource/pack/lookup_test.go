package pack

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// In an index that is too large to be read as a whole every object is found where it is, also beyond 2 GiB, and no
// other, whether names are spread evenly, as those of Git are, or not at all.
func TestObjectsOfALargeIndexAreFound(t *testing.T) {
	for name, begin := range map[string]int{"spread evenly": 0, "alike in three bytes": 3, "alike in ten": 10} {
		const count = wholeIndex/28 + 1000
		r := rand.New(rand.NewPCG(1, 4))
		entries := make([]entry, count)
		for i := range entries {
			entries[i] = entry{name: sha1.Sum(binary.BigEndian.AppendUint64(nil, r.Uint64())), offset: r.Int64N(1 << 33)}
			copy(entries[i].name[:begin*(i%4)/3], "begins alike")
		}
		path := filepath.Join(t.TempDir(), "an.idx")
		var index bytes.Buffer
		if err := writeIndex(&index, entries, plumbing.ZeroHash); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, index.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := openLookup(path)
		if err != nil || l.whole != nil {
			t.Fatal("the index is read as a whole", err)
		}
		for _, e := range append(entries[:2000:2000], lowestAndHighest(entries)...) {
			if at, err := l.find(e.name); at != e.offset || err != nil {
				t.Fatalf("%s: %s is found at byte %d, not %d: %v", name, e.name, at, e.offset, err)
			}
			for _, bit := range []byte{1, 0x80} {
				e.name[19] ^= bit
				if at, err := l.find(e.name); at >= 0 || err != nil {
					t.Fatalf("%s: %s is not there, and found at byte %d: %v", name, e.name, at, err)
				}
			}
		}
		l.close()
	}
}

func lowestAndHighest(entries []entry) []entry {
	byName := func(a, b entry) int { return bytes.Compare(a.name[:], b.name[:]) }
	return []entry{slices.MinFunc(entries, byName), slices.MaxFunc(entries, byName)}
}

// A reader keeps the contents that it used last, up to so many bytes, and no very large one.
func TestBasesThatWereUsedLastAreKept(t *testing.T) {
	r, kept := rand.New(rand.NewPCG(1, 5)), &bases{}
	var want []*base // the one used last comes last
	held := int64(0)
	for range 4_000 {
		at := location{nil, r.Int64N(300)}
		i := slices.IndexFunc(want, func(b *base) bool { return b.location == at })
		got := kept.kept(at)
		switch {
		case i < 0:
			if got != nil {
				t.Fatalf("%d is kept, and should not be", at.offset)
			}
			b := &base{location: at, content: make([]byte, r.IntN(keptBases/30))}
			if at.offset == 0 {
				b.content = make([]byte, keptBases/4+1)
			} else {
				want, held = append(want, b), held+int64(len(b.content))
			}
			kept.keep(b)
		case got != want[i]:
			t.Fatalf("%d is not kept, or as another content", at.offset)
		default:
			want = append(slices.Delete(want, i, i+1), got)
			kept.keep(&base{location: at, content: make([]byte, 100)}) // it is there
		}
		for ; held > keptBases; want = want[1:] {
			held -= int64(len(want[0].content))
		}
		if kept.held != held || len(kept.at) != len(want) {
			t.Fatalf("%d bytes of %d are kept, not %d of %d", kept.held, len(kept.at), held, len(want))
		}
	}
}
