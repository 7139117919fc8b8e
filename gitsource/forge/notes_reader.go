package forge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/daemongate/daemongate/gitsource/remote"
)

// NotesReader reads what clusters have told in the notes of a repository, again and again. It keeps them in a folder:
// what is fetched is what is new since, and of each ref the newest commit without its history, which has all notes.
// What is wrong with one cluster's ref keeps nobody from reading the others. Safe for concurrent use.
type NotesReader struct {
	url   string
	auth  func(context.Context) (remote.Auth, error)
	dir   string // no other reader's
	reach remote.Reach

	maxPack, maxOne, maxKept int64 // bytes, of a fetch of several refs and of one

	turn chan struct{}
	// bad are the refs that could not be read, with why. Only who has the turn uses it.
	bad map[string]badRef
	// lacks is set if something is missing in the folder, which is then begun anew, as it was at a time before.
	lacks   bool
	renewed time.Time
}

// badRef is a ref that could not be fetched where it was.
type badRef struct {
	at    plumbing.Hash
	why   error
	tries int
	again time.Time // it is tried again
}

// Heard is what one ref of notes says: what one cluster has told, or where all shared a ref, all of them.
type Heard struct {
	Ref string
	// Cluster is whose ref it is; empty if it is that of several.
	Cluster string
	// Tip is the commit of its notes as it is stored, with the signature if it has one, and At when that was written,
	// by the clock of who did.
	Tip []byte
	At  time.Time
	// Statuses are those of the commits that were asked for, and of those whose states they take over.
	Statuses []Status
	// Trouble is why nothing of it can be read; nil if it can.
	Trouble error
}

// NewNotesReader returns a reader with credentials that are read before each fetch, a folder that belongs to that URL
// and those credentials only, and where connections may lead. A process has one reader of a folder at a time.
func NewNotesReader(url string, auth func(context.Context) (remote.Auth, error), folder string,
	reach remote.Reach) *NotesReader {
	return &NotesReader{url: url, auth: auth, dir: folder, reach: reach, maxPack: maxNotesPack, maxOne: maxOnePack,
		maxKept: maxNotesKept, turn: make(chan struct{}, 1), bad: map[string]badRef{}}
}

// Tips asks the server where the refs of notes are, by their full names.
func (r *NotesReader) Tips(ctx context.Context) (tips map[string]string, err error) {
	auth, err := r.auth(ctx)
	if err != nil {
		return nil, err
	}
	to, err := remote.New(r.url, auth, remote.Options{Reach: r.reach})
	if err != nil {
		return nil, err
	}
	defer to.Close()
	refs, ok, err := to.Look(ctx, []string{NotesPrefix})
	if err == nil && !ok {
		var server *remote.Conversation
		if server, err = to.Read(ctx); err == nil {
			refs = server.Refs
			_ = server.Close() // everything that was wanted has been read
		}
	}
	if err != nil && !errors.Is(err, remote.ErrEmpty) {
		return nil, err
	}
	tips = map[string]string{}
	for ref, at := range refs {
		if _, ok := ClusterOf(ref); ok {
			tips[ref] = at.String()
		}
	}
	return tips, nil
}

// Read returns what is said of commits in each ref of notes that is among the tips, by its full name, in the order of
// their names. A ref that has moved since may be read where it is by then. If all of it is known, nobody is
// asked.
func (r *NotesReader) Read(ctx context.Context, tips map[string]string, commits []string) ([]Heard, error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("notes: %w", context.Cause(ctx))
	}
	heard, err := r.read(ctx, hashes(tips), commits)
	if err != nil {
		return nil, fmt.Errorf("notes: %w", err)
	}
	return heard, nil
}

// hashes are the tips of the refs that have notes of states.
func hashes(tips map[string]string) map[string]plumbing.Hash {
	all := map[string]plumbing.Hash{}
	for ref, tip := range tips {
		if _, ok := ClusterOf(ref); ok {
			all[ref] = plumbing.NewHash(tip)
		}
	}
	return all
}

func (r *NotesReader) read(ctx context.Context, tips map[string]plumbing.Hash, commits []string) ([]Heard, error) {
	if r.lacks && time.Since(r.renewed) > renewAfter || r.size() > r.maxKept {
		if err := os.RemoveAll(r.dir); err != nil {
			return nil, err
		}
		r.lacks, r.renewed = false, time.Now()
	}
	if err := tidyNotes(r.dir); err != nil {
		return nil, err
	}
	maps.DeleteFunc(r.bad, func(ref string, _ badRef) bool { _, there := tips[ref]; return !there })
	known, err := openNotes(r.dir)
	if err != nil {
		return nil, err
	}
	if missing := r.missing(known, tips, time.Now()); len(missing) > 0 {
		if err := r.fetch(ctx, tips, missing); err != nil {
			return nil, err
		}
		if known, err = openNotes(r.dir); err != nil {
			return nil, err
		}
	}
	var all []Heard
	share := min(maxHeardOfOne, maxHeardOfAll/int64(max(1, len(tips))))
	for _, ref := range slices.Sorted(maps.Keys(tips)) {
		h := Heard{Ref: ref}
		h.Cluster, _ = ClusterOf(ref)
		if b, ok := r.bad[ref]; ok && b.at == tips[ref] {
			h.Trouble = b.why
		} else if err := h.read(known, tips[ref], commits, share); err != nil {
			h.Trouble, r.lacks = err, r.lacks || errors.Is(err, plumbing.ErrObjectNotFound)
		}
		all = append(all, h)
	}
	return all, nil
}

