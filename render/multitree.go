package render

import (
	"io/fs"
	"path"
	"strings"
)

// multiTree is the tree, with the trees of other repositories as folders of its root. No path and no link leads from
// one tree into another: only a remote base does.
type multiTree struct {
	fs.FS
	bases map[string]fs.FS // by the name of their folder
}

// baseMark begins the names of such folders. No name of the tree's own that begins like one is hidden unless it is one.
const baseMark = "@"

// at is the tree that holds a path, and the path in it.
func (f *multiTree) at(name string) (fs.FS, string) {
	folder, rest, _ := strings.Cut(name, "/")
	tree, ok := f.bases[folder]
	switch {
	case !ok:
		return f.FS, name
	case rest == "":
		return tree, "."
	}
	return tree, rest
}

// rootOf is the root of the tree that holds a path: "." or a base's folder.
func (f *multiTree) rootOf(name string) string {
	folder, _, _ := strings.Cut(path.Clean(name), "/")
	if _, ok := f.bases[folder]; ok {
		return folder
	}
	return "."
}

// inBase reports whether a path is in another repository's tree.
func (f *multiTree) inBase(name string) bool { return f.rootOf(name) != "." }

// Open opens a file or folder of its tree.
func (f *multiTree) Open(name string) (fs.File, error) {
	tree, name := f.at(name)
	return tree.Open(name)
}

// Lstat describes what is there, a link as a link.
func (f *multiTree) Lstat(name string) (fs.FileInfo, error) {
	tree, name := f.at(name)
	return fs.Lstat(tree, name)
}

// ReadLink returns where a link leads.
func (f *multiTree) ReadLink(name string) (string, error) {
	tree, name := f.at(name)
	return fs.ReadLink(tree, name)
}

// ReadDir lists a folder of its tree.
func (f *multiTree) ReadDir(name string) ([]fs.DirEntry, error) {
	tree, name := f.at(name)
	return fs.ReadDir(tree, name)
}
