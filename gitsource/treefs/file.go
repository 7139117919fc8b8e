package treefs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Open opens a file, whose content it reads at once, or a folder.
func (t *Tree) Open(name string) (fs.File, error) {
	at, e, err := t.resolve("open", name, true)
	if err != nil {
		return nil, err
	}
	f, err := at.open(name, e)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return f, nil
}

func (t *Tree) open(name string, e object.TreeEntry) (fs.File, error) {
	if isDir(e) {
		list, err := t.list(e)
		return &openFolder{info: info{name: baseName(name), entry: e, time: t.time}, path: name, rest: list}, err
	}
	content, err := t.read(e)
	if err != nil {
		return nil, err
	}
	i := info{name: baseName(name), entry: e, size: int64(len(content)), time: t.time}
	return &openFile{Reader: bytes.NewReader(content), info: i}, nil
}

// list returns a folder's entries.
func (t *Tree) list(e object.TreeEntry) ([]fs.DirEntry, error) {
	switch {
	case isSubmodule(e):
		return nil, errSubmodule
	case !isDir(e):
		return nil, errors.New("is not a folder")
	}
	f, err := t.folder(e.Hash)
	if err != nil {
		return nil, err
	}
	list, entries := make([]fs.DirEntry, len(f.entries)), make([]dirEntry, len(f.entries))
	for i := range f.entries {
		entries[i] = dirEntry{t, &f.entries[i]}
		list[i] = &entries[i]
	}
	return list, nil
}

// info describes a file or folder.
type info struct {
	name  string
	entry object.TreeEntry
	size  int64
	time  time.Time
}

func (t *Tree) info(name string, e object.TreeEntry) (fs.FileInfo, error) {
	i := info{name: name, entry: e, time: t.time}
	if isDir(e) || isSubmodule(e) {
		return i, nil
	}
	var err error
	if i.size, err = t.objects.Size(e.Hash); err != nil {
		return nil, err
	}
	return i, nil
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return i.time } // the commit's
func (i info) IsDir() bool        { return isDir(i.entry) }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode  { return mode(i.entry) }

func mode(e object.TreeEntry) fs.FileMode {
	switch e.Mode {
	case filemode.Dir:
		return fs.ModeDir | 0o555
	case filemode.Symlink:
		return fs.ModeSymlink | 0o777
	case filemode.Submodule:
		return fs.ModeIrregular
	case filemode.Executable:
		return 0o555
	}
	return 0o444
}

// dirEntry is an entry of a folder that was listed.
type dirEntry struct {
	tree  *Tree
	entry *object.TreeEntry // of the folder, which does not change
}

func (d dirEntry) Name() string               { return d.entry.Name }
func (d dirEntry) IsDir() bool                { return isDir(d.shown()) }
func (d dirEntry) Type() fs.FileMode          { return mode(d.shown()).Type() }
func (d dirEntry) Info() (fs.FileInfo, error) { return d.tree.info(d.entry.Name, d.shown()) }
func (d dirEntry) String() string             { return fs.FormatDirEntry(d) }

// shown is the entry as it is shown: a submodule that is followed is a folder.
func (d dirEntry) shown() object.TreeEntry {
	e := *d.entry
	if d.tree.submodules != nil && isSubmodule(e) {
		e.Mode = filemode.Dir
	}
	return e
}

// openFile is a file that is open: its content is in memory.
type openFile struct {
	*bytes.Reader
	info info
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

// openFolder is a folder that is open.
type openFolder struct {
	info info
	path string
	rest []fs.DirEntry
}

func (f *openFolder) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFolder) Close() error               { return nil }
func (f *openFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.path, Err: errors.New("is a folder")}
}

// ReadDir returns the next n entries, or all that are left.
func (f *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 || n > len(f.rest) {
		if n > 0 && len(f.rest) == 0 {
			return nil, io.EOF
		}
		n = len(f.rest)
	}
	next := f.rest[:n]
	f.rest = f.rest[n:]
	return next, nil
}
