package gitsource

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/daemongate/daemongate/gitsource/treefs"
)

// maxObject bounds commits, tags and folders, in bytes; no repository that works has larger ones.
const maxObject = treefs.MaxFolder

// checkConnected checks that what a tip leads to is there: its commit, every folder readable, every file present.
// Folders in done are taken for complete, and those that were found to be are added, and so are files. go-git itself
// never looks: it calls a fetch that got nothing a success.
func (o *objects) checkConnected(ctx context.Context, tip plumbing.Hash, done map[plumbing.Hash]bool) error {
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
		return r.checkFolder(ctx, c.tree, done)
	})
}

func (r *reader) checkFolder(ctx context.Context, root plumbing.Hash, done map[plumbing.Hash]bool) error {
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

// provenTips are the tips of a mirror that were seen to be complete since the process began.
type provenTips struct {
	objects *objects

	// done are the folders and files that were seen to be complete: most of a commit's are those of the one before.
	done     map[plumbing.Hash]bool
	checking sync.Mutex // of done

	mu   sync.Mutex // of tips
	tips map[plumbing.Hash]bool
	// commits are those that tips stand for, as far as somebody has asked: who asks again has nothing read for it.
	commits map[plumbing.Hash]plumbing.Hash
}

func newProvenTips(of *objects) *provenTips {
	return &provenTips{objects: of, done: map[plumbing.Hash]bool{}, tips: map[plumbing.Hash]bool{},
		commits: map[plumbing.Hash]plumbing.Hash{}}
}

// has is true if all tips were seen to be complete before.
func (p *provenTips) has(tips []tip) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range tips {
		if !p.tips[t.hash] {
			return false
		}
	}
	return true
}

func (p *provenTips) add(tips []tip) {
	p.mu.Lock()
	defer p.mu.Unlock()
	const most = 10_000 // tips; forgetting costs a look
	if len(p.tips) > most {
		p.tips, p.commits = map[plumbing.Hash]bool{}, map[plumbing.Hash]plumbing.Hash{}
	}
	for _, t := range tips {
		p.tips[t.hash] = true
	}
}

// commit is the commit that a tip stands for, if the tip was seen to be complete and the commit was noted since.
func (p *provenTips) commit(of plumbing.Hash) (commit plumbing.Hash, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	commit, known = p.commits[of]
	return commit, known && p.tips[of]
}

// note has it known which commit a tip stands for.
func (p *provenTips) note(of, commit plumbing.Hash) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tips[of] {
		p.commits[of] = commit
	}
}

// forget has everything looked at again.
func (p *provenTips) forget() {
	p.checking.Lock()
	p.done = map[plumbing.Hash]bool{}
	p.checking.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tips, p.commits = map[plumbing.Hash]bool{}, map[plumbing.Hash]plumbing.Hash{}
}

// missing returns the tips that are not complete.
func (p *provenTips) missing(ctx context.Context, tips []tip) ([]tip, error) {
	p.checking.Lock()
	defer p.checking.Unlock()
	const most = 500_000 // objects, some 20 MB
	if len(p.done) > most {
		p.done = map[plumbing.Hash]bool{}
	}
	var missing []tip
	for _, t := range tips {
		if p.has([]tip{t}) {
			continue
		}
		if err := p.objects.checkConnected(ctx, t.hash, p.done); err != nil {
			missing = append(missing, t)
			continue
		}
		p.add([]tip{t})
	}
	return missing, ctx.Err()
}
