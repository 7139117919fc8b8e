package gitsource

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/daemongate/daemongate/gitsource/remote"
)

// Repository is a mirrored repository. It is safe for concurrent use.
type Repository struct {
	ctx     context.Context // the store's
	options Options
	address remote.Address
	auth    credentials
	mirror  *mirror
	sweep   func()       // the store's
	touched atomic.Int64 // when the mirror was last marked as in use, in seconds

	mu     sync.Mutex
	flying bool    // somebody polls
	next   *flight // who waits for the next poll
	latest advertised
	tags   map[Ref]tip // where each tag, or version range, was found last
	beside []string    // prefixes of refs that are asked for with each poll
}

func newRepository(ctx context.Context, at remote.Address, home string, o Options) *Repository {
	return &Repository{ctx: ctx, options: o, address: at, mirror: newMirror(home, o)}
}

// String is the repository's address, without credentials.
func (r *Repository) String() string { return r.address.String() }

func (r *Repository) close() {
	r.auth.close()
	r.mirror.objects.close()
}

// Head asks the server where the ref is, and returns the full hash of the commit there. That costs one ref
// advertisement; objects are fetched only if the commit is not in the mirror yet. The answer is never older than the
// call; callers that come at the same time share one poll.
//
// Errors say what to do, hold no credentials and come in bounded time. A full commit that the mirror has costs nothing.
func (r *Repository) Head(ctx context.Context, ref Ref) (string, error) {
	if err := ref.check(); err != nil {
		return "", fmt.Errorf("%s: %w", r, Mistake(err))
	}
	if ref.Commit != "" && r.mirror.holds(plumbing.NewHash(ref.Commit)) {
		return ref.Commit, nil
	}
	r.touch()
	f := r.board(ref)
	select {
	case <-f.landed:
		a := f.answers[ref]
		return a.commit, a.err
	case <-ctx.Done():
		return "", fmt.Errorf("%s: gave up waiting for the server: %w", r, context.Cause(ctx))
	}
}

// Commit returns a commit of the mirror.
func (r *Repository) Commit(hash string) (Commit, error) {
	h, err := parseHash(hash)
	if err != nil {
		return Commit{}, fmt.Errorf("%s: %w", r, err)
	}
	c, err := r.mirror.commit(h)
	if err != nil {
		return Commit{}, fmt.Errorf("%s: %w", r, err)
	}
	return c.summary(), nil
}

// Tree returns the files of a commit of the mirror. Nothing is checked out.
func (r *Repository) Tree(ctx context.Context, commit string) (*Tree, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", r, err)
	}
	r.touch()
	tree, err := r.mirror.tree(commit, r.options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r, err)
	}
	return tree, nil
}

// Keep keeps a commit and its files in the mirror under a name, also if the server drops it. An empty commit lets go.
func (r *Repository) Keep(name, commit string) error {
	var h plumbing.Hash
	if commit != "" {
		var err error
		if h, err = parseHash(commit); err != nil {
			return fmt.Errorf("%s: %w", r, err)
		}
	}
	if err := r.mirror.keep(r.ctx, name, h); err != nil {
		return fmt.Errorf("%s: keep %s: %w", r, name, err)
	}
	return nil
}

func parseHash(text string) (plumbing.Hash, error) {
	if !fullHash.MatchString(text) {
		return plumbing.ZeroHash, fmt.Errorf("commit %q is not a full hash of 40 hexadecimal digits", text)
	}
	return plumbing.NewHash(text), nil
}

// ErrAbsent is the error of a commit, or of a file of it, that the mirror does not have.
var ErrAbsent = errAbsent

var errClosed = errors.New("the store of mirrors was closed")
