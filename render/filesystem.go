package render

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// root is where kustomize, which knows absolute paths only, finds the tree. What lies outside of it lies outside of the
// tree, so that a "../" too many is seen and not cut off. It never leaves this package (see shorten).
const root = "/@tree"

// inside is the path that kustomize knows a path of the tree by.
func inside(rel string) string { return path.Join(root, rel) }

// outside is a path of the tree for what kustomize asks for, or false if it is not in the tree.
func outside(abs string) (string, bool) {
	abs = path.Clean(abs)
	if abs == root {
		return ".", true
	}
	rel, ok := strings.CutPrefix(abs, root+"/")
	return rel, ok
}

// shorten takes the root out of a text of kustomize's.
func shorten(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, root+"/", ""), root, "the root of the tree")
}

var errReadOnly = errors.New("the tree of a commit is read-only, and only its files are read")

// fileSystem shows the tree to kustomize. A render calls CleanedAbs and ReadFile and nothing else; all the rest is
// refused, so that a kustomize that begins to call it is noticed.
type fileSystem struct{ reader *reader }

var _ filesys.FileSystem = fileSystem{}

// CleanedAbs splits what the path leads to, links resolved, into a folder and a file name.
func (f fileSystem) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	rel, isDir, err := f.reader.find(name)
	if err != nil {
		return "", "", err
	}
	if isDir {
		return filesys.ConfirmedDir(inside(rel)), "", nil
	}
	return filesys.ConfirmedDir(inside(path.Dir(rel))), path.Base(rel), nil
}

// ReadFile returns the content of a file, which kustomize may do with as it likes.
func (f fileSystem) ReadFile(name string) ([]byte, error) {
	c, err := f.reader.look(name)
	if err != nil {
		return nil, err
	}
	rel, _ := outside(name)
	return bytes.Clone(c.content), f.reader.use(rel, c)
}

func (fileSystem) refuse(op, name string) error {
	return &fs.PathError{Op: op, Path: shorten(name), Err: errReadOnly}
}

func (f fileSystem) Create(name string) (filesys.File, error)    { return nil, f.refuse("create", name) }
func (f fileSystem) Open(name string) (filesys.File, error)      { return nil, f.refuse("open", name) }
func (f fileSystem) Mkdir(name string) error                     { return f.refuse("mkdir", name) }
func (f fileSystem) MkdirAll(name string) error                  { return f.refuse("mkdir", name) }
func (f fileSystem) RemoveAll(name string) error                 { return f.refuse("remove", name) }
func (f fileSystem) ReadDir(name string) ([]string, error)       { return nil, f.refuse("list", name) }
func (f fileSystem) Glob(pattern string) ([]string, error)       { return nil, f.refuse("glob", pattern) }
func (f fileSystem) Walk(name string, _ filepath.WalkFunc) error { return f.refuse("walk", name) }
func (f fileSystem) WriteFile(name string, _ []byte) error       { return f.refuse("write", name) }
func (fileSystem) IsDir(string) bool                             { return false }
func (fileSystem) Exists(string) bool                            { return false }
