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
	unlock, err := lock(ctx, m.home, "fetch")
	if err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	defer unlock()
	if err := m.tidy(); err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	dir, _ := m.newest()
	if dir != "" && dir != m.current() { // another process made it
		m.adopt(dir)
	}
	if dir == "" || m.suspect.Load() {
		return m.again(ctx, server, tips)
	}
	if err := m.update(ctx, server, tips); err != nil {
		return err
	}
	if err := m.record(m.current(), tips); err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	return nil
}

// update fetches what lacks. The result is whole, or the mirror was made anew.
func (m *mirror) update(ctx context.Context, server *calls, tips []tip) error {
	lacking, err := m.lacking(ctx, tips)
	if err != nil || len(lacking) == 0 {
		return err
	}
	if m.limits.passed(m.current()) {
		return m.again(ctx, server, tips)
	}
	haves := m.haves()
	if len(haves) == 0 { // another process may have fetched: what it has would be sent again
		m.objects.renew(m.current())
		haves = m.haves()
	}
	err = m.fetch(server, m.current(), lacking, haves)
	m.objects.renew(m.current())
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
	held, err := m.refs(m.current(), tracked)
	if err == nil {
		m.forget()
		lacking, err := m.lacking(ctx, held)
		if err == nil && len(lacking) == 0 {
			return failure
		}
	}
	return m.again(ctx, server, tips)
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
	if err := m.replace(ctx, fresh, dir, tips); err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	m.know(tips)
	return nil
}

// replace lets a repository that is whole count, with the refs that it needs. Nobody keeps a commit in the old one
// meanwhile.
func (m *mirror) replace(ctx context.Context, fresh *objects, dir string, tips []tip) error {
	unlock, err := lock(ctx, m.home, "refs")
	if err != nil {
		return err
	}
	defer unlock()
	if err := m.carry(ctx, fresh, dir); err != nil {
		return err
	}
	if err := m.record(dir, tips); err != nil {
		return err
	}
	return m.install(dir)
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
			return err
		}
	}
	return nil
}
