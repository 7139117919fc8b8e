package render

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// Hashed is a tree that knows what is at a path without reading it: the hash of a file's content, or of a folder with
// all that is below it.
type Hashed interface {
	fs.FS
	Blob(path string) (hash string, err error)
}

// Unchanged says whether all of a read set is in one tree what it is in another, links being compared as links. If so
// the folder that it was recorded for renders from both to the same result or the same error. The error is a
// *TreeError.
func Unchanged(read []string, before, after Hashed) (bool, error) {
	c := comparison{before: before, after: after, same: map[string]bool{}}
	for _, p := range read {
		if same, err := c.unchanged(p); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

type comparison struct {
	before, after Hashed
	same          map[string]bool // folders that lead to the same place in both
}

func (c comparison) unchanged(p string) (bool, error) {
	for folder := path.Dir(p); folder != "." && !c.same[folder]; folder = path.Dir(folder) {
		before, errBefore := linkAt(c.before, folder)
		after, errAfter := linkAt(c.after, folder)
		if before != after || errBefore != nil || errAfter != nil {
			return false, errors.Join(errBefore, errAfter)
		}
		c.same[folder] = true
	}
	before, errBefore := stateAt(c.before, p)
	after, errAfter := stateAt(c.after, p)
	return before == after, errors.Join(errBefore, errAfter)
}

// linkAt is where the link at a path leads, "" if there is no link.
func linkAt(tree fs.FS, p string) (string, error) {
	info, err := fs.Lstat(tree, p)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && info.Mode()&fs.ModeSymlink == 0:
		return "", nil
	case err != nil:
		return "", &TreeError{Path: p, Err: err}
	}
	target, err := fs.ReadLink(tree, p)
	if err != nil {
		return "", &TreeError{Path: p, Err: err}
	}
	return "link to " + target, nil
}

// stateAt is what is at a path, in a form that compares.
func stateAt(tree Hashed, p string) (string, error) {
	link, err := linkAt(tree, p)
	if link != "" || err != nil {
		return link, err
	}
	info, err := fs.Lstat(tree, p)
	if errors.Is(err, fs.ErrNotExist) {
		return "missing", nil
	}
	if err != nil {
		return "", &TreeError{Path: p, Err: err}
	}
	hash, err := tree.Blob(p)
	if err != nil {
		return "", &TreeError{Path: p, Err: err}
	}
	return fmt.Sprintf("%s %s", info.Mode().Type(), hash), nil
}
