package gitsource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/daemongate/daemongate/gitsource/remote"
	"github.com/daemongate/daemongate/gitsource/treefs"
)

// Local is a repository of this machine that the git program reads where it is. Nothing is mirrored, so a clone that is
// partial or shallow will do, as long as it holds the files of the commit that is asked for. Nothing is fetched for it.
type Local struct {
	// Root is the folder of the work tree, or of a bare repository.
	Root string
	// Prefix is where the given folder is in the work tree, as io/fs writes paths; "." for its root.
	Prefix string

	files   *catFile
	maxFile int64
}

// FindLocal returns the root of the work tree that a folder belongs to, or the folder itself if it is a bare
// repository; "" if it is neither.
func FindLocal(folder string) string {
	at, err := realPath(folder)
	if err != nil {
		return ""
	}
	if info, err := os.Stat(at); err != nil || !info.IsDir() {
		return ""
	}
	if isBare(at) {
		return at
	}
	for {
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		parent := filepath.Dir(at)
		if parent == at {
			return ""
		}
		at = parent
	}
}

// realPath is a folder's path from the root, links followed: one may lead into a work tree.
func realPath(folder string) (string, error) {
	at, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(at)
}

func isBare(folder string) bool {
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			return false
		}
	}
	return true
}

// OpenLocal opens the repository that a folder belongs to. Close it when its trees are read.
func OpenLocal(folder string, o Options) (*Local, error) {
	root := FindLocal(folder)
	if root == "" {
		return nil, fmt.Errorf("%s: is in no Git repository", folder)
	}
	if _, err := exec.LookPath("git"); err != nil {
		return nil, fmt.Errorf("%s: %w", root, remote.ErrNoGit)
	}
	prefix, err := prefixIn(root, folder)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	return &Local{Root: root, Prefix: prefix, files: &catFile{root: root}, maxFile: o.withDefaults().MaxFile}, nil
}

// prefixIn is where a folder is below a root.
func prefixIn(root, folder string) (string, error) {
	at, err := realPath(folder)
	if err != nil {
		return "", err
	}
	prefix, err := filepath.Rel(root, at)
	if err != nil {
		return "", err
	}
	return filepath.ToSlash(prefix), nil
}

// Close ends the git program that reads.
func (l *Local) Close() { l.files.close() }

// String is the repository's folder.
func (l *Local) String() string { return l.Root }

// Resolve finds the commit that a revision names, in any of git's ways to name one: a branch, a tag, a hash or its
// first digits, HEAD~1. A name that begins with a dash is no revision.
func (l *Local) Resolve(ctx context.Context, revision string) (string, error) {
	if strings.HasPrefix(revision, "-") {
		return "", fmt.Errorf("%s: %q names no commit", l, revision)
	}
	out, said, err := l.run(ctx, "rev-parse", "--verify", "--quiet", revision+"^{commit}")
	hash := strings.TrimSpace(out)
	switch {
	case err != nil:
		return "", l.unresolved(ctx, revision, said)
	case len(hash) == 64:
		return "", fmt.Errorf("%s: has commits with SHA-256 names, which are not supported", l)
	}
	return hash, nil
}

// unresolved says why a revision leads to no commit.
func (l *Local) unresolved(ctx context.Context, revision, said string) error {
	if said != "" { // such as an ambiguous hash, or a folder of another user
		return fmt.Errorf("%s: %s: %s", l, revision, said)
	}
	if shallow, _, _ := l.run(ctx, "rev-parse", "--is-shallow-repository"); strings.TrimSpace(shallow) == "true" {
		return fmt.Errorf("%s: %s names no commit of this clone, which is shallow: bring older ones with `git -C %s "+
			"fetch --deepen=N`", l, revision, l)
	}
	refs, _, _ := l.run(ctx, "for-each-ref", "--count=6", "--format=%(refname:short)", "refs/heads", "refs/tags")
	if refs != "" {
		return fmt.Errorf("%s: %s does not exist, or names no commit: there is %s", l, revision,
			strings.Join(strings.Fields(refs), ", "))
	}
	if revision == "HEAD" {
		return fmt.Errorf("%s: has no commit on its branch yet: commit what shall be read", l)
	}
	return fmt.Errorf("%s: %s does not exist, or names no commit", l, revision)
}

