package forge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"golang.org/x/crypto/ssh"

	"github.com/daemongate/daemongate/gitsource/pack"
	"github.com/daemongate/daemongate/gitsource/remote"
)

const (
	maxTries = 12  // pushes that met another writer
	maxStuck = 3   // refusals although nobody moved the ref
	maxPacks = 200 // fetches and pushes, after which the folder is begun anew
)

// push brings statuses into a repository's notes.
type push struct {
	to       *remote.Remote
	ref      string
	dir      string
	maxPack  int64
	keys     []ssh.Signer // the first of which signs; none if notes are not signed
	statuses []Status
	now      time.Time
}

// run reads where the ref is, writes the notes on top and pushes; if another writer was quicker, once more from there.
// A cluster's own ref is where this writer has left it, as long as nobody meddles with it: that is tried first.
func (p *push) run(ctx context.Context) error {
	if err := tidyNotes(p.dir); err != nil {
		return err
	}
	if p.atOnce(ctx) {
		return nil
	}
	var last plumbing.Hash
	for try, stuck := 1, 0; ; try++ {
		from, err := p.attempt(ctx)
		var refused *remote.Refused
		if err == nil || !errors.As(err, &refused) {
			return err
		}
		if try > 1 && from == last && !strings.Contains(refused.Reason, "lock") {
			stuck++
		}
		if last = from; try == maxTries || stuck == maxStuck {
			return fmt.Errorf("%w (tried %d times)", err, try)
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// pause keeps writers that met from meeting again.
func pause(ctx context.Context, try int) error {
	longest := min(20*time.Millisecond<<try, time.Second)
	select {
	case <-time.After(rand.N(longest)):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// attempt is one advertisement, a fetch if somebody else wrote, and one push if there is something to change. The notes
// of all clusters in one ref, which were there before, are moved out of the way first.
func (p *push) attempt(ctx context.Context) (from plumbing.Hash, err error) {
	server, err := writable(ctx, p.to, p.ref)
	if err != nil {
		return from, err
	}
	defer func() { _ = server.Close() }()
	from = server.Refs[p.ref]
	commit, fresh, err := p.onTopOf(ctx, from)
	if err != nil || commit.IsZero() {
		return from, err
	}
	err = server.Push(fresh.storage, remote.Update{Ref: p.ref, From: from, To: commit}, fresh.hashes)
	if err == nil {
		p.remember(fresh)
	}
	return from, err
}

// atOnce pushes on top of what this writer has pushed last, and reports whether that went well: one request, however
// many refs the server has, where it would list them all first. Whatever is wrong, asking the server tells.
func (p *push) atOnce(ctx context.Context) (done bool) {
	if p.ref == sharedRef {
		return false
	}
	known, err := openNotes(p.dir)
	if err != nil {
		return false
	}
	last, err := known.Reference(plumbing.ReferenceName(p.ref))
	if err != nil {
		return false
	}
	commit, fresh, err := p.edit(known, last.Hash())
	if err != nil || commit.IsZero() {
		return false
	}
	server, ok, err := p.to.WriteAtOnce(ctx)
	if err != nil || !ok {
		return false
	}
	defer func() { _ = server.Close() }()
	err = server.Push(fresh.storage, remote.Update{Ref: p.ref, From: last.Hash(), To: commit}, fresh.hashes)
	if err == nil {
		p.remember(fresh)
	}
	return err == nil
}

// onTopOf writes the notes on top of a commit. Zero means that there is nothing to change. What cannot be read here is
// fetched, and if that does not help, fetched anew.
func (p *push) onTopOf(ctx context.Context, from plumbing.Hash) (plumbing.Hash, *newObjects, error) {
	known, err := openNotes(p.dir)
	if err != nil {
		return plumbing.ZeroHash, nil, err
	}
	commit, fresh, err := p.edit(known, from)
	if err == nil || from.IsZero() {
		return commit, fresh, err
	}
	if known, err = p.fetch(ctx, known, from, 1); err != nil {
		return plumbing.ZeroHash, nil, err
	}
	var large *largeNote
	if commit, fresh, err = p.edit(known, from); err == nil || errors.As(err, &large) {
		return commit, fresh, err
	}
	if err := os.RemoveAll(p.dir); err != nil {
		return plumbing.ZeroHash, nil, err
	}
	if known, err = openNotes(p.dir); err != nil {
		return plumbing.ZeroHash, nil, err
	}
	depth := 1
	if len(p.keys) > 0 {
		depth = 0 // what was signed last is further back
	}
	if known, err = p.fetch(ctx, known, from, depth); err != nil {
		return plumbing.ZeroHash, nil, err
	}
	return p.edit(known, from)
}

// tidyNotes drops what was read of notes before, if that has become too much. It is for the beginning of a read or a
// write: what has just come is not to go again.
func tidyNotes(dir string) error {
	packs, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.pack"))
	if err != nil || len(packs) <= maxPacks {
		return err
	}
	return os.RemoveAll(dir)
}

// openNotes returns what was read of notes before.
func openNotes(dir string) (*filesystem.Storage, error) {
	if err := sweep(filepath.Join(dir, "objects", "pack")); err != nil {
		return nil, err
	}
	s := filesystem.NewStorage(notesFolder{osfs.New(dir)}, cache.NewObjectLRU(4<<20))
	if _, err := git.Init(s, nil); err != nil && !errors.Is(err, git.ErrRepositoryAlreadyExists) {
		return nil, err
	}
	return s, nil
}

// fetch brings a commit, with so much of the history before it, or all of it if depth is zero: the newest commit's tree
// has all notes.
func (p *push) fetch(ctx context.Context, known *filesystem.Storage, want plumbing.Hash,
	depth int) (*filesystem.Storage, error) {
	server, err := p.to.Read(ctx)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	if server.Refs[p.ref] != want {
		return nil, &remote.Refused{Ref: p.ref, Reason: "it moved meanwhile"}
	}
	var haves []plumbing.Hash
	name := plumbing.ReferenceName(p.ref)
	if old, err := known.Reference(name); err == nil && known.HasEncodedObject(old.Hash()) == nil &&
		old.Hash() != want {
		haves = []plumbing.Hash{old.Hash()}
	}
	server.MaxPack, server.Depth = p.maxPack, depth
	folder := filepath.Join(p.dir, "objects", "pack")
	keep := func(content io.Reader) error {
		return pack.Keep(ctx, folder, content, pack.Limits{Objects: maxNotesObjects})
	}
	if err := server.Fetch(keep, []plumbing.Hash{want}, haves); err != nil {
		return nil, p.orTooLarge(err)
	}
	if err := refuseHeavy(p.dir, p.ref); err != nil {
		return nil, err
	}
	return p.openAt(want)
}

// openAt notes where the ref is now; it is what need not be fetched again.
func (p *push) openAt(at plumbing.Hash) (*filesystem.Storage, error) {
	s, err := openNotes(p.dir)
	if err != nil {
		return nil, err
	}
	return s, s.SetReference(plumbing.NewHashReference(plumbing.ReferenceName(p.ref), at))
}

// remember stores what was pushed, so that it need not be fetched. If that fails, it will be.
func (p *push) remember(fresh *newObjects) {
	var content bytes.Buffer
	if _, err := packfile.NewEncoder(&content, fresh.storage, false).Encode(fresh.hashes, 0); err != nil {
		return
	}
	s, err := openNotes(p.dir)
	if err != nil || packfile.UpdateObjectStorage(s, &content) != nil {
		return
	}
	_, _ = p.openAt(fresh.commit) // as above
}

// edit makes the commit that follows from.
func (p *push) edit(known *filesystem.Storage, from plumbing.Hash) (plumbing.Hash, *newObjects, error) {
	base, err := p.base(known, from)
	if err != nil {
		return plumbing.ZeroHash, nil, err
	}
	var root plumbing.Hash
	var parents []plumbing.Hash
	if base != nil {
		root = base.TreeHash
	}
	if !from.IsZero() {
		parents = []plumbing.Hash{from}
	}
	e := newEditor(known)
	tree, err := e.change(root, 0, byCommit(p.statuses))
	if err != nil {
		return plumbing.ZeroHash, nil, err
	}
	if tree == root && (base == nil || base.Hash == from) {
		return plumbing.ZeroHash, nil, nil
	}
	who := object.Signature{Name: "Daemongate", Email: "noreply@daemongate.io", When: p.later(base)}
	commit := &object.Commit{Author: who, Committer: who, Message: "Notes added by Daemongate\n", TreeHash: tree,
		ParentHashes: parents}
	if err := p.sign(commit); err != nil {
		return plumbing.ZeroHash, nil, err
	}
	hash, err := e.fresh.add(commit)
	e.fresh.commit = hash
	return hash, e.fresh, err
}

// later is the time of the commit that follows on one. Of those that are signed a later one has a later time, whatever
// the clock says, so that readers can tell which is the newer one. Git knows whole seconds.
func (p *push) later(base *object.Commit) time.Time {
	if len(p.keys) == 0 || base == nil || p.now.Truncate(time.Second).After(base.Committer.When) {
		return p.now
	}
	return base.Committer.When.Add(time.Second)
}

// byCommit groups the statuses.
func byCommit(statuses []Status) map[string][]Status {
	groups := map[string][]Status{}
	for _, s := range statuses {
		groups[s.Commit] = append(groups[s.Commit], s)
	}
	return groups
}
