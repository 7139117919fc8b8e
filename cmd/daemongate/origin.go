package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// origin is where files come from: a commit of a repository, or a folder as it is.
type origin struct {
	location    string // URL or folder
	ref, commit string // at most one; without both, HEAD
	worktree    bool   // the files of a work tree as they are
	access      access // to a repository elsewhere
	cache       string // folder for mirrors
}

// opened is the files of an origin.
type opened struct {
	files fs.FS
	// below is the folder of files that the location names; "." for all of them.
	below string
	// what says which commit of which repository it is, without credentials; empty for a folder as it is.
	what  string
	close func()
}

// check refuses flags that contradict each other.
func (from *origin) check() error {
	if from.ref != "" && from.commit != "" {
		return errors.New("--ref and --commit: give one of them")
	}
	if from.worktree && (from.ref != "" || from.commit != "") {
		return errors.New("--worktree reads what is not committed: give it without --ref and --commit")
	}
	return nil
}

func (from *origin) open(ctx context.Context) (opened, error) {
	folder, isFolder := localFolder(from.location)
	switch {
	case !isFolder && from.worktree:
		return opened{}, fmt.Errorf("--worktree: %s is no folder of this machine",
			remote.WithoutPassword(from.location))
	case !isFolder:
		return from.openCommit(ctx)
	case gitsource.FindLocal(folder) == "":
		return from.openFolder(folder)
	}
	return from.openLocal(ctx, folder)
}

// localFolder returns the folder of this machine that a location names.
func localFolder(location string) (folder string, ok bool) {
	folder = strings.TrimPrefix(strings.TrimPrefix(location, "file://localhost"), "file://")
	info, err := os.Stat(folder)
	return folder, err == nil && info.IsDir()
}

// openFolder opens a folder as it is.
func (from *origin) openFolder(folder string) (opened, error) {
	if from.ref != "" || from.commit != "" {
		return opened{}, fmt.Errorf("%s: is a folder and no Git repository, it has no commits to choose from", folder)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return opened{}, err
	}
	return opened{files: root.FS(), below: ".", close: func() { _ = root.Close() }}, nil
}

// openLocal opens a repository of this machine, or a folder of its work tree.
func (from *origin) openLocal(ctx context.Context, folder string) (opened, error) {
	repository, err := gitsource.OpenLocal(folder, gitsource.Options{})
	if err != nil {
		return opened{}, err
	}
	o, err := from.choose(ctx, repository)
	if err != nil {
		repository.Close()
		return opened{}, err
	}
	if o.close == nil {
		o.close = repository.Close
	}
	o.below = repository.Prefix
	return o, nil
}

func (from *origin) choose(ctx context.Context, repository *gitsource.Local) (opened, error) {
	if from.worktree {
		return from.openFolder(repository.Root)
	}
	revision := "HEAD"
	switch {
	case from.commit != "":
		revision = from.commit
	case from.ref != "":
		revision = from.ref
	}
	hash, err := repository.Resolve(ctx, revision)
	if err != nil {
		return opened{}, err
	}
	commit, err := repository.Commit(ctx, hash)
	if err != nil {
		return opened{}, err
	}
	tree, err := repository.Tree(ctx, hash)
	if err != nil {
		return opened{}, err
	}
	if _, err := tree.Stat(repository.Prefix); errors.Is(err, fs.ErrNotExist) {
		return opened{}, fmt.Errorf("%s: is not in commit %s of %s: commit it, or read the work tree as it is with "+
			"--worktree", repository.Prefix, hash, repository)
	}
	return opened{files: tree, what: fmt.Sprintf("commit %s of %s: %s", hash, repository, commit.Subject)}, nil
}

// in is where a path is that is given relative to the location.
func (o opened) in(folder string) string {
	if o.below == "." || o.below == "" {
		return folder
	}
	return path.Join(o.below, folder)
}

// store is where repositories are mirrored.
func (from *origin) store() *gitsource.Store {
	return gitsource.Open(filepath.Join(from.cache, "mirrors"), gitsource.Options{})
}

func (from *origin) openCommit(ctx context.Context) (opened, error) {
	store := from.store()
	o, err := from.fetch(ctx, store)
	if err != nil {
		store.Close()
		return opened{}, err
	}
	o.close = store.Close
	return o, nil
}

func (from *origin) fetch(ctx context.Context, store *gitsource.Store) (opened, error) {
	auth, err := from.access.auth(from.location)
	if err != nil {
		return opened{}, err
	}
	repository, err := store.Repository(from.location, auth)
	if err != nil {
		return opened{}, err
	}
	hash, err := from.head(ctx, repository)
	if err != nil {
		return opened{}, err
	}
	commit, err := repository.Commit(hash)
	if err != nil {
		return opened{}, err
	}
	tree, err := repository.Tree(ctx, hash)
	return opened{files: tree, below: ".", what: fmt.Sprintf("commit %s of %s: %s", hash, repository, commit.Subject)},
		err
}

// head finds the commit that is asked for.
func (from *origin) head(ctx context.Context, repository *gitsource.Repository) (string, error) {
	switch {
	case from.commit != "":
		return repository.Resolve(ctx, from.commit)
	case from.ref != "":
		return repository.Resolve(ctx, from.ref)
	}
	return repository.Head(ctx, gitsource.Ref{Name: "HEAD"})
}
