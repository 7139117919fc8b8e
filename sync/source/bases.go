package source

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
	underWay map[string]*baseFetch // by URL and commit
}

// baseFetch is one fetch of a base. What it fetched is written before done is closed.
type baseFetch struct {
	done chan struct{}
	tree *gitsource.Tree
	err  error
}

// open returns the tree of a commit of another repository, fetched through a mirror of its own.
func (b *bases) open(ctx context.Context, background func(func()), fetch func() (*gitsource.Tree, error), key string,
) (*gitsource.Tree, error) {
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
func (b *bases) join(key string, background func(func()), fetch func() (*gitsource.Tree, error)) *baseFetch {
	b.mu.Lock()
	defer b.mu.Unlock()
	if f, ok := b.underWay[key]; ok {
		return f
	}
	f := &baseFetch{done: make(chan struct{})}
	if b.underWay == nil {
		b.underWay = map[string]*baseFetch{}
	}
	b.underWay[key] = f
	background(func() {
		defer close(f.done)
		f.tree, f.err = fetch()
	})
	return f
}

// leave forgets a fetch that has ended and was seen: the next one looks again.
func (b *bases) leave(key string, f *baseFetch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.underWay[key] == f {
		delete(b.underWay, key)
	}
}
