package gitsource

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/daemongate/daemongate/gitsource/attempts"
)

// tip is what a caller wants to have in the mirror: a ref's hash, or a commit without a ref's name.
type tip struct {
	name string
	hash plumbing.Hash
}

// tracked is where the mirror has its refs: each points at what was seen to be complete.
const tracked = "refs/mirror/"

// fetchTips sees to it that the mirror holds the tips, complete. If they are there already, that costs a look; else a
// fetch; and if what a fetch left is not complete, or the mirror is damaged, it is made anew.
func (m *mirror) fetchTips(ctx context.Context, server *calls, tips []tip) error {
	if m.proven.has(tips) && !m.suspect.Load() {
		return nil
	}
	u := update{mirror: m, server: server, tips: tips}
	return u.run(ctx)
}

// update is one fetch into a mirror, with all that may have to follow it.
type update struct {
	mirror *mirror
	server *calls
	tips   []tip // that the caller wants
	// fetched is how many bytes have arrived.
	fetched int64
}

// run keeps other processes from updating the same mirror, and updates it or makes it anew.
func (u *update) run(ctx context.Context) error {
	unlock, err := lock(ctx, u.mirror.home, "fetch")
	if err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	defer unlock()
	defer func() { u.mirror.limits.disk.settle(u.mirror.home, u.fetched) }()
	end, err := attempts.Begin(filepath.Join(u.mirror.home, "fetching"), time.Now())
	if err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	defer end()
	if err := u.mirror.tidy(); err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	dir, _ := u.mirror.newest()
	if dir != "" && dir != u.mirror.current() { // another process made it
		u.mirror.adopt(dir)
	}
	if dir == "" || u.mirror.suspect.Load() {
		return u.refetch(ctx)
	}
	if err := u.fetchMissing(ctx); err != nil {
		return err
	}
	if err := u.record(u.mirror.current(), u.tips); err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	return nil
}

// fetchMissing fetches the tips that are not complete. Afterwards all are, or the mirror was made anew.
func (u *update) fetchMissing(ctx context.Context) error {
	missing, err := u.mirror.proven.missing(ctx, u.tips)
	if err != nil || len(missing) == 0 {
		return err
	}
	if u.mirror.limits.passed(u.mirror.current()) {
		return u.refetch(ctx)
	}
	haves := u.haves()
	if len(haves) == 0 { // another process may have fetched: what it has would be sent again
		u.mirror.objects.renew(u.mirror.current())
		haves = u.haves()
	}
	err = u.fetchPack(u.mirror.current(), missing, haves)
	u.mirror.objects.renew(u.mirror.current())
	if err != nil {
		return u.refetchIfDamaged(ctx, err)
	}
	missing, err = u.mirror.proven.missing(ctx, missing)
	if err != nil || len(missing) == 0 {
		return err
	}
	return u.refetch(ctx)
}

// refetchIfDamaged makes the mirror anew if it is the mirror that made a fetch fail: what it was known to hold is not
// there.
func (u *update) refetchIfDamaged(ctx context.Context, failure error) error {
	if ctx.Err() != nil {
		return failure
	}
	held, err := u.mirror.refs(u.mirror.current(), tracked)
	if err == nil {
		u.mirror.proven.forget()
		missing, err := u.mirror.proven.missing(ctx, held)
		if err == nil && len(missing) == 0 {
			return failure
		}
	}
	return u.refetch(ctx)
}

// refetch mirrors into a new folder, which counts only when it is complete. What was kept by name comes along.
func (u *update) refetch(ctx context.Context) error {
	dir, err := u.mirror.begin()
	if err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	defer os.RemoveAll(dir) // it is elsewhere by then, if all went well
	tips := u.stillTracked()
	if err := u.fetchPack(dir, tips, nil); err != nil {
		return err
	}
	fresh := newObjects()
	fresh.renew(dir)
	defer fresh.close()
	for _, t := range tips {
		if err := fresh.checkConnected(ctx, t.hash, map[plumbing.Hash]bool{}); err != nil {
			return notSent(t, err)
		}
	}
	if err := u.replace(ctx, fresh, dir, tips); err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	u.mirror.proven.add(tips)
	return nil
}

// replace lets a repository that is complete count, with the refs that it needs. Nobody keeps a commit in the old one
// meanwhile.
func (u *update) replace(ctx context.Context, fresh *objects, dir string, tips []tip) error {
	unlock, err := lock(ctx, u.mirror.home, "refs")
	if err != nil {
		return err
	}
	defer unlock()
	if err := u.carryKept(ctx, fresh, dir); err != nil {
		return err
	}
	if err := u.record(dir, tips); err != nil {
		return err
	}
	return u.mirror.install(dir)
}

// notSent words that a tip is not complete after all was fetched.
func notSent(t tip, err error) error {
	if t.name == "" && errors.Is(err, errAbsent) {
		return fmt.Errorf("commit %s is not in the repository, or on no branch of it: push it", t.hash)
	}
	return fmt.Errorf("the server did not send all of %s: %w; this is tried again at the next poll", short(t.hash), err)
}

// stillTracked adds to the tips those that the mirror has followed and the server still offers.
func (u *update) stillTracked() []tip {
	all := append([]tip(nil), u.tips...)
	dir, _ := u.mirror.newest()
	held, err := u.mirror.refs(dir, tracked)
	if err != nil || u.server.open == nil {
		return all
	}
	have := map[string]bool{}
	for _, t := range u.tips {
		have[t.name] = true
	}
	for _, t := range held {
		if h, ok := u.server.open.Refs[t.name]; ok && !have[t.name] {
			all = append(all, tip{t.name, h})
		}
	}
	return all
}

// record writes the tips' refs.
func (u *update) record(dir string, tips []tip) error {
	s := u.mirror.storage(dir)
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
