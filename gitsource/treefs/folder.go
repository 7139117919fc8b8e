package treefs

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// folder is one decoded tree object. It does not change.
type folder struct {
	entries []object.TreeEntry // sorted by name
}

func (f *folder) find(name string) (object.TreeEntry, bool) {
	i, ok := slices.BinarySearchFunc(f.entries, name, func(e object.TreeEntry, name string) int {
		return strings.Compare(e.Name, name)
	})
	if !ok {
		return object.TreeEntry{}, false
	}
	return f.entries[i], true
}

// newFolder refuses a folder with a name that git itself would not have let in: whoever made it is up to something.
func newFolder(entries []object.TreeEntry) (*folder, error) {
	sortByName(entries)
	for i, e := range entries {
		if reason := hostile(e.Name); reason != "" {
			return nil, fmt.Errorf("the name %q in it %s: the commit was not made by git; rewrite it: %w", e.Name,
				reason, fs.ErrInvalid)
		}
		if i > 0 && entries[i-1].Name == e.Name {
			return nil, fmt.Errorf("the name %q is in it twice: the commit was not made by git; rewrite it: %w", e.Name,
				fs.ErrInvalid)
		}
	}
	return &folder{entries}, nil
}

func hostile(name string) string {
	switch {
	case name == "":
		return "is empty"
	case name == "." || name == "..":
		return "leads elsewhere"
	case strings.ContainsAny(name, "/\x00"):
		return "is no name of one file"
	case strings.EqualFold(name, ".git"):
		return "is git's own"
	}
	return ""
}

// Folders keeps decoded folders: most of a commit's are those of the commit before. When the young are too many they
// become the old, and the old are forgotten unless they were asked for meanwhile.
type Folders struct {
	mu         sync.Mutex
	young, old map[plumbing.Hash]*folder
	weight     int // entries of the young
}

const maxYoung = 100_000 // entries, some 20 MB

// NewFolders keeps none yet.
func NewFolders() *Folders { return &Folders{young: map[plumbing.Hash]*folder{}} }

func (c *Folders) get(h plumbing.Hash) *folder {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.young[h]; f != nil {
		return f
	}
	f := c.old[h]
	if f != nil {
		c.add(h, f)
	}
	return f
}

func (c *Folders) put(h plumbing.Hash, f *folder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(h, f)
}

func (c *Folders) add(h plumbing.Hash, f *folder) {
	if c.weight > maxYoung {
		c.old, c.young, c.weight = c.young, map[plumbing.Hash]*folder{}, 0
	}
	c.young[h] = f
	c.weight += len(f.entries) + 1
}

// MaxFolder bounds a folder, in bytes; no repository that works has a larger one.
const MaxFolder = 64 << 20

// folder returns a folder of the tree, decoded.
func (t *Tree) folder(h plumbing.Hash) (*folder, error) {
	if f := t.folders.get(h); f != nil {
		return f, nil
	}
	content, err := t.objects.Content(plumbing.TreeObject, h, MaxFolder)
	if err != nil {
		return nil, err
	}
	entries, err := Entries(content)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w: %w", short(h), err, fs.ErrInvalid)
	}
	f, err := newFolder(entries)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", short(h), err)
	}
	t.folders.put(h, f)
	return f, nil
}

func short(h plumbing.Hash) string { return h.String()[:10] }

// isLink and its like say what an entry is.
func isLink(e object.TreeEntry) bool      { return e.Mode == filemode.Symlink }
func isDir(e object.TreeEntry) bool       { return e.Mode == filemode.Dir }
func isSubmodule(e object.TreeEntry) bool { return e.Mode == filemode.Submodule }
