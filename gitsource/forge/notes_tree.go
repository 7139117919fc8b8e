package forge

import (
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/memory"
)

const (
	maxNote = 1 << 20 // bytes; a note that is larger is not ours to touch
	maxFlat = 256     // notes in one folder, before they are spread over 256 of them, as git does
)

// newObjects are the objects of a change, in memory until they are pushed.
type newObjects struct {
	storage *memory.Storage
	hashes  []plumbing.Hash
	commit  plumbing.Hash
}

type encodable interface {
	Encode(plumbing.EncodedObject) error
}

func (n *newObjects) add(o encodable) (plumbing.Hash, error) {
	encoded := n.storage.NewEncodedObject()
	if err := o.Encode(encoded); err != nil {
		return plumbing.ZeroHash, err
	}
	hash, err := n.storage.SetEncodedObject(encoded)
	n.hashes = append(n.hashes, hash)
	return hash, err
}

// blob is a note as an object.
type blob string

func (b blob) Encode(o plumbing.EncodedObject) error {
	o.SetType(plumbing.BlobObject)
	w, err := o.Writer()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, string(b)); err != nil {
		return err
	}
	return w.Close()
}

// editor changes notes trees. A note of commit abcdef… is the file abcdef…, or ab/cdef…, or ab/cd/ef… and so on:
// however the tree does it, it is continued.
type editor struct {
	known storer.EncodedObjectStorer
	fresh *newObjects
	most  *bound // of what is read; nil for none
}

// bound is how many bytes may be read, and how many more.
type bound struct{ most, left int64 }

// take counts what is read, and is an error when that is too much.
func (b *bound) take(bytes int64) error {
	if b == nil {
		return nil
	}
	if b.left -= bytes; b.left < 0 {
		return fmt.Errorf("what is to be read of them is more than %d kB", b.most>>10)
	}
	return nil
}

func newEditor(known storer.EncodedObjectStorer) *editor {
	return &editor{known: known, fresh: &newObjects{storage: memory.NewStorage()}}
}

// change writes statuses, by what is left of their commit's name at this depth, into a folder, and returns the folder's
// new hash: the old one if nothing changed.
func (e *editor) change(folder plumbing.Hash, depth int, statuses map[string][]Status) (plumbing.Hash, error) {
	entries, err := e.entries(folder)
	if err != nil {
		return folder, err
	}
	level := newLevel(entries, depth)
	below := map[string]map[string][]Status{} // by folder
	changed := false
	for name, list := range statuses {
		if level.goesBelow(name) {
			if below[name[:2]] == nil {
				below[name[:2]] = map[string][]Status{}
			}
			below[name[:2]][name[2:]] = list
			continue
		}
		wrote, err := e.note(level, name, list)
		if err != nil {
			return folder, err
		}
		changed = changed || wrote
	}
	for name, list := range below {
		old := level.entries[name]
		hash, err := e.change(old.Hash, depth+1, list)
		if err != nil {
			return folder, err
		}
		if hash != old.Hash {
			level.entries[name] = object.TreeEntry{Name: name, Mode: filemode.Dir, Hash: hash}
			changed = true
		}
	}
	if !changed {
		return folder, nil
	}
	return e.store(level)
}

// note writes one note at this level.
func (e *editor) note(l *level, name string, list []Status) (changed bool, err error) {
	old, ok := l.entries[name]
	text := ""
	if ok {
		if text, err = e.text(old.Hash); err != nil {
			return false, err
		}
	}
	merged := merge(text, list)
	if ok && strings.TrimRight(merged, "\n") == strings.TrimRight(text, "\n") {
		return false, nil
	}
	hash, err := e.fresh.add(blob(merged))
	l.entries[name] = object.TreeEntry{Name: name, Mode: filemode.Regular, Hash: hash}
	return true, err
}

// store writes a level, spread over folders if it has become too large.
func (e *editor) store(l *level) (plumbing.Hash, error) {
	if !l.spread && l.notes() > maxFlat && l.depth < 19 {
		if err := e.spread(l); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	tree := &object.Tree{}
	for _, entry := range l.entries {
		tree.Entries = append(tree.Entries, entry)
	}
	sort.Sort(object.TreeEntrySorter(tree.Entries))
	return e.fresh.add(tree)
}

func (e *editor) spread(l *level) error {
	groups := map[string]*level{}
	for name, entry := range l.entries {
		if !l.isNote(entry) {
			continue
		}
		if groups[name[:2]] == nil {
			groups[name[:2]] = newLevel(nil, l.depth+1)
		}
		delete(l.entries, name)
		entry.Name = name[2:]
		groups[name[:2]].entries[entry.Name] = entry
	}
	for name, group := range groups {
		hash, err := e.store(group)
		if err != nil {
			return err
		}
		l.entries[name] = object.TreeEntry{Name: name, Mode: filemode.Dir, Hash: hash}
	}
	return nil
}

func (e *editor) entries(folder plumbing.Hash) ([]object.TreeEntry, error) {
	if folder.IsZero() {
		return nil, nil
	}
	tree, err := object.GetTree(e.known, folder)
	if err != nil {
		return nil, fmt.Errorf("notes folder %s: %w", folder, err)
	}
	if tree.Hash != folder { // what is missing in it would be removed by the next push
		return nil, fmt.Errorf("notes folder %s: damaged", folder)
	}
	return tree.Entries, e.most.take(int64(len(tree.Entries)) * entrySize)
}

// entrySize is how many bytes an entry of a folder takes about.
const entrySize = 64

func (e *editor) text(h plumbing.Hash) (string, error) {
	b, err := object.GetBlob(e.known, h)
	if err != nil {
		return "", fmt.Errorf("note %s: %w", h, err)
	}
	if b.Size > maxNote {
		return "", &largeNote{h, b.Size}
	}
	if err := e.most.take(b.Size); err != nil {
		return "", err
	}
	r, err := b.Reader()
	if err != nil {
		return "", fmt.Errorf("note %s: %w", h, err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	return string(text), err
}

// largeNote is the error of a note that is no note of states. To fetch it again does not help.
type largeNote struct {
	hash  plumbing.Hash
	bytes int64
}

func (e *largeNote) Error() string {
	return fmt.Sprintf("note %s has %d bytes: remove it with git notes --ref=daemongate remove", e.hash, e.bytes)
}

// level is one folder of a notes tree.
type level struct {
	entries map[string]object.TreeEntry
	depth   int
	spread  bool // it has folders of notes
}

var (
	hexFolder = regexp.MustCompile(`^[0-9a-f]{2}$`)
	hexName   = regexp.MustCompile(`^[0-9a-f]+$`)
)

func newLevel(entries []object.TreeEntry, depth int) *level {
	l := &level{entries: make(map[string]object.TreeEntry, len(entries)), depth: depth}
	for _, e := range entries {
		l.entries[e.Name] = e
		l.spread = l.spread || e.Mode == filemode.Dir && hexFolder.MatchString(e.Name)
	}
	return l
}

// goesBelow is true if a note belongs into a folder of this level.
func (l *level) goesBelow(name string) bool {
	if e, ok := l.entries[name]; ok && e.Mode != filemode.Dir {
		return false
	}
	return l.spread && len(name) > 2
}

func (l *level) isNote(e object.TreeEntry) bool {
	return e.Mode.IsFile() && len(e.Name) == 40-2*l.depth && hexName.MatchString(e.Name)
}

func (l *level) notes() int {
	n := 0
	for _, e := range l.entries {
		if l.isNote(e) {
			n++
		}
	}
	return n
}
