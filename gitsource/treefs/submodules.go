package treefs

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/daemongate/daemongate/gitsource/remote"
)

// maxDepth is how many submodules may stand within each other.
const maxDepth = 5

// OpenSubmodule returns the files of a commit of another repository, through a mirror of its own.
type OpenSubmodule func(url, commit string) (*Tree, error)

// submodules are how a tree gets at what is in its submodules.
type submodules struct {
	url   string // of the tree's own repository, for the relative ones
	depth int
	open  OpenSubmodule

	mu    sync.Mutex
	known map[plumbing.Hash]*Tree
}

// WithSubmodules returns the tree with its submodules, and theirs, as folders: each is opened when something in it is
// read. The URL is that of the tree's repository. A link does not lead out of a submodule, nor a submodule out of the
// network into this machine's files.
func (t *Tree) WithSubmodules(url string, open OpenSubmodule) *Tree {
	return t.within(&submodules{url: url, open: open})
}

func (t *Tree) within(s *submodules) *Tree {
	with := *t
	s.known = map[plumbing.Hash]*Tree{}
	with.submodules = s
	return &with
}

// submodule returns the files of the submodule at a path. What the commit itself got wrong is an fs.ErrInvalid.
func (t *Tree) submodule(at string, commit plumbing.Hash) (*Tree, error) {
	s := t.submodules
	s.mu.Lock()
	known := s.known[commit]
	s.mu.Unlock()
	if known != nil {
		return known, nil
	}
	if s.depth == maxDepth {
		return nil, fmt.Errorf("submodule %s: more than %d submodules stand within each other: %w", at, maxDepth,
			fs.ErrInvalid)
	}
	url, err := t.submoduleURL(at)
	if err != nil {
		return nil, fmt.Errorf("submodule %s: %w", at, err)
	}
	tree, err := s.open(url, commit.String())
	if err != nil {
		return nil, fmt.Errorf("submodule %s: %w", at, err)
	}
	tree = tree.within(&submodules{url: url, depth: s.depth + 1, open: s.open})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[commit] = tree
	return tree, nil
}

// submoduleURL finds a submodule's repository in .gitmodules. A link in its place is not followed: git does not either.
func (t *Tree) submoduleURL(at string) (string, error) {
	const file = ".gitmodules"
	if info, err := t.Lstat(file); err != nil || !info.Mode().IsRegular() {
		return "", fmt.Errorf("the commit has no %s that says where it is: commit one: %w", file, orInvalid(err))
	}
	text, err := t.ReadFile(file)
	if err != nil {
		return "", err
	}
	modules := config.NewModules()
	if err := modules.Unmarshal(text); err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", file, fs.ErrInvalid)
	}
	for _, m := range modules.Submodules {
		if m.Path == at && m.Validate() == nil {
			return resolveURL(t.submodules.url, m.URL)
		}
	}
	return "", fmt.Errorf("%s does not say where it is: add its path and url: %w", file, fs.ErrInvalid)
}

// orInvalid is the error, unless there is none or it says that nothing is there: then it is the commit's mistake.
func orInvalid(err error) error {
	if err == nil || isAbsence(err) {
		return fs.ErrInvalid
	}
	return err
}

// resolveURL is where a submodule's URL leads, as git has it: one that begins with ./ or ../ is relative to the
// parent's. No credentials come from a commit, where everybody reads them and whoever writes it chooses whose they are:
// a password is refused, and a user is for ssh alone.
func resolveURL(parent, url string) (string, error) {
	from, _, err := remote.ParseAddress(parent, remote.Auth{})
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(url, "./") || strings.HasPrefix(url, "../") {
		if from.Path = path.Join(from.Path, url); from.Path == "/" || from.Path == "." {
			return "", fmt.Errorf("its URL leads above the server's root: %w", fs.ErrInvalid)
		}
		return from.String(), nil
	}
	to, inURL, err := remote.ParseAddress(url, remote.Auth{})
	switch {
	case err != nil:
		return "", fmt.Errorf("its URL in .gitmodules: %w: %w", err, fs.ErrInvalid)
	case to.Scheme == "file" && from.Scheme != "file":
		return "", fmt.Errorf("its URL in .gitmodules is a path of this machine, and is not read: %w", fs.ErrInvalid)
	case inURL.Password != "":
		return "", fmt.Errorf("its URL in .gitmodules has a password in it, which belongs into no commit: remove it: "+
			"%w", fs.ErrInvalid)
	case to.Scheme == "http" || to.Scheme == "https":
		return to.String(), nil
	}
	return url, nil
}
