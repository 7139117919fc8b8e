package gitsource

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// tip is what a caller wants to have in the mirror: a ref's hash, or a commit without a ref's name.
type tip struct {
	name string
	hash plumbing.Hash
}

// tracked is where the mirror has its refs: each points at what was seen to be whole.
const tracked = "refs/mirror/"

// bring sees to it that the mirror holds the tips, whole. If they are there already, that costs a look; else a fetch; and
// if what a fetch left is not whole, or the mirror is damaged, it is made anew.
func (m *mirror) bring(ctx context.Context, server *calls, tips []tip) error {
	if m.knows(tips) && !m.suspect.Load() {
		return nil
	}
	unlock, err := lock(m.home)
	if err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	defer unlock()
	if err := m.tidy(); err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	dir, _ := m.newest()
	if dir == "" || m.suspect.Load() {
		return m.again(ctx, server, tips)
	}
	if dir != m.dir { // another process made it
		m.adopt(dir)
	}
	if err := m.update(ctx, server, tips); err != nil {
		return err
	}
	return m.record(m.dir, tips)
}

// update fetches what lacks. The result is whole, or the mirror was made anew.
func (m *mirror) update(ctx context.Context, server *calls, tips []tip) error {
	lacking, err := m.lacking(ctx, tips)
	if err != nil || len(lacking) == 0 {
		return err
	}
	if m.packs() >= m.maxPacks {
		return m.again(ctx, server, tips)
	}
	err = m.fetch(server, m.dir, lacking, m.haves())
	m.objects.renew(m.dir)
	if err != nil {
		return m.orAgain(ctx, server, tips, err)
	}
	lacking, err = m.lacking(ctx, lacking)
	if err != nil || len(lacking) == 0 {
		return err
	}
	return m.again(ctx, server, tips)
}

// orAgain makes the mirror anew if it is the mirror that made a fetch fail: what it was known to hold is not there.
func (m *mirror) orAgain(ctx context.Context, server *calls, tips []tip, failure error) error {
	if ctx.Err() != nil {
		return failure
	}
	held, err := m.refs(m.dir, tracked)
	if err == nil {
		m.forget()
		lacking, err := m.lacking(ctx, held)
		if err == nil && len(lacking) == 0 {
			return failure
		}
	}
	return m.again(ctx, server, tips)
}

// fetch asks for the tips, and for all branches if the server does not hand out a commit by its name.
func (m *mirror) fetch(server *calls, dir string, tips []tip, haves []plumbing.Hash) error {
	c, err := server.conversation()
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
	s := m.storage(dir)
	if len(c.Shallow) > 0 {
		if err := s.SetShallow(c.Shallow); err != nil {
			return err
		}
	}
	return errors.Join(c.Fetch(s, keys(wants), haves), s.Close())
}

func keys(set map[plumbing.Hash]bool) []plumbing.Hash {
	list := make([]plumbing.Hash, 0, len(set))
	for h := range set {
		list = append(list, h)
	}
	return list
}

// again mirrors into a new folder, which counts only when it is whole. What was kept by name comes along.
func (m *mirror) again(ctx context.Context, server *calls, tips []tip) error {
	dir, err := m.begin()
	if err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	defer os.RemoveAll(dir) // it is elsewhere by then, if all went well
	tips = m.stillTracked(server, tips)
	if err := m.fetch(server, dir, tips, nil); err != nil {
		return err
	}
	fresh := newObjects()
	fresh.renew(dir)
	defer fresh.close()
	for _, t := range tips {
		if err := fresh.whole(ctx, t.hash, map[plumbing.Hash]bool{}); err != nil {
			return notThere(t, err)
		}
	}
	if err := m.carry(ctx, fresh, dir); err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	if err := m.record(dir, tips); err != nil {
		return err
	}
	if err := m.install(dir); err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	m.know(tips)
	return nil
}

func notThere(t tip, err error) error {
	if t.name == "" && errors.Is(err, errAbsent) {
		return fmt.Errorf("commit %s is not in the repository, or on no branch of it: push it", t.hash)
	}
	return fmt.Errorf("the server did not send all of %s: %w; this is tried again at the next poll", short(t.hash), err)
}

// stillTracked adds to the tips those that the mirror has followed and the server still offers.
func (m *mirror) stillTracked(server *calls, tips []tip) []tip {
	all := append([]tip(nil), tips...)
	dir, _ := m.newest()
	held, err := m.refs(dir, tracked)
	if err != nil || server.open == nil {
		return all
	}
	have := map[string]bool{}
	for _, t := range tips {
		have[t.name] = true
	}
	for _, t := range held {
		if h, ok := server.open.Refs[t.name]; ok && !have[t.name] {
			all = append(all, tip{t.name, h})
		}
	}
	return all
}

// haves are commits that the server need not send again: the mirror's tips and their recent ancestors, so that a branch
// that was rewritten still meets what is common.
func (m *mirror) haves() []plumbing.Hash {
	const most = 256
	held, err := m.refs(m.dir, "refs/")
	if err != nil {
		return nil
	}
	var haves, queue []plumbing.Hash
	seen := map[plumbing.Hash]bool{}
	for _, t := range held {
		if h, err := m.peel(t.hash); err == nil {
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
		if c, err := m.commit(h); err == nil {
			haves = append(haves, h)
			queue = append(queue, c.parents...)
		}
	}
	return haves
}

// record writes the tips' refs.
func (m *mirror) record(dir string, tips []tip) error {
	s := m.storage(dir)
	for _, t := range tips {
		if t.name == "" {
			continue
		}
		ref := plumbing.NewHashReference(trackedName(t.name), t.hash)
		if old, err := s.Reference(ref.Name()); err == nil && old.Hash() == t.hash {
			continue
		}
		if err := storer.ReferenceStorer(s).SetReference(ref); err != nil {
			return fmt.Errorf("mirror: %w", err)
		}
	}
	return nil
}
