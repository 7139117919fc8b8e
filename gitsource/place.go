package gitsource

import (
	"fmt"

	"github.com/daemongate/daemongate/gitsource/treefs"
)

// Tree is the files of a commit.
type Tree = treefs.Tree

// Place is where the files of a commit lie on this machine.
type Place = treefs.Place

// OpenSubmodule returns the files of a commit of another repository, through a mirror of its own.
type OpenSubmodule = treefs.OpenSubmodule

// OpenPlace opens the files of a commit in a mirror that another process keeps. Nothing is written and nothing fetched.
// Submodules are opened by the function that is given.
func OpenPlace(p Place, open OpenSubmodule) (*Tree, error) {
	o := Options{MaxFile: p.MaxFile}.withDefaults()
	tree, err := newMirror(p.Mirror, o).tree(p.Commit, o)
	if err != nil || p.URL == "" {
		return tree, err
	}
	return tree.WithSubmodules(p.URL, open), nil
}

// tree returns the files of a commit.
func (m *mirror) tree(commit string, o Options) (*Tree, error) {
	h, err := parseHash(commit)
	if err != nil {
		return nil, err
	}
	c, err := m.commit(h)
	if err != nil {
		return nil, err
	}
	t, err := treefs.Open(m, m.folders, treefs.Root{Folder: c.tree, Time: c.time, MaxFile: o.MaxFile,
		Place: Place{Mirror: m.home, Commit: commit, MaxFile: o.MaxFile}})
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", commit, err)
	}
	return t, nil
}

// Damaged reports whether something of the mirror was found missing or damaged.
func (m *mirror) Damaged() bool { return m.suspect.Load() }

// Doubt has the mirror made anew at the next poll.
func (m *mirror) Doubt() { m.suspect.Store(true) }
