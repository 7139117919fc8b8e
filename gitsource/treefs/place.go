package treefs

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

// mirrored is a source that is made anew when something of it is damaged.
type mirrored interface {
	Damaged() bool
	Doubt()
}

// Damaged reports whether something of the tree's mirror was found missing or damaged.
func (t *Tree) Damaged() bool {
	m, ok := t.objects.(mirrored)
	return ok && m.Damaged()
}

// Doubt has the tree's mirror made anew at the next poll: another process found it damaged.
func (t *Tree) Doubt() {
	if m, ok := t.objects.(mirrored); ok {
		m.Doubt()
	}
}
