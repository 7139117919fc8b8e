package treefs

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// A folder has the entries that go-git reads of it, whatever is in it, or is malformed as there.
func TestEntriesAreThoseOfGoGit(t *testing.T) {
	malformed := 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 6))
		content := someFolder(r)
		want, refused := entriesOfGoGit(content)
		got, err := Entries(content)
		if !slices.Equal(got, want) || (err == nil) != (refused == nil) {
			t.Fatalf("%q is read as %v, %v; by go-git as %v, %v", content, got, err, want, refused)
		}
		if err != nil {
			malformed++
			if !errors.Is(err, object.ErrMalformedTree) || err.Error() != refused.Error() {
				t.Fatalf("%q: %v; go-git: %v", content, err, refused)
			}
		}
	}
	if malformed < 300 || malformed > 2000 {
		t.Errorf("%d folders are malformed: too few of one of the kinds", malformed)
	}
}

func entriesOfGoGit(content []byte) ([]object.TreeEntry, error) {
	o := &plumbing.MemoryObject{}
	o.SetType(plumbing.TreeObject)
	_, _ = o.Write(content) // memory takes everything
	var tree object.Tree
	if err := tree.Decode(o); err != nil {
		return nil, err
	}
	return tree.Entries, nil
}

// someFolder may have been damaged.
func someFolder(r *rand.Rand) (content []byte) {
	modes := []string{"100644", "100755", "40000", "040000", "120000", "160000", "100664", "644", "0", "170000", "10644",
		"9", "", "-1", "+40000", "37777777777", "777777777777"}
	for range r.IntN(6) {
		mode := modes[r.IntN(7)]
		if r.IntN(12) == 0 {
			mode = modes[r.IntN(len(modes))]
		}
		content = fmt.Appendf(content, "%s file%d\x00", mode, r.IntN(20))
		for range len(plumbing.Hash{}) {
			content = append(content, byte(r.Uint32()))
		}
	}
	switch n := len(content); {
	case n == 0 || r.IntN(4) > 0:
	case r.IntN(2) == 0:
		content = content[:r.IntN(n)]
	default:
		content[r.IntN(n)] = " \x00/04"[r.IntN(5)]
	}
	return content
}
