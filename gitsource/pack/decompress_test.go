package pack

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// Whatever is stored, in whichever way and however it is read from the disk, is inflated as the standard library does:
// as a whole, and its beginning. Of what ends too early, or has another size, or is damaged nothing is made but an error,
// or what the standard library makes of it.
func TestDecompressorsMakeWhatZlibMakes(t *testing.T) {
	d := &decompressor{} // used again and again, as a reader does
	for seed := range uint64(120) {
		r := rand.New(rand.NewPCG(seed, 2))
		content := someContent(r)
		stored := compressed(r, content)
		w := func(of []byte) *window { return newWindow(bytes.NewReader(of), 1+r.IntN(200)) }
		got := make([]byte, len(content))
		if err := d.fill(w(append(stored, "what follows"...)), got); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("content %d is inflated as another one: %v", seed, err)
		}
		head := got[:r.IntN(len(got)+1)]
		clear(got)
		if err := d.begin(w(stored), head); err != nil || !bytes.Equal(head, content[:len(head)]) {
			t.Fatalf("content %d has another beginning: %v", seed, err)
		}
		if err := d.fill(w(stored), make([]byte, len(content)+1)); err == nil {
			t.Fatalf("content %d is taken for a longer one", seed)
		}
		if len(content) > 0 && d.fill(w(stored), content[1:]) == nil {
			t.Fatalf("content %d is taken for a shorter one", seed)
		}
		for range 8 {
			bad := bytes.Clone(stored[2:])
			if bad = bad[:r.IntN(len(bad))]; len(bad) > 0 && r.IntN(4) > 0 {
				bad = append(bad, stored[2+len(bad):]...)
				bad[r.IntN(min(len(bad), 1+len(bad)>>r.IntN(8)))] ^= 1 << r.IntN(8)
			}
			inflatesAlike(t, d, bad)
		}
	}
}

// Of what is cut off, what is there is made, or nothing.
func TestTheBeginningOfWhatIsCutOff(t *testing.T) {
	content := []byte("what is said once, twice, three times is said once, twice, three times, and at last once.")
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(content)
	_ = w.Close()
	d, made := &decompressor{}, 0
	for cut := range b.Len() {
		inflatesAlike(t, d, b.Bytes()[min(2, cut):cut])
		for size := range content {
			head := make([]byte, size)
			if err := d.begin(newWindow(bytes.NewReader(b.Bytes()[:cut]), 64), head); err != nil {
				continue
			}
			if made++; !bytes.Equal(head, content[:size]) {
				t.Fatalf("the first %d bytes become %q when all but %d bytes are cut off", size, head, cut)
			}
		}
	}
	if made < len(content) {
		t.Errorf("%d beginnings are made", made)
	}
}

// oddities are what zlib's own tests give to its decoder (test/infcover.c), in hexadecimal digits.
var oddities = []string{
	"00 00 00 00 00", "03 00", "03", "06", "01 01 00 fe ff 00", // stored blocks and fixed ones
	"fc 00 00", "04 00 fe ff", "04 00 24 49 00", "04 00 24 e9 ff ff", "04 00 24 e9 ff 6d", // codes that do not exist
	"04 80 49 92 24 49 92 24 71 ff ff 93 11 00", "04 80 49 92 24 49 92 24 0f b4 ff ff c3 84",
	"04 c0 81 08 00 00 00 00 20 7f eb 0b 00 00", "02 7e ff ff", "0c c0 81 00 00 00 00 00 90 ff 6b 04 00",
	"05 c0 21 0d 00 00 00 80 b0 fe 6d 2f 91 6c", "ed c0 01 01 00 00 00 40 20 ff 57 1b 42 2c 4f", // codes that do
	"05 e0 81 91 24 cb b2 2c 49 e2 0f 2e 8b 9a 47 56 9f fb fe ec d2 ff 1f",
	"ed cf c1 b1 2c 47 10 c4 30 fa 6f 35 1d 01 82 59 3d fb be 2e 2a fc 0f 0c",
}

