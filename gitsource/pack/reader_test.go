package pack

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// Every object of a pack of git's is read as it was named, whichever way it is stored and in whatever order it is asked for,
// and what is not there is not found.
func TestReadersReadWhatGitReads(t *testing.T) {
	for name, content := range map[string][]byte{
		"by offset": packed(t, "--delta-base-offset", "--depth=200", "--window=50"),
		"by name":   packed(t, "--depth=50"),
	} {
		dir := t.TempDir()
		run(t, dir, nil, "init", "-q", "--bare")
		folder := filepath.Join(dir, "objects", "pack")
		if err := Keep(t.Context(), folder, bytes.NewReader(content), Limits{}); err != nil {
			t.Fatal(err)
		}
		r := opened(t, folder)
		list := run(t, dir, nil, "cat-file", "--batch-all-objects", "--batch-check")
		for _, line := range strings.Split(strings.TrimSpace(string(list)), "\n") {
			fields := strings.Fields(line)
			h := plumbing.NewHash(fields[0])
			_, want, _, err := r.Read(h, 1<<20)
			if kind, _ := plumbing.ParseObjectType(fields[1]); err != nil || newNamer().name(kind, want) != h {
				t.Fatalf("%s, %s: %v, or it has another name", name, line, err)
			}
			readsAs(t, r, h, fields[1], want)
		}
		if _, _, _, err := r.Read(plumbing.NewHash("0123"), 10); !errors.Is(err, plumbing.ErrObjectNotFound) {
			t.Errorf("%s: what is not there: %v", name, err)
		}
	}
}

// Of packs in which chains lead through deltas by name, and bases come after what changes them, every object is read.
func TestReadersFollowEveryChain(t *testing.T) {
	for seed := range uint64(30) {
		p := randomPack(seed)
		folder := t.TempDir()
		if err := Keep(t.Context(), folder, bytes.NewReader(p.content), Limits{}); err != nil {
			continue // a base is missing
		}
		r := opened(t, folder)
		_, index := files(t, folder)
		for _, name := range namesIn(index) {
			kind, content, _, err := r.Read(plumbing.NewHash(name), 1<<20)
			if err != nil || newNamer().name(kind, content).String() != name {
				t.Fatalf("pack %d: %s is read as another content: %v", seed, name, err)
			}
		}
	}
}

// Whatever byte of an index or of a pack is another one, reading ends, with an error or with what has the name.
func TestReadersOfDamagedPacksEnd(t *testing.T) {
	folder := t.TempDir()
	if err := Keep(t.Context(), folder, bytes.NewReader(packed(t, "--delta-base-offset")), Limits{}); err != nil {
		t.Fatal(err)
	}
	stored, index := files(t, folder)
	names := namesIn(index)
	paths, err := filepath.Glob(filepath.Join(folder, "pack-*"))
	if err != nil || len(paths) != 2 {
		t.Fatal(paths, err)
	}
	damage := func(path string, good []byte, step int) {
		for at := 0; at < len(good); at += step {
			bad := bytes.Clone(good)
			bad[at] ^= 0x55
			if err := errors.Join(os.Remove(path), os.WriteFile(path, bad, 0o600)); err != nil {
				t.Fatal(err)
			}
			r, err := NewReader(folder)
			if err != nil {
				continue
			}
			for _, name := range []string{names[0], names[len(names)/2], names[len(names)-1]} {
				kind, content, _, err := r.Read(plumbing.NewHash(name), 1<<20)
				if err == nil && newNamer().name(kind, content).String() != name {
					t.Fatalf("byte %d of %s is another one: %s is read as another content", at, path, name)
				}
				_, _ = r.Size(plumbing.NewHash(name))
			}
			r.Close()
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damage(paths[0], index, 13)
	damage(paths[1], stored, 1+len(stored)/400)
	if err := os.Truncate(paths[0], 900); err != nil {
		t.Fatal(err)
	}
	if _, err := NewReader(folder); err == nil {
		t.Error("an index that was cut off is taken")
	}
}

// Whatever byte of a pack rots, of what is whole and of what changes it, an object is read as what its name says or as
// an error. The checksum of what is stored is not looked at: the name alone tells of some rot.
func TestWhatIsReadHasItsName(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	parts := []part{{[]byte("a first content, of many words"), -1}, {[]byte("a first content, of more words"), 0},
		{[]byte("a first content, of more words still"), 1}}
	good := assemble(r, parts, []int{0, 1, 2})
	folder := t.TempDir()
	if err := Keep(t.Context(), folder, bytes.NewReader(good), Limits{}); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(folder, "pack-*.pack"))
	if err != nil || len(paths) != 1 {
		t.Fatal(paths, err)
	}
	misnamed := make([]int, len(parts))
	for at := range len(good) - nameSize {
		bad := bytes.Clone(good)
		bad[at] ^= 1 << (at % 8)
		if err := errors.Join(os.Remove(paths[0]), os.WriteFile(paths[0], bad, 0o600)); err != nil {
			t.Fatal(err)
		}
		r := opened(t, folder)
		for i, p := range parts {
			_, content, _, err := r.Read(newNamer().name(plumbing.BlobObject, p.content), 1<<20)
			if err == nil && !bytes.Equal(content, p.content) {
				t.Fatalf("byte %d is another one: %q is read as %q", at, p.content, content)
			}
			if errors.Is(err, ErrMisnamed) {
				misnamed[i]++
			}
		}
		r.Close()
	}
	for i, times := range misnamed {
		if times == 0 {
			t.Errorf("no rot of object %d is told by its name alone", i)
		}
	}
}

// More packs are read than a reader keeps open.
func TestReadersOfManyPacks(t *testing.T) {
	folder := t.TempDir()
	var names []plumbing.Hash
	for i := range 2 * openPacks {
		content := fmt.Appendf(nil, "only in pack %d", i)
		names = append(names, newNamer().name(plumbing.BlobObject, content))
		one := assemble(rand.New(rand.NewPCG(1, 1)), []part{{content, -1}}, []int{0})
		if err := Keep(t.Context(), folder, bytes.NewReader(one), Limits{}); err != nil {
			t.Fatal(err)
		}
	}
	r := opened(t, folder)
	for range 2 {
		for i, name := range names {
			readsAs(t, r, name, "blob", fmt.Appendf(nil, "only in pack %d", i))
		}
	}
}

func readsAs(t *testing.T, r *Reader, name plumbing.Hash, kind string, want []byte) {
	t.Helper()
	for range 2 { // the second time some are kept
		got, content, size, err := r.Read(name, int64(len(want)))
		if err != nil || got.String() != kind || size != int64(len(want)) || !bytes.Equal(content, want) {
			t.Fatalf("%s: a %s of %d bytes, not a %s of %d: %v", name, got, size, kind, len(want), err)
		}
		clear(content)
	}
	if size, err := r.Size(name); err != nil || size != int64(len(want)) {
		t.Fatalf("%s has %d bytes, not %d: %v", name, size, len(want), err)
	}
	if _, content, size, err := r.Read(name, int64(len(want))-1); err != nil || content != nil || size != int64(len(want)) {
		t.Fatalf("%s is read although it is too large: %d, %v", name, size, err)
	}
	if found, err := r.Has(name); err != nil || !found {
		t.Fatalf("%s is not there: %v", name, err)
	}
}

func opened(t *testing.T, folder string) *Reader {
	t.Helper()
	r, err := NewReader(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}