// Commit describes a commit.
func (l *Local) Commit(ctx context.Context, hash string) (Commit, error) {
	c, err := l.commit(ctx, hash)
	if err != nil {
		return Commit{}, err
	}
	return c.summary(), nil
}

func (l *Local) commit(ctx context.Context, hash string) (*commit, error) {
	h, err := parseHash(hash)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l, err)
	}
	content, err := l.objects(ctx, hash).Content(plumbing.CommitObject, h, maxObject)
	if err != nil {
		return nil, fmt.Errorf("%s: commit %s: %w", l, hash, err)
	}
	return decodeCommit(h, content)
}

// Newest returns a commit and its first-parent ancestors, newest first, most of them at most. A shallow clone has
// fewer.
func (l *Local) Newest(ctx context.Context, from string, most int) ([]Commit, error) {
	out, said, err := l.run(ctx, "rev-list", "--first-parent", fmt.Sprint("--max-count=", most), from, "--")
	if err != nil {
		return nil, fmt.Errorf("%s: history of %s: %s: %w", l, from, said, err)
	}
	var line []Commit
	for _, hash := range strings.Fields(out) {
		c, err := l.Commit(ctx, hash)
		if err != nil {
			return nil, err
		}
		line = append(line, c)
	}
	return line, nil
}

// Tree returns the files of a commit.
func (l *Local) Tree(ctx context.Context, hash string) (*Tree, error) {
	c, err := l.commit(ctx, hash)
	if err != nil {
		return nil, err
	}
	t, err := treefs.Open(l.objects(ctx, hash), treefs.NewFolders(),
		treefs.Root{Folder: c.tree, Time: c.time, MaxFile: l.maxFile})
	if err != nil {
		return nil, fmt.Errorf("%s: commit %s: %w", l, hash, err)
	}
	return t, nil
}

func (l *Local) objects(ctx context.Context, commit string) localObjects {
	return localObjects{ctx: ctx, local: l, commit: commit}
}

// localObjects are the objects of one commit of a Local.
type localObjects struct {
	ctx    context.Context
	local  *Local
	commit string
}

// Content reads an object of the commit.
func (o localObjects) Content(kind plumbing.ObjectType, h plumbing.Hash, limit int64) ([]byte, error) {
	content, _, err := o.local.files.read(kind, h, limit)
	return content, o.explained(h, err)
}

// Size is the size of a file of the commit.
func (o localObjects) Size(h plumbing.Hash) (int64, error) {
	_, size, err := o.local.files.read(plumbing.BlobObject, h, 0)
	var large *tooLargeError
	if errors.As(err, &large) {
		return size, nil
	}
	return size, o.explained(h, err)
}

// explained says of an object that is not there whether the clone was made without it, and what brings it.
func (o localObjects) explained(h plumbing.Hash, err error) error {
	if !errors.Is(err, errAbsent) {
		return err
	}
	l := o.local
	const partial = `^(remote\..*\.promisor|extensions\.partialclone)$`
	if promisors, _, _ := l.run(o.ctx, "config", "--get-regexp", partial); promisors != "" {
		return fmt.Errorf("its object %s is not here: %s is a partial clone (--filter) that has not fetched all of "+
			"commit %s; fetch the rest with `git -C %s fetch --refetch --no-filter`, or check that commit out",
			short(h), l, o.commit[:10], l)
	}
	return fmt.Errorf("its object %s is not here: %s is damaged, see `git -C %s fsck`: %w", short(h), l, l,
		fs.ErrInvalid)
}

// run has the git program say something. What it says of an error comes in one line.
func (l *Local) run(ctx context.Context, args ...string) (out, said string, err error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", l.Root}, args...)...)
	cmd.Env = localEnv()
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), treefs.Printable(strings.Join(strings.Fields(stderr.String()), " ")), err
}

// localEnv is the environment of the git program. It fetches nothing that a partial clone lacks, with which it would
// run whatever the clone's configuration names, and no replacement takes an object's place.
func localEnv() []string {
	return append(remote.CleanEnv(os.Environ()), "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none",
		"GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C")
}
