// Package treefs shows the files of a commit as a file system: straight from the object database, with links and
// submodules, and nothing checked out.
package treefs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Tree is the files of a commit, read-only and never checked out. It is an fs.FS, and safe for concurrent use.
//
// Symbolic links are followed within the tree. One that leads out of it, a submodule and a file that Git LFS keeps
// elsewhere are errors when they are read. What cannot be read is never an fs.ErrNotExist: a reader must not take a
// damaged mirror for a smaller commit.
type Tree struct {
	objects Objects
	folders *Folders
	root    plumbing.Hash
	time    time.Time
	maxFile int64
	place   Place // no mirror if it is of none

	submodules *submodules // nil if they are not followed
}

// Root is what a tree is made of, beside its objects.
type Root struct {
	Folder  plumbing.Hash
	Time    time.Time // of the commit
	MaxFile int64     // bytes
	Place   Place     // no mirror if it is of none
}

// Open returns the files of a commit. Its root folder is read at once.
func Open(objects Objects, kept *Folders, r Root) (*Tree, error) {
	t := &Tree{objects: objects, folders: kept, root: r.Folder, time: r.Time, maxFile: r.MaxFile, place: r.Place}
	if _, err := t.folder(t.root); err != nil {
		return nil, err
	}
	return t, nil
}

// Objects is where a tree's objects are read.
type Objects interface {
	// Content returns an object of up to limit bytes, checked against its name. An object that is not there, or is
	// damaged, is an error and never an fs.ErrNotExist.
	Content(kind plumbing.ObjectType, h plumbing.Hash, limit int64) ([]byte, error)
	// Size is the size of a file in bytes.
	Size(h plumbing.Hash) (int64, error)
}

var (
	_ fs.ReadFileFS = (*Tree)(nil)
	_ fs.ReadDirFS  = (*Tree)(nil)
	_ fs.StatFS     = (*Tree)(nil)
	_ fs.ReadLinkFS = (*Tree)(nil)
)

// Blob returns the hash of what is at a path, links followed: a file's content, or a whole folder. Two commits with the
// same hash there have the same there.
func (t *Tree) Blob(name string) (string, error) {
	_, e, err := t.resolve("blob", name, true)
	if err != nil {
		return "", err
	}
	return e.Hash.String(), nil
}

// ReadFile returns a file's content.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	at, e, err := t.resolve("read", name, true)
	if err != nil {
		return nil, err
	}
	content, err := at.read(e)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return content, nil
}

// ReadDir lists a folder, sorted by name.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	at, e, err := t.resolve("readdir", name, true)
	if err != nil {
		return nil, err
	}
	list, err := at.list(e)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return list, nil
}

// Stat describes what is at a path, links followed.
func (t *Tree) Stat(name string) (fs.FileInfo, error) { return t.stat("stat", name, true) }

// Lstat describes what is at a path, a link being a link.
func (t *Tree) Lstat(name string) (fs.FileInfo, error) { return t.stat("lstat", name, false) }

func (t *Tree) stat(op, name string, follow bool) (fs.FileInfo, error) {
	at, e, err := t.resolve(op, name, follow)
	if err != nil {
		return nil, err
	}
	i, err := at.info(baseName(name), e)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return i, nil
}

// ReadLink returns where a symbolic link leads, as it was committed.
func (t *Tree) ReadLink(name string) (string, error) {
	at, e, err := t.resolve("readlink", name, false)
	if err != nil {
		return "", err
	}
	if !isLink(e) {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: errors.New("is not a symbolic link")}
	}
	target, err := at.target(e)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return target, nil
}

// read returns what a file holds.
func (t *Tree) read(e object.TreeEntry) ([]byte, error) {
	switch {
	case isDir(e):
		return nil, errors.New("is a folder")
	case isSubmodule(e):
		return nil, errSubmodule
	}
	content, err := t.objects.Content(plumbing.BlobObject, e.Hash, t.maxFile)
	if err != nil {
		return nil, err
	}
	if isLFS(content) {
		return nil, fmt.Errorf("is kept by Git LFS, which is not read: commit the file itself: %w", fs.ErrInvalid)
	}
	return content, nil
}

var errSubmodule = fmt.Errorf("is a submodule, which is not followed: set spec.source.submodules, or commit the "+
	"files themselves: %w", fs.ErrInvalid)

func isAbsence(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// isLFS recognises the text that Git LFS commits in a file's place.
func isLFS(content []byte) bool {
	return len(content) < 1024 && bytes.HasPrefix(content, []byte("version https://git-lfs.github.com/spec/v1\n")) &&
		bytes.Contains(content, []byte("\noid "))
}

func sortByName(entries []object.TreeEntry) {
	slices.SortFunc(entries, func(a, b object.TreeEntry) int { return strings.Compare(a.Name, b.Name) })
}

func baseName(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
