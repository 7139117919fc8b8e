package treefs

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// stored is a fake of a mirror's objects. A mirror calls it damage if an object is of another kind than is wanted.
type stored struct {
	t       *testing.T
	folders map[plumbing.Hash][]byte
	files   map[plumbing.Hash][]byte
}

func (s *stored) Content(kind plumbing.ObjectType, h plumbing.Hash, _ int64) ([]byte, error) {
	from := s.files
	if kind == plumbing.TreeObject {
		from = s.folders
	}
	content, ok := from[h]
	if !ok {
		s.t.Errorf("%s is read as a %s", h, kind)
	}
	return content, nil
}

func (s *stored) Size(h plumbing.Hash) (int64, error) { return int64(len(s.files[h])), nil }

// put adds a folder of so many floors, with a file, a submodule and links in each.
func (s *stored) put(floors int) plumbing.Hash {
	file := func(content string) plumbing.Hash {
		h := plumbing.ComputeHash(plumbing.BlobObject, []byte(content))
		s.files[h] = []byte(content)
		return h
	}
	var content []byte
	add := func(mode filemode.FileMode, name string, h plumbing.Hash) {
		content = append(fmt.Appendf(content, "%o %s\x00", uint32(mode), name), h[:]...)
	}
	if floors > 0 {
		add(filemode.Dir, "folder", s.put(floors-1))
	}
	add(filemode.Regular, "file", file(fmt.Sprint("on floor ", floors)))
	add(filemode.Executable, "run", file("echo"))
	add(filemode.Symlink, "link", file("folder"))
	add(filemode.Symlink, "up", file("../file"))
	add(filemode.Submodule, "module", plumbing.Hash{1})
	h := plumbing.ComputeHash(plumbing.TreeObject, content)
	s.folders[h] = content
	return h
}

// What a path names is found without a walk if the walk would have found the same, and nothing but folders are read as
// such.
func TestTheStraightWayLeadsWhereAWalkDoes(t *testing.T) {
	s := &stored{t: t, folders: map[plumbing.Hash][]byte{}, files: map[plumbing.Hash][]byte{}}
	tree, err := Open(s, NewFolders(), Root{Folder: s.put(3), MaxFile: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 7))
	names := []string{"folder", "folder", "folder", "file", "run", "link", "up", "module", "absent"}
	straight, astray := 0, 0
	for range 5_000 {
		parts := make([]string, r.IntN(6))
		for i := range parts {
			parts[i] = names[r.IntN(len(names))]
		}
		path := strings.Join(parts, "/")
		if path == "" {
			path = "."
		}
		w := walk{tree: tree, path: []object.TreeEntry{{Mode: filemode.Dir, Hash: tree.root}},
			ahead: strings.Split(path, "/")}
		want, lost := w.run(true)
		if got, ok := tree.straight(path); ok {
			straight++
			if lost != nil || got != want {
				t.Fatalf("%s leads to %v, and a walk to %v, %v", path, got, want, lost)
			}
		}
		_, got, err := tree.resolve("read", path, true)
		if (err == nil) != (lost == nil) || err == nil && got != want ||
			errors.Is(err, fs.ErrNotExist) != errors.Is(lost, fs.ErrNotExist) {
			t.Fatalf("%s is %v, %v, and by a walk %v, %v", path, got, err, want, lost)
		}
		if err != nil {
			astray++
		}
	}
	if straight < 500 || astray < 500 {
		t.Errorf("%d ways are straight, and %d lead nowhere: too few of one of the kinds", straight, astray)
	}
}
