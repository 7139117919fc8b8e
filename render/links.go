package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

const maxLinks = 40 // on one way, as Linux has it

// paths are the tree's, as one render has followed them, with a memory of what was asked for and of what was wrong.
type paths struct {
	ctx     context.Context
	tree    *multiTree
	plain   map[string]bool // folders that are no links
	ends    map[string]end  // where paths lead that lead somewhere
	listing string          // the kustomization file that stands for a folder without one, if any

	asked    map[string]struct{}
	refused  error // the first reason; kustomize forgets them
	warnings []string
}

// find follows a path that kustomize asks for, link by link, and remembers every link and what is at the end. An
// existing folder is not remembered: whoever goes on asks for a file in it, and that is.
func (r *paths) find(name string) (rel string, isDir bool, err error) {
	if r.ctx.Err() != nil {
		return "", false, r.refuse(fmt.Errorf("%s: %w", shorten(name), context.Cause(r.ctx)))
	}
	rel, ok := outside(name)
	if !ok {
		return "", false, r.refuse(fmt.Errorf("%s: leads out of the tree: only what the repository holds is read",
			name))
	}
	if !fs.ValidPath(rel) || strings.ContainsAny(rel, "\n\x00") { // kustomize tries inline patches as paths
		return "", false, missing("inline text")
	}
	if end, known := r.ends[rel]; known {
		return end.rel, end.isDir, nil
	}
	w := way{paths: r}
	end := end{}
	if end.rel, end.isDir, err = w.to(rel); err == nil {
		r.ends[rel] = end
	}
	return end.rel, end.isDir, err
}

// end is what a path leads to.
type end struct {
	rel   string
	isDir bool
}

// way is one path being followed.
type way struct {
	*paths
	links int
}

func (w *way) to(rel string) (string, bool, error) {
	if rel == "." || w.plain[rel] {
		return rel, true, nil
	}
	if rel == w.listing {
		return rel, false, nil
	}
	if parent := path.Dir(rel); parent != "." && !w.plain[parent] {
		folder, isDir, err := w.to(parent)
		if err == nil && !isDir {
			err = missing(rel)
		}
		if err != nil {
			w.note(rel)
			return "", false, err
		}
		rel = path.Join(folder, path.Base(rel))
	}
	info, err := fs.Lstat(w.tree, rel)
	if err == nil && info.IsDir() {
		w.plain[rel] = true
		return rel, true, nil
	}
	w.note(rel)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", false, missing(rel)
	case err != nil:
		return "", false, w.refuse(unread(rel, err))
	case info.Mode()&fs.ModeSymlink != 0:
		return w.link(rel)
	case !info.Mode().IsRegular():
		return "", false, w.refuse(fmt.Errorf("%s: is neither a file nor a folder (a submodule? set "+
			"spec.source.submodules): only files of the repository itself are read", rel))
	}
	return rel, false, nil
}

// link goes where a symbolic link points to, step by step, because a ".." leads up from where a link has led.
func (w *way) link(rel string) (string, bool, error) {
	if w.links++; w.links > maxLinks {
		return "", false, w.refuse(fmt.Errorf("%s: too many links: they go in a circle", rel))
	}
	target, err := fs.ReadLink(w.tree, rel)
	if err != nil {
		return "", false, w.refuse(unread(rel, err))
	}
	at, isDir := path.Dir(rel), true
	for step := range strings.SplitSeq(target, "/") {
		switch {
		case path.IsAbs(target), step == ".." && at == w.tree.rootOf(at):
			return "", false, w.refuse(fmt.Errorf("%s: is a link to %s, which is outside of the tree: only what the "+
				"repository holds is read", rel, target))
		case !isDir:
			return "", false, missing(rel)
		case step == "..":
			at = path.Dir(at)
		case step != "" && step != ".":
			if at, isDir, err = w.to(path.Join(at, step)); err != nil {
				return "", false, err
			}
		}
	}
	return at, isDir, nil
}

func missing(rel string) error {
	return &fs.PathError{Op: "find", Path: rel, Err: fs.ErrNotExist}
}