// size is how many bytes the folder has.
func (r *NotesReader) size() (bytes int64) {
	packs, _ := os.ReadDir(r.packs()) // there is none yet
	for _, p := range packs {
		if info, err := p.Info(); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}

// renewAfter is how long the folder is kept at least, whatever is missing in it.
const renewAfter = 10 * time.Minute

// missing are the refs that are to be fetched.
func (r *NotesReader) missing(known *filesystem.Storage, tips map[string]plumbing.Hash, now time.Time) []string {
	var refs []string
	for ref, tip := range tips {
		if b, ok := r.bad[ref]; ok && b.at == tip && now.Before(b.again) {
			continue
		}
		if known.HasEncodedObject(tip) != nil {
			refs = append(refs, ref)
		}
	}
	slices.Sort(refs)
	return refs
}

// maxHeard bounds, in bytes, a note that is read of one cluster: a line for each of its Syncs. That of several clusters
// may be as large as any note.
const maxHeard = 64 << 10

// Bounds, in bytes, of what is read of one ref at a time, and of all together, folders included: a few kilobytes that
// somebody has pushed can be the notes of all commits. Of many refs each has its share, so that none takes another's.
const (
	maxHeardOfOne = 64 << 20
	maxHeardOfAll = 1 << 30
)

// maxNotesKept bounds, in bytes, what a reader keeps of all refs together before it begins anew.
const maxNotesKept = 2 * maxNotesPack

// read reads the commit at the tip as it is stored, and what the notes there say of commits.
func (h *Heard) read(known *filesystem.Storage, tip plumbing.Hash, commits []string, most int64) (err error) {
	defer func() { // go-git's decoders read what others push
		if p := recover(); p != nil {
			err = fmt.Errorf("the notes cannot be read: %v", p)
		}
	}()
	if h.Tip, err = rawCommit(known, tip); err != nil {
		return err
	}
	c, err := object.GetCommit(known, tip)
	if err != nil {
		return fmt.Errorf("commit %s: %w", tip, err)
	}
	h.At = c.Committer.When
	e := newEditor(known)
	e.most = &bound{most, most}
	asked := map[string]bool{}
	for len(commits) > 0 && len(asked) <= maxAsked {
		byName, notes := map[string]string{}, map[string]string{}
		for _, c := range commits {
			byName[c], asked[c] = c, true
		}
		if err := e.find(c.TreeHash, 0, byName, notes); err != nil {
			return err
		}
		if commits, err = h.take(notes, asked); err != nil {
			return err
		}
	}
	return nil
}

// take takes what notes say, and returns the commits whose states are taken over there, and that were not asked for.
func (h *Heard) take(notes map[string]string, asked map[string]bool) (more []string, err error) {
	most := maxHeard
	if h.Cluster == "" {
		most = maxNote
	}
	for _, commit := range slices.Sorted(maps.Keys(notes)) {
		if len(notes[commit]) > most {
			return nil, fmt.Errorf("the note of %s has %d bytes, and at most %d are read", commit, len(notes[commit]),
				most)
		}
		for _, s := range ParseNote(commit, notes[commit]) {
			h.Statuses = append(h.Statuses, s)
			if by := s.Details.By; plumbing.IsHash(by) && !asked[by] {
				asked[by], more = true, append(more, by)
			}
		}
	}
	return more, nil
}

// maxAsked bounds of how many commits it is read what they came to.
const maxAsked = 4000

// rawCommit is a commit as it is stored.
func rawCommit(known *filesystem.Storage, tip plumbing.Hash) ([]byte, error) {
	o, err := known.EncodedObject(plumbing.AnyObject, tip)
	switch {
	case err != nil:
		return nil, fmt.Errorf("commit %s: %w", tip, err)
	case o.Type() != plumbing.CommitObject:
		return nil, fmt.Errorf("it is at %s, which is a %s and no commit", tip, o.Type())
	}
	if o.Size() > maxNote {
		return nil, fmt.Errorf("commit %s has %d bytes", tip, o.Size())
	}
	return contentOf(o)
}

// tipsKnown are where the refs were when they were fetched last, as far as that is still there.
func tipsKnown(known *filesystem.Storage, refs []string) (tips []plumbing.Hash) {
	for _, ref := range refs {
		old, err := known.Reference(plumbing.ReferenceName(ref))
		if err == nil && known.HasEncodedObject(old.Hash()) == nil {
			if _, err := object.GetCommit(known, old.Hash()); err == nil {
				tips = append(tips, old.Hash())
			}
		}
	}
	return tips
}

func (r *NotesReader) packs() string { return filepath.Join(r.dir, "objects", "pack") }
