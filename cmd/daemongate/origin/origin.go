// Package origin opens and renders what somebody names on a command line: a commit, or a folder as it is.
package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/daemongate/daemongate/gitsource"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// Origin is where files come from: a commit of a repository, or a folder as it is.
type Origin struct {
	Location string // URL or folder
	// Ref and Commit choose the commit: at most one of them, without both it is HEAD.
	Ref, Commit string
	Worktree    bool      // the files of a work tree as they are
	Stdin       io.Reader // for a token
	access      access    // to a repository elsewhere
	cache       string    // folder for mirrors
}

// Flags adds the flags that choose a commit and say how its repository is reached.
func (from *Origin) Flags(f *pflag.FlagSet) {
	from.LineFlags(f)
	f.StringVar(&from.Commit, "commit", "", "hash of a commit, its first digits, or steps back such as HEAD~1")
	f.BoolVar(&from.Worktree, "worktree", false, "of a local repository the work tree as it is, with what is "+
		"not committed")
}

// CacheDir is where the mirrors of repositories are, unless a flag says otherwise. All of it can be deleted.
func CacheDir() string {
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "daemongate")
	}
	return filepath.Join(os.TempDir(), "daemongate")
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

// Check refuses flags that contradict each other.
func (from *Origin) Check() error {
	if from.Ref != "" && from.Commit != "" {
		return errors.New("--ref and --commit: give one of them")
	}
	if from.Worktree && (from.Ref != "" || from.Commit != "") {
		return errors.New("--worktree reads what is not committed: give it without --ref and --commit")
	}
	return nil
}

func (from *Origin) open(ctx context.Context) (opened, error) {
	folder, isFolder := localFolder(from.Location)
	switch {
	case !isFolder && from.Worktree:
		return opened{}, fmt.Errorf("--worktree: %s is no folder of this machine",
			remote.WithoutPassword(from.Location))
	case !isFolder:
		return from.openCommit(ctx)
	case gitsource.FindLocal(folder) == "":
		return from.openFolder(folder)
	}
	return from.openLocal(ctx, folder)
}

// IsRepository tells a URL or a folder from a Sync's name, in which there is neither a slash nor a colon.
func IsRepository(arg string) bool {
	info, err := os.Stat(arg)
	return strings.ContainsAny(arg, "/:") || err == nil && info.IsDir()
}

// Take reads what is named on the command line: a folder or a URL; a branch or a commit where the repository is known
// from elsewhere; otherwise a Sync, whose name is returned.
func (from *Origin) Take(arg string, known bool) (sync string, err error) {
	_, isFolder := localFolder(arg)
	switch {
	case isFolder || strings.Contains(arg, ":"):
		from.Location = arg
	case known && (from.Ref != "" || from.Commit != ""):
		return "", fmt.Errorf("%s: names a commit, and so do --ref and --commit: give one of them", arg)
	case known:
		from.Ref = arg
	case IsRepository(arg):
		from.Location = arg
	default:
		sync = arg
	}
	return sync, nil
}

// localFolder returns the folder of this machine that a location names.
func localFolder(location string) (folder string, ok bool) {
	folder = strings.TrimPrefix(strings.TrimPrefix(location, "file://localhost"), "file://")
	info, err := os.Stat(folder)
	return folder, err == nil && info.IsDir()
}

// IsRoot reports whether the location is a whole repository, and not a folder of one.
func (from *Origin) IsRoot() bool {
	folder, isFolder := localFolder(from.Location)
	if !isFolder {
		return true
	}
	repository, err := gitsource.OpenLocal(folder, gitsource.Options{})
	if err != nil {
		return false
	}
	defer repository.Close()
	return repository.Prefix == "." || repository.Prefix == ""
}

// openFolder opens a folder as it is.
func (from *Origin) openFolder(folder string) (opened, error) {
	if from.Ref != "" || from.Commit != "" {
		return opened{}, fmt.Errorf("%s: is a folder and no Git repository, it has no commits to choose from", folder)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return opened{}, err
	}
	return opened{files: root.FS(), below: ".", close: func() { _ = root.Close() }}, nil
}

// openLocal opens a repository of this machine, or a folder of its work tree.
func (from *Origin) openLocal(ctx context.Context, folder string) (opened, error) {
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

func (from *Origin) choose(ctx context.Context, repository *gitsource.Local) (opened, error) {
	if from.Worktree {
		return from.openFolder(repository.Root)
	}
	revision := "HEAD"
	switch {
	case from.Commit != "":
		revision = from.Commit
	case from.Ref != "":
		revision = from.Ref
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
func (from *Origin) store() *gitsource.Store {
	return gitsource.Open(filepath.Join(from.cache, "mirrors"), gitsource.Options{})
}

func (from *Origin) openCommit(ctx context.Context) (opened, error) {
	store := from.store()
	o, err := from.fetch(ctx, store)
	if err != nil {
		store.Close()
		return opened{}, err
	}
	o.close = store.Close
	return o, nil
}

func (from *Origin) fetch(ctx context.Context, store *gitsource.Store) (opened, error) {
	auth, err := from.auth(from.Location)
	if err != nil {
		return opened{}, err
	}
	repository, err := store.Repository(from.Location, auth)
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
func (from *Origin) head(ctx context.Context, repository *gitsource.Repository) (string, error) {
	switch {
	case from.Commit != "":
		return repository.Resolve(ctx, from.Commit)
	case from.Ref != "":
		return repository.Resolve(ctx, from.Ref)
	}
	return repository.Head(ctx, gitsource.Ref{Name: "HEAD"})
}
