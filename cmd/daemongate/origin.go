package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/daemongate/daemongate/gitsource"
)

// origin is where files come from: a commit of a repository, or a folder as it is.
type origin struct {
	location    string // URL or folder
	ref, commit string // at most one; without both, HEAD
	cache       string // folder for mirrors
}

// opened is the files of an origin.
type opened struct {
	files fs.FS
	// what says which commit of which repository it is, without credentials; empty for a folder as it is.
	what  string
	close func()
}

func (from *origin) open(ctx context.Context) (opened, error) {
	if !isPlainFolder(from.location) {
		return from.openCommit(ctx)
	}
	if from.ref != "" || from.commit != "" {
		return opened{}, fmt.Errorf("%s: is a folder and no Git repository, it has no commits to choose from", from.location)
	}
	root, err := os.OpenRoot(from.location)
	if err != nil {
		return opened{}, err
	}
	return opened{files: root.FS(), close: func() { _ = root.Close() }}, nil
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
	repository, err := store.Repository(from.location, gitsource.Auth{})
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
	return opened{files: tree, what: fmt.Sprintf("commit %s of %s: %s", hash, repository, commit.Subject)}, err
}

// head finds the commit that is asked for. A short name is a branch, or else a tag.
func (from *origin) head(ctx context.Context, repository *gitsource.Repository) (string, error) {
	switch {
	case from.commit != "":
		return repository.Head(ctx, gitsource.Ref{Commit: from.commit})
	case from.ref == "":
		return repository.Head(ctx, gitsource.Ref{Name: "HEAD"})
	case strings.HasPrefix(from.ref, "refs/"):
		return repository.Head(ctx, gitsource.Ref{Name: from.ref})
	}
	hash, err := repository.Head(ctx, gitsource.Ref{Branch: from.ref})
	if err == nil || ctx.Err() != nil {
		return hash, err
	}
	hash, noTag := repository.Head(ctx, gitsource.Ref{Tag: from.ref})
	if noTag != nil {
		return "", errors.Join(err, noTag)
	}
	return hash, nil
}

// isPlainFolder reports whether a location is a folder that is neither a work tree's root nor a bare repository.
func isPlainFolder(location string) bool {
	if info, err := os.Stat(location); err != nil || !info.IsDir() {
		return false
	}
	if _, err := os.Stat(filepath.Join(location, ".git")); err == nil {
		return false
	}
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Stat(filepath.Join(location, name)); err != nil {
			return true
		}
	}
	return false
}
