// Package grouped renders large folders in groups. kustomize compares every object with all others, several times over,
// so that its work grows with the square of their number. Where a folder's kustomizations hold only what is known to
// treat each object by itself, a few objects at a time are rendered, each time with all that they may refer to, and put
// together in kustomize's own order. Whatever is not known, or goes wrong, is rendered as a whole by the caller, so
// that every error is kustomize's own.
package grouped

import (
	"context"

	"github.com/daemongate/daemongate/render/dropped"
)

// Source is what is to be rendered, as kustomize would be given it. All paths are of the tree.
type Source interface {
	// Find follows a path: where it leads, and whether a folder is there.
	Find(path string) (at string, folder bool, err error)
	// Kustomized is the kustomization file of a folder, "" without one.
	Kustomized(folder string) (string, error)
	// File is a file as kustomize is given it.
	File(path string) (dropped.File, error)
	// Documents are those of a file of objects, those with nothing in them included; none if that is not known.
	Documents(path string) []Document
}

// Sizes say how large groups are.
type Sizes struct {
	Least   int   // objects of a folder that are worth it; fewer are rendered as a whole
	Wanted  int   // objects of a group, about
	Context int   // how many times as many objects as there are may be rendered, with those that others refer to
	Written int64 // bytes that all objects may come to as JSON; more are rendered as a whole, which says so; 0: any
}

// Usual are the sizes for renders; tests have smaller ones.
var Usual = Sizes{Least: 64, Wanted: 24, Context: 4}

// Render renders a folder in groups: each object as kustomize writes it as JSON, in kustomize's order. It is not ok if
// the folder has to be rendered as a whole. What is remembered of a group is not rendered; nil remembers nothing.
func Render(ctx context.Context, s Source, folder string, sizes Sizes, m Memory) (objects [][]byte, ok bool) {
	p, ok := plan(s, folder, sizes)
	if !ok {
		return nil, false
	}
	if m == nil {
		m = nothing{}
	}
	return p.render(ctx, m, sizes.Written)
}

// planned is how the objects of a folder are rendered in groups.
type planned struct {
	top     *node
	objects []*object // in kustomize's order
	groups  []group
}

// plan divides a folder, unless it is small, or holds what is not known to be divisible.
func plan(s Source, folder string, sizes Sizes) (*planned, bool) {
	l := loader{source: s, nodes: map[string]*node{}}
	top := l.node(folder, false)
	if top == nil || len(l.items) < sizes.Least {
		return nil, false
	}
	w := walk{items: l.items}
	objects := w.accumulate(top, nil)
	if w.refused || len(objects) < sizes.Least {
		return nil, false
	}
	w.joinConflicts(objects)
	r := references{objects: objects, always: l.words}
	r.find(l.items)
	groups, ok := divide(objects, &w, &r, sizes)
	return &planned{top, objects, groups}, ok
}
