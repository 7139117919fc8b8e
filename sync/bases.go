package sync

import (
	"context"
	"errors"
	gosync "sync"
	"time"

	"github.com/daemongate/daemongate/gitsource"
)

// basePatience is how long preparing a commit waits for a remote base. What takes longer goes on in the background: a
// server that hangs keeps nobody from judging what runs.
const basePatience = 2 * time.Second

var errBaseUnderWay = errors.New("is being fetched")

// bases are the remote bases that a Sync's commits stand on, while they are fetched.
type bases struct {
	mu       gosync.Mutex
	underWay map[string]*bringing // by URL and commit
}

// bringing is one fetch. What it brought is written before done is closed.
type bringing struct {
	done chan struct{}
	tree *gitsource.Tree
	err  error
}

// open returns the tree of a commit of another repository, fetched through a mirror of its own.
func (b *bases) open(ctx context.Context, background func(func()), fetch func() (*gitsource.Tree, error), key string) (*gitsource.Tree, error) {
	f := b.join(key, background, fetch)
	patience := time.NewTimer(basePatience)
	defer patience.Stop()
	select {
	case <-f.done:
		b.leave(key, f)
		if f.err != nil {
			return nil, f.err
		}
		return f.tree, nil
	case <-patience.C:
		return nil, errBaseUnderWay
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// join returns the fetch that is under way, or begins one.
func (b *bases) join(key string, background func(func()), fetch func() (*gitsource.Tree, error)) *bringing {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f, ok := b.underWay[key]; ok {
		return f
	}
	f := &bringing{done: make(chan struct{})}
	if b.underWay == nil {
		b.underWay = map[string]*bringing{}
	}
	b.underWay[key] = f
	background(func() {
		defer close(f.done)
		f.tree, f.err = fetch()
	})
	return f
}

// leave forgets a fetch that has ended and was seen: the next one looks again.
func (b *bases) leave(key string, f *bringing) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.underWay[key] == f {
		delete(b.underWay, key)
	}
}

// tree returns a commit's files, with those of its submodules if they are asked for. A submodule is a base like any other.
func (c *Controller) tree(ctx context.Context, l *lane, commit string) (*gitsource.Tree, error) {
	tree, err := l.repo.Tree(ctx, commit)
	if err != nil || !l.sync.Spec.Source.Submodules {
		return tree, err
	}
	return tree.WithSubmodules(l.sync.Spec.Source.URL, func(url, commit string) (*gitsource.Tree, error) {
		fetch := func() (*gitsource.Tree, error) { return c.fetchBase(l, url, commit) }
		return l.bases.open(ctx, l.background.Go, fetch, url+" "+commit)
	}), nil
}

// fetchBase brings a commit of another repository into its mirror.
func (c *Controller) fetchBase(l *lane, url, commit string) (*gitsource.Tree, error) {
	ctx, cancel := context.WithTimeout(l.life, pollTimeout)
	defer cancel()
	repository, err := c.Connect.Base(ctx, l.sync, url)
	if err != nil {
		return nil, err
	}
	if _, err := repository.HeadWithin(ctx, gitsource.Ref{Commit: commit}, 0); err != nil {
		return nil, err
	}
	return repository.Tree(ctx, commit)
}
