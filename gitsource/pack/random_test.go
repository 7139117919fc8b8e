package pack

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// Of random packs, several workers make the index that git makes, or refuse what git refuses: chains of deltas by offset
// and by name, some of them long, some before what they change, some of objects that are in it twice or not at all.
func TestRandomPacksHaveGitsIndex(t *testing.T) {
	folder, taken, without := t.TempDir(), 0, 0
	for seed := range uint64(60) {
		p := randomPack(seed)
		want, refused := gitsIndex(t, p.content)
		for _, of := range []struct{ keep, inMemory int64 }{{keptContent, inMemory}, {0, inMemory}, {5000, 5000}} {
			index, err := indexWith(t, p.content, of.keep, store{folder, of.inMemory})
			switch {
			case p.twice != nil: // git lists it twice, or refuses what changes it
				if err != nil || !slices.Equal(namesIn(index), p.twice) {
					t.Fatalf("pack %d, with an object twice: %v, or other names", seed, err)
				}
			case (err == nil) != (refused == nil):
				t.Fatalf("pack %d: %v; git: %v", seed, err, refused)
			case err == nil && !bytes.Equal(index, want):
				t.Fatalf("pack %d: the index is not git's with %d bytes kept, %d in memory", seed, of.keep, of.inMemory)
			}
		}
		if refused == nil {
			taken++
		} else {
			without++
		}
	}
	if taken < 30 || without < 5 {
		t.Errorf("git takes %d of the packs, and refuses %d: too few of one of the kinds", taken, without)
	}
}

// gitsIndex is the index that git makes, or why it makes none.
func gitsIndex(t *testing.T, content []byte) ([]byte, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.pack")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("git", "index-pack", path).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return os.ReadFile(path[:len(path)-len("pack")] + "idx")
}

// namesIn are the objects of an index, which has their number at the end of its first table and their names after it.
func namesIn(index []byte) []string {
	const table = 8 + 4*256
	var names []string
	for i := range int(binary.BigEndian.Uint32(index[table-4:])) {
		names = append(names, plumbing.Hash(index[table+20*i:]).String())
	}
	return names
}

type builtPack struct {
	content []byte
	twice   []string // the names, sorted, of a pack in which an object is twice
}

// part is an object of a random pack: whole, or a change of another one.
type part struct {
	content []byte
	base    int // -1 if it is whole
}

// randomPack has objects in any order, some of them in a long chain.
func randomPack(seed uint64) builtPack {
	r := rand.New(rand.NewPCG(seed, 1))
	parts := make([]part, 5+r.IntN(120))
	chained := r.IntN(3) == 0
	for i := range parts {
		parts[i] = part{fmt.Appendf(nil, "object %d of %d\n%0*d", i, seed, 100+r.IntN(3000), r.Uint64()), -1}
		if i > 0 && r.IntN(4) > 0 {
			base := r.IntN(i)
			if chained {
				base = i - 1
			}
			old := parts[base].content
			at := r.IntN(len(old))
			parts[i] = part{append(fmt.Appendf(bytes.Clone(old[:at]), "%d", i), old[at:]...), base}
		}
	}
	order := make([]int, len(parts))
	for i := range order {
		order[i] = i
	}
	if r.IntN(2) == 0 {
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	built := builtPack{}
	switch r.IntN(5) {
	case 0: // a base may be missing
		order = order[1:]
	case 1:
		for _, p := range parts {
			built.twice = append(built.twice, newNamer().name(plumbing.BlobObject, p.content).String())
		}
		slices.Sort(built.twice)
		order = append(order, order[r.IntN(len(order))])
	}
	built.content = assemble(r, parts, order)
	return built
}

// assemble writes a pack of objects in an order.
func assemble(r *rand.Rand, parts []part, order []int) []byte {
	b := bytes.NewBufferString("PACK\x00\x00\x00\x02")
	b.Write(binary.BigEndian.AppendUint32(nil, uint32(len(order))))
	w, offsets := zlib.NewWriter(b), map[int]int{}
	for _, i := range order {
		began := b.Len()
		p := parts[i]
		switch at, before := offsets[p.base]; {
		case p.base < 0:
			storeObject(b, w, byte(plumbing.BlobObject), nil, p.content)
		case before && r.IntN(2) == 0:
			storeObject(b, w, byte(plumbing.OFSDeltaObject), back(began-at), change(parts[p.base].content, p.content))
		default:
			name := newNamer().name(plumbing.BlobObject, parts[p.base].content)
			storeObject(b, w, byte(plumbing.REFDeltaObject), name[:], change(parts[p.base].content, p.content))
		}
		offsets[i] = began
	}
	sum := sha1.Sum(b.Bytes())
	return append(b.Bytes(), sum[:]...)
}

// change is a delta that copies what is common at the beginning and at the end.
func change(from, to []byte) []byte {
	head := 0
	for head < len(from) && head < len(to) && from[head] == to[head] {
		head++
	}
	end := 0
	for end < len(from)-head && end < len(to)-head && from[len(from)-1-end] == to[len(to)-1-end] {
		end++
	}
	delta := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(len(from))), uint64(len(to)))
	copied := func(offset, n int) {
		if n > 0 {
			delta = append(delta, 0x80|0x3|0x30, byte(offset), byte(offset>>8), byte(n), byte(n>>8))
		}
	}
	copied(0, head)
	if middle := to[head : len(to)-end]; len(middle) > 0 {
		delta = append(append(delta, byte(len(middle))), middle...)
	}
	copied(len(from)-end, end)
	return delta
}
