package gitsource

import "fmt"

// Place is where the files of a commit lie on this machine. Another process can open them there, and only reads.
type Place struct {
	Mirror  string // the mirror's folder
	Commit  string
	MaxFile int64 // bytes of one file
	// URL is that of the commit's own repository if its submodules are followed; they need somebody who opens them.
	URL string
}

// Place says where a tree can be opened anew; false for one that is not of a mirror.
func (t *Tree) Place() (Place, bool) {
	p := t.place
	if t.submodules != nil {
		p.URL = t.submodules.url
	}
	return p, p.Mirror != ""
}

// Submodule opens a commit of the repository of a submodule, as the tree itself does.
func (t *Tree) Submodule(url, commit string) (*Tree, error) {
	if t.submodules == nil {
		return nil, errSubmodule
	}
	return t.submodules.open(url, commit)
}

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
	t := &Tree{objects: m, folders: m.folders, root: c.tree, time: c.time, maxFile: o.MaxFile,
		place: Place{Mirror: m.home, Commit: commit, MaxFile: o.MaxFile}}
	if _, err := t.folder(c.tree); err != nil {
		return nil, fmt.Errorf("commit %s: %w", commit, err)
	}
	return t, nil
}

// Damaged reports whether something of the tree's mirror was found missing or damaged.
func (t *Tree) Damaged() bool {
	m, ok := t.objects.(*mirror)
	return ok && m.suspect.Load()
}

// Doubt has the tree's mirror made anew at the next poll: another process found it damaged.
func (t *Tree) Doubt() {
	if m, ok := t.objects.(*mirror); ok {
		m.suspect.Store(true)
	}
}
