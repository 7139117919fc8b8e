package gitsource

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/daemongate/daemongate/gitsource/treefs"
)

// maxObject bounds commits, tags and folders, in bytes; no repository that works has larger ones.
const maxObject = treefs.MaxFolder

// whole checks that what a tip leads to is there: its commit, every folder readable, every file present. Folders in done
// are taken for whole, and those that were found to be are added, and so are files. go-git itself never looks: it calls a
// fetch that brought nothing a success.
func (o *objects) whole(ctx context.Context, tip plumbing.Hash, done map[plumbing.Hash]bool) error {
	return o.alone(func(r *reader) error {
		commit, err := r.peel(tip)
		if isNoCommit(err) {
			return nil // so it was tagged: fetching it again would not help, and whoever reads it is told
		}
		if err != nil {
			return err
		}
		c, err := r.commit(commit)
		if err != nil {
			return err
		}
		return r.wholeFolder(ctx, c.tree, done)
	})
}

func (r *reader) wholeFolder(ctx context.Context, root plumbing.Hash, done map[plumbing.Hash]bool) error {
	for queue := []plumbing.Hash{root}; len(queue) > 0; {
		h := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if done[h] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		entries, err := r.entries(h)
		if errors.Is(err, object.ErrMalformedTree) {
			continue // so it was committed: reading it is an error, fetching it again would not help
		}
		if err != nil {
			return fmt.Errorf("folder %s: %w", short(h), err)
		}
		done[h] = true
		for _, e := range entries {
			switch {
			case e.Mode == filemode.Dir:
				queue = append(queue, e.Hash)
			case e.Mode == filemode.Submodule, done[e.Hash]:
			default:
				if err := r.has(e.Hash); err != nil {
					return fmt.Errorf("file %q %s: %w", e.Name, short(e.Hash), err)
				}
				done[e.Hash] = true
			}
		}
	}
	return nil
}

// entries reads a folder as it was committed.
func (r *reader) entries(h plumbing.Hash) ([]object.TreeEntry, error) {
	_, content, err := r.content(plumbing.TreeObject, h, maxObject)
	if err != nil {
		return nil, err
	}
	return treefs.Entries(content)
}

func inMemory(t plumbing.ObjectType, content []byte) *plumbing.MemoryObject {
	o := &plumbing.MemoryObject{}
	o.SetType(t)
	_ = write(o, content) // memory takes everything
	return o
}

// knows is true if all tips were seen to be whole before.
func (m *mirror) knows(tips []tip) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range tips {
		if !m.known[t.hash] {
			return false
		}
	}
	return true
}

func (m *mirror) know(tips []tip) {
	m.mu.Lock()
	defer m.mu.Unlock()
	const most = 10_000 // tips; forgetting costs a look
	if len(m.known) > most {
		m.known = map[plumbing.Hash]bool{}
	}
	for _, t := range tips {
		m.known[t.hash] = true
	}
}

// forget has everything looked at again.
func (m *mirror) forget() {
	m.checking.Lock()
	m.done = map[plumbing.Hash]bool{}
	m.checking.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known = map[plumbing.Hash]bool{}
}

// holds is true if the commit is in the mirror, whole.
func (m *mirror) holds(commit plumbing.Hash) bool {
	tips := []tip{{hash: commit}}
	if m.suspect.Load() {
		return false
	}
	lacking, err := m.lacking(context.Background(), tips)
	return err == nil && len(lacking) == 0
}

// lacking returns the tips that are not whole.
func (m *mirror) lacking(ctx context.Context, tips []tip) ([]tip, error) {
	m.checking.Lock()
	defer m.checking.Unlock()
	const most = 500_000 // objects, some 20 MB
	if len(m.done) > most {
		m.done = map[plumbing.Hash]bool{}
	}
	var lacking []tip
	for _, t := range tips {
		if m.knows([]tip{t}) {
			continue
		}
		if err := m.objects.whole(ctx, t.hash, m.done); err != nil {
			lacking = append(lacking, t)
			continue
		}
		m.know([]tip{t})
	}
	return lacking, ctx.Err()
}
