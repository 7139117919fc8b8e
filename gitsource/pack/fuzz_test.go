package pack

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// No delta that a server sends makes a panic, and each makes what go-git's own indexer makes of it, or an error as
// there.
func FuzzDeltas(f *testing.F) {
	memories := []int64{inMemory, 4, 0} // as a rule, with larger contents in files, and with all of them there
	folder := f.TempDir()
	f.Add([]byte("a base that is copied from\n"), []byte("\x1b\x05\x05hello"), []byte("\x1b\x1c\x90\x1b\x01!"), byte(4))
	f.Add([]byte("a base"), []byte("\x06\x06\x90\x06"), []byte("\x06\xff\xff\xff\xff\x7f\x90\x06"), byte(2))
	f.Fuzz(func(t *testing.T, base, first, second []byte, kind byte) {
		content := handmade(base, first, second, kind)
		want, refused := indexOfGoGit(content)
		for _, memory := range memories {
			index, err := indexOf(t, content, store{folder, memory})
			if err != nil && refused == nil && !isGits(t, content) {
				continue // go-git's indexer takes deltas that end too early
			}
			if (err == nil) != (refused == nil) {
				t.Fatalf("%v with %d bytes in memory, and go-git: %v", err, memory, refused)
			}
			if err == nil && !bytes.Equal(index, want) {
				t.Errorf("the index is not go-git's with %d bytes in memory", memory)
			}
		}
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Errorf("left %v, %v", left, err)
		}
	})
}

// In memory a delta makes what it makes in a file, or is refused as there, also when it is none.
func TestDeltasMakeTheSameInMemory(t *testing.T) {
	refused := 0
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 10))
		base := make([]byte, r.IntN(300))
		for i := range base {
			base[i] = byte(r.Uint32())
		}
		delta := change(base, append(append(bytes.Clone(base[:len(base)/2]), "inserted"...), base[len(base)/3:]...))
		switch r.IntN(3) {
		case 0:
			delta = append(delta[:r.IntN(len(delta))], make([]byte, r.IntN(2))...)
		case 1:
			delta[r.IntN(len(delta))] ^= 1 << r.IntN(8)
		}
		_, makes, ok := (&deltaHead{delta}).sizes()
		if !ok || makes > 1<<20 {
			continue
		}
		var want bytes.Buffer
		failed := applyDelta(&want, bytes.NewReader(base), int64(len(base)), bytes.NewReader(delta))
		got := make([]byte, makes)
		err := patch(got, base, delta)
		if (err == nil) != (failed == nil) || err == nil && !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("%x of %x makes %x, %v; in a file %x, %v", delta, base, got, err, want.Bytes(), failed)
		}
		if err != nil {
			refused++
		}
	}
	if refused < 400 || refused > 3000 {
		t.Errorf("%d deltas are refused: too few of one of the kinds", refused)
	}
}

// isGits reports whether git takes a pack.
func isGits(t *testing.T, content []byte) bool {
	t.Helper()
	_, refused := gitsIndex(t, content)
	return refused == nil
}

// indexOf makes the index of a pack.
func indexOf(t *testing.T, content []byte, s store) ([]byte, error) {
	t.Helper()
	return indexWith(t, content, keptContent, s)
}

// indexWith does so with so many bytes kept on the way.
func indexWith(t *testing.T, content []byte, keep int64, s store) ([]byte, error) {
	t.Helper()
	objects, sum, err := scanned(t.Context(), content)
	if err == nil {
		err = resolve(t.Context(), bytes.NewReader(content), objects, keep, s)
	}
	var index bytes.Buffer
	if err == nil {
		err = writeIndex(&index, objects.entries, sum)
	}
	return index.Bytes(), err
}

// handmade is a pack of a file, a delta of that by its offset, and another object, which is a delta by offset of the
// one before if that is its kind.
func handmade(base, first, second []byte, kind byte) []byte {
	b := bytes.NewBufferString("PACK\x00\x00\x00\x02\x00\x00\x00\x03")
	w := zlib.NewWriter(b)
	stored := func(kind byte, content []byte, base int) {
		var reference []byte
		if kind&0x70 == 0x60 {
			reference = back(base)
		}
		storeObject(b, w, kind>>4, reference, content)
	}
	began := b.Len()
	stored(0x30, base, 0)
	next := b.Len()
	stored(0x60, first, next-began)
	stored([]byte{0x10, 0x20, 0x30, 0x40, 0x60}[kind%5], second, b.Len()-next)
	sum := sha1.Sum(b.Bytes())
	return append(b.Bytes(), sum[:]...)
}

// storeObject writes an object of a pack: its type and size, what it changes, and its content.
func storeObject(b *bytes.Buffer, w *zlib.Writer, kind byte, reference, content []byte) {
	n := len(content)
	head := kind<<4&0x70 | byte(n&15)
	for n >>= 4; n > 0; n >>= 7 {
		b.WriteByte(head | 0x80)
		head = byte(n & 0x7f)
	}
	b.WriteByte(head)
	b.Write(reference)
	w.Reset(b)
	_, _ = w.Write(content)
	_ = w.Close()
}

// back writes how far a base is before its delta, as a pack has it.
func back(n int) []byte {
	out := []byte{byte(n & 0x7f)}
	for n >>= 7; n > 0; n >>= 7 {
		n--
		out = append([]byte{byte(n&0x7f) | 0x80}, out...)
	}
	return out
}

func indexOfGoGit(content []byte) ([]byte, error) {
	var w idxfile.Writer
	p, err := packfile.NewParser(packfile.NewScanner(bytes.NewReader(content)), &w)
	if err != nil {
		return nil, err
	}
	if _, err := p.Parse(); err != nil {
		return nil, err
	}
	index, err := w.Index()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_, err = idxfile.NewEncoder(&b).Encode(index)
	return b.Bytes(), err
}
