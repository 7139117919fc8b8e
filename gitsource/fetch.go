package gitsource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/daemongate/daemongate/gitsource/pack"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// fetchPack asks for the tips, and for all branches if the server does not hand out a commit by its name.
func (u *update) fetchPack(dir string, tips []tip, haves []plumbing.Hash) error {
	c, err := u.server.conversation()
	if err != nil {
		return err
	}
	wants := wanted(c, tips)
	if len(wants) == 0 {
		return errors.New("the repository has changed during the poll")
	}
	room, err := u.mirror.limits.disk.room(u.mirror.home, u.mirror.current() == "")
	if err != nil {
		return err
	}
	c.MaxPack = u.mirror.limits.pack
	if room >= 0 && (c.MaxPack == 0 || room < c.MaxPack) {
		c.MaxPack = room
	}
	if len(c.Shallow) > 0 {
		if err := u.mirror.storage(dir).SetShallow(c.Shallow); err != nil {
			return err
		}
	}
	return u.keepPack(c, dir, keys(wants), haves)
}

// wanted are the objects to ask for.
func wanted(c *remote.Conversation, tips []tip) map[plumbing.Hash]bool {
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
	return wants
}

// keepPack keeps what the server sends, within the limits.
func (u *update) keepPack(c *remote.Conversation, dir string, wants, haves []plumbing.Hash) error {
	arriving := &metered{disk: u.mirror.limits.disk}
	defer func() { u.fetched += arriving.bytes }()
	var many *pack.TooMany
	keep := func(content io.Reader) error {
		arriving.Reader = content
		err := pack.Keep(u.server.ctx, filepath.Join(dir, "objects", "pack"), arriving,
			pack.Limits{Objects: u.mirror.limits.objects})
		_ = errors.As(err, &many)
		return err
	}
	err := c.Fetch(keep, wants, haves)
	var large *remote.PackTooLarge
	if errors.As(err, &large) && large.Max != u.mirror.limits.pack {
		return &diskFull{u.mirror.limits.disk.most}
	}
	if many != nil {
		return fmt.Errorf("what the server sends is too much: %w (option --mirror-max-objects); allow more, or name a "+
			"smaller repository", many)
	}
	return err
}

// Fetch asks the server for a commit that no ref need be at, and reports whether the mirror has it now. What the server
// does not hand out is no error, and no reason to make the mirror anew.
func (r *Repository) Fetch(ctx context.Context, commit string) (found bool, err error) {
	h, err := parseHash(commit)
	if err != nil {
		return false, fmt.Errorf("%s: %w", r, err)
	}
	if r.mirror.holds(h) {
		return true, nil
	}
	defer func() { // go-git's decoders read what a stranger sends
		if p := recover(); p != nil {
			found, err = false, fmt.Errorf("%s: what the server sent cannot be read: %v", r, p)
		}
	}()
	to, server, err := r.auth.converse(ctx)
	if err != nil {
		return false, named(r.address, err)
	}
	calls := &calls{ctx: ctx, to: to, open: server}
	defer calls.end()
	u := update{mirror: r.mirror, server: calls, tips: []tip{{hash: h}}}
	if found, err = u.fetchIfOffered(ctx); err != nil {
		return false, fmt.Errorf("%s: fetch commit %s: %w", r, short(h), bare(err))
	}
	return found, nil
}

func (u *update) fetchIfOffered(ctx context.Context) (bool, error) {
	unlock, err := lock(ctx, u.mirror.home, "fetch")
	if err != nil {
		return false, fmt.Errorf("mirror: %w", err)
	}
	defer unlock()
	dir := u.mirror.current()
	if newest, _ := u.mirror.newest(); dir == "" || newest != dir {
		return false, nil // another process makes it anew: the next poll reads that
	}
	err = u.fetchPack(dir, u.tips, u.haves())
	u.mirror.objects.renew(dir)
	if err != nil {
		return false, context.Cause(ctx) // else the server has nothing of that name, or keeps it
	}
	missing, err := u.mirror.proven.missing(ctx, u.tips)
	return len(missing) == 0, err
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
