package treefs

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

const (
	maxLinks  = 40   // as many as Linux follows in one path
	maxPath   = 4096 // bytes
	maxTarget = maxPath
)

// resolve finds what a path names. A link in the middle of it is always followed, the last one only on demand.
//
// What is within a submodule is in another tree, which is returned with it.
func (t *Tree) resolve(op, name string, follow bool) (*Tree, object.TreeEntry, error) {
	fail := func(err error) (*Tree, object.TreeEntry, error) {
		return nil, object.TreeEntry{}, &fs.PathError{Op: op, Path: name, Err: err}
	}
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	if len(name) > maxPath {
		return fail(fmt.Errorf("path too long: %w", fs.ErrInvalid))
	}
	if e, ok := t.straight(name); ok {
		return t, e, nil
	}
	w := walk{tree: t, path: []object.TreeEntry{{Mode: filemode.Dir, Hash: t.root}}, ahead: strings.Split(name, "/")}
	e, err := w.run(follow)
	if err != nil {
		return fail(err)
	}
	return w.tree, e, nil
}

// straight finds what a path names if it leads there through folders alone, as most do. What is anything else, or is
// not found, is left to a walk.
func (t *Tree) straight(name string) (e object.TreeEntry, ok bool) {
	e = object.TreeEntry{Mode: filemode.Dir, Hash: t.root}
	for more := name != "."; more; {
		if !isDir(e) {
			return e, false
		}
		f, err := t.folder(e.Hash)
		if err != nil {
			return e, false
		}
		var part string
		part, name, more = strings.Cut(name, "/")
		if e, ok = f.find(part); !ok {
			return e, false
		}
	}
	return e, !isLink(e) && !isSubmodule(e)
}

// walk is a way through the tree.
type walk struct {
	tree  *Tree
	path  []object.TreeEntry // the folders from the root to where the walk is; the last may be a file, at its end
	ahead []string           // names still to go
	links int                // links followed
	link  string             // the last of them, for the error of whoever it leads astray
}

func (w *walk) run(follow bool) (object.TreeEntry, error) {
	for len(w.ahead) > 0 {
		part := w.ahead[0]
		w.ahead = w.ahead[1:]
		if err := w.step(part, follow); err != nil {
			return object.TreeEntry{}, err
		}
	}
	if err := w.enter(); err != nil {
		return object.TreeEntry{}, err
	}
	return w.here(), nil
}

// enter goes into the submodule that the walk has come to, if submodules are followed. From then on its root is the
// root.
func (w *walk) enter() error {
	if w.tree.submodules == nil || !isSubmodule(w.here()) {
		return nil
	}
	names := make([]string, len(w.path)-1)
	for i, e := range w.path[1:] {
		names[i] = e.Name
	}
	sub, err := w.tree.submodule(strings.Join(names, "/"), w.here().Hash)
	if err != nil {
		return err
	}
	w.tree, w.path = sub, []object.TreeEntry{{Mode: filemode.Dir, Hash: sub.root}}
	return nil
}

func (w *walk) here() object.TreeEntry { return w.path[len(w.path)-1] }

func (w *walk) step(part string, follow bool) error {
	if err := w.enter(); err != nil {
		return err
	}
	switch part {
	case "", ".":
		return nil
	case "..":
		if len(w.path) == 1 {
			return fmt.Errorf("the symbolic link %s leads out of the repository, and is not followed", w.link)
		}
		w.path = w.path[:len(w.path)-1]
		return nil
	}
	switch at := w.here(); {
	case isSubmodule(at):
		return errSubmodule
	case !isDir(at):
		return fmt.Errorf("%s is a file, not a folder: %w", at.Name, fs.ErrNotExist)
	}
	f, err := w.tree.folder(w.here().Hash)
	if err != nil {
		return err
	}
	e, ok := f.find(part)
	switch {
	case !ok && w.links > 0:
		return fmt.Errorf("the symbolic link %s leads to nothing: %w", w.link, fs.ErrNotExist)
	case !ok:
		return fs.ErrNotExist
	case isLink(e) && (follow || len(w.ahead) > 0):
		return w.follow(e)
	}
	w.path = append(w.path, e)
	return nil
}

// follow puts the link's way before what is still ahead.
func (w *walk) follow(e object.TreeEntry) error {
	target, err := w.tree.target(e)
	if err != nil {
		return err
	}
	w.link = fmt.Sprintf("%s -> %s", e.Name, Printable(target))
	w.links++
	switch {
	case w.links > maxLinks:
		return fmt.Errorf("too many symbolic links, the last being %s: they lead in a circle", w.link)
	case target == "":
		return fmt.Errorf("the symbolic link %s is empty", e.Name)
	case strings.HasPrefix(target, "/"):
		return fmt.Errorf("the symbolic link %s leads out of the repository, and is not followed", w.link)
	}
	ahead := append(strings.Split(target, "/"), w.ahead...)
	if len(ahead) > maxPath {
		return errors.New("the symbolic links make the path too long")
	}
	w.ahead = ahead
	return nil
}

// target is what a symbolic link holds.
func (t *Tree) target(e object.TreeEntry) (string, error) {
	content, err := t.objects.Content(plumbing.BlobObject, e.Hash, maxTarget)
	return string(content), err
}
