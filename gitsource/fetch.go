package gitsource

import (
	"errors"
	"io"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/daemongate/daemongate/gitsource/pack"
)

// fetchPack asks for the tips, and for all branches if the server does not hand out a commit by its name.
func (u *update) fetchPack(dir string, tips []tip, haves []plumbing.Hash) error {
	c, err := u.server.conversation()
	if err != nil {
		return err
	}
	offered := map[plumbing.Hash]bool{}
	for _, h := range c.Refs {
		offered[h] = true
	}
	wants := map[plumbing.Hash]bool{}
	for _, t := range tips {
		switch {
		case offered[t.hash] || c.AnyCommit():
			wants[t.hash] = true
		case t.name == "":
			for _, h := range c.Refs {
				wants[h] = true
			}
		}
	}
	if len(wants) == 0 {
		return errors.New("the repository has changed during the poll")
	}
	c.MaxPack = u.mirror.limits.pack
	if len(c.Shallow) > 0 {
		if err := u.mirror.storage(dir).SetShallow(c.Shallow); err != nil {
			return err
		}
	}
	keep := func(content io.Reader) error {
		return pack.Keep(u.server.ctx, filepath.Join(dir, "objects", "pack"), content)
	}
	return c.Fetch(keep, keys(wants), haves)
}

func keys(set map[plumbing.Hash]bool) []plumbing.Hash {
	list := make([]plumbing.Hash, 0, len(set))
	for h := range set {
		list = append(list, h)
	}
	return list
}

// haves are commits that the server need not send again: the mirror's tips and their recent ancestors, so that a branch
// that was rewritten still meets what is common.
func (u *update) haves() []plumbing.Hash {
	const most = 256
	held, err := u.mirror.refs(u.mirror.current(), "refs/")
	if err != nil {
		return nil
	}
	var haves, queue []plumbing.Hash
	seen := map[plumbing.Hash]bool{}
	for _, t := range held {
		if h, err := u.mirror.peel(t.hash); err == nil {
			queue = append(queue, h)
		}
	}
	for len(queue) > 0 && len(haves) < most {
		h := queue[0]
		queue = queue[1:]
		if seen[h] {
			continue
		}
		seen[h] = true
		if c, err := u.mirror.commit(h); err == nil {
			haves = append(haves, h)
			queue = append(queue, c.parents...)
		}
	}
	return haves
}