func odd(t testing.TB, i int) []byte {
	t.Helper()
	deflated, err := hex.DecodeString(strings.ReplaceAll(oddities[i], " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return deflated
}

// What is odd, or nothing but random, is inflated or refused as by the standard library.
func TestOdditiesAreInflatedAlike(t *testing.T) {
	d := &decompressor{}
	for i := range oddities {
		inflatesAlike(t, d, odd(t, i))
	}
	r := rand.New(rand.NewPCG(1, 8))
	for range 2_000 {
		deflated := make([]byte, 1+r.IntN(20))
		for i := range deflated {
			deflated[i] = byte(r.Uint32())
		}
		deflated[0] = deflated[0]&^7 | []byte{3, 5, 5, 2, 4}[r.IntN(5)] // which says that a block of codes follows
		inflatesAlike(t, d, deflated)
	}
}

// What says that it is not of zlib is refused.
func TestWhatIsNotOfZlibIsRefused(t *testing.T) {
	content := []byte("content")
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(content)
	_ = w.Close()
	for at := range 2 {
		for with := range 256 {
			stored := bytes.Clone(b.Bytes())
			stored[at] = byte(with)
			_, refused := zlib.NewReader(bytes.NewReader(stored))
			err := (&decompressor{}).fill(newWindow(bytes.NewReader(stored), 100), make([]byte, len(content)))
			if (err == nil) != (refused == nil) {
				t.Errorf("byte %d is %d: %v; zlib: %v", at, with, err, refused)
			}
		}
	}
}

// Whatever is stored, it is inflated as by the standard library, or refused as there.
func FuzzDecompress(f *testing.F) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		f.Add(compressed(r, someContent(r))[2:])
	}
	for i := range oddities {
		f.Add(odd(f, i))
	}
	f.Fuzz(func(t *testing.T, deflated []byte) { inflatesAlike(t, &decompressor{}, deflated) })
}

func inflatesAlike(t *testing.T, d *decompressor, deflated []byte) {
	t.Helper()
	const most = 1 << 20
	want, refused := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(deflated)), most))
	if len(want) == most {
		return
	}
	got := make([]byte, len(want))
	err := d.fill(newWindow(bytes.NewReader(append([]byte{0x78, 0x9c}, deflated...)), 64), got)
	if (err == nil) != (refused == nil) || err == nil && !bytes.Equal(got, want) {
		t.Fatalf("%.2000x: inflated as another content, or %v; the standard library: %v", deflated, err, refused)
	}
	longer := newWindow(bytes.NewReader(append([]byte{0x78, 0x9c}, deflated...)), 64)
	if d.fill(longer, make([]byte, len(want)+1000)) == nil {
		t.Fatalf("%.2000x: more than %d bytes are made of it", deflated, len(want))
	}
}

// someContent is a text, or something in which nothing repeats, or everything, or some of each; or nothing.
func someContent(r *rand.Rand) (content []byte) {
	for range r.IntN(5) {
		switch n := r.IntN(3000); r.IntN(4) {
		case 0:
			for range n / 20 {
				content = fmt.Appendf(content, "key%d: value %d\n", r.IntN(30), r.IntN(1000))
			}
		case 1:
			for range n {
				content = append(content, byte(r.Uint32()))
			}
		case 2:
			content = append(content, bytes.Repeat([]byte{byte(r.Uint32()), 'b'}[:1+n%2], n)...)
		case 3: // symbols of very different frequency have long codes
			for range 4 * n {
				content = append(content, byte(min(255, r.ExpFloat64()*20)))
			}
		}
	}
	return content
}

// compressed is a content as zlib may store it: in blocks of any kind.
func compressed(r *rand.Rand, content []byte) []byte {
	var b bytes.Buffer
	levels := []int{zlib.NoCompression, zlib.BestSpeed, zlib.DefaultCompression, zlib.BestCompression, zlib.HuffmanOnly}
	w, err := zlib.NewWriterLevel(&b, levels[r.IntN(len(levels))])
	for rest := content; err == nil && len(rest) > 0; {
		n := 1 + r.IntN(len(rest))
		_, err = w.Write(rest[:n])
		if rest = rest[n:]; err == nil && r.IntN(2) == 0 {
			err = w.Flush() // a block ends, and an empty one follows
		}
	}
	if err != nil || w.Close() != nil {
		return nil
	}
	return b.Bytes()
}
