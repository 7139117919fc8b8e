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

	maxPack, maxOne int64 // bytes, of a fetch of several refs and of one

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

// Heard is what one cluster has told.
type Heard struct {
	Cluster string
	// Tip is the commit of its notes as it is stored, with the signature if it has one.
	Tip []byte
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
		turn: make(chan struct{}, 1), bad: map[string]badRef{}}
}

// Read returns what is said of commits by each cluster whose ref is among the tips, by the full name of the ref, in the
// order of their names. A ref that has moved since may be read where it is by then. If all of it is known, nobody is
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
		if name, ok := ClusterOf(ref); ok && name != "" {
			all[ref] = plumbing.NewHash(tip)
		}
	}
	return all
}

func (r *NotesReader) read(ctx context.Context, tips map[string]plumbing.Hash, commits []string) ([]Heard, error) {
	if r.lacks && time.Since(r.renewed) > renewAfter {
		if err := os.RemoveAll(r.dir); err != nil {
			return nil, err
		}
		r.lacks, r.renewed = false, time.Now()
	}
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
	for _, ref := range slices.Sorted(maps.Keys(tips)) {
		cluster, _ := ClusterOf(ref)
		h := Heard{Cluster: cluster}
		if b, ok := r.bad[ref]; ok && b.at == tips[ref] {
			h.Trouble = b.why
		} else if h.Tip, h.Statuses, err = heardAt(known, tips[ref], commits); err != nil {
			h.Trouble, r.lacks = err, r.lacks || errors.Is(err, plumbing.ErrObjectNotFound)
		}
		all = append(all, h)
	}
	return all, nil
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

// maxHeard bounds, in bytes, a note that is read of another cluster: a line for each of its Syncs.
const maxHeard = 64 << 10

// maxHeardOfOne bounds, in bytes, what is read of one cluster's notes at a time, folders included: a few kilobytes that
// somebody has pushed can be the notes of all commits.
const maxHeardOfOne = 64 << 20

// heardAt are the tip as it is stored, and what the notes there say of commits.
func heardAt(known *filesystem.Storage, tip plumbing.Hash, commits []string) (raw []byte, said []Status, err error) {
	defer func() { // go-git's decoders read what others push
		if p := recover(); p != nil {
			err = fmt.Errorf("the notes cannot be read: %v", p)
		}
	}()
	if raw, err = rawCommit(known, tip); err != nil {
		return nil, nil, err
	}
	t := &Told{known: known, tips: map[string]plumbing.Hash{}, most: &bound{maxHeardOfOne}}
	asked := map[string]bool{}
	for len(commits) > 0 {
		notes, err := t.notes(tip, commits)
		if err != nil {
			return raw, nil, err
		}
		for _, c := range commits {
			asked[c] = true
		}
		commits = nil
		for _, commit := range slices.Sorted(maps.Keys(notes)) {
			if len(notes[commit]) > maxHeard {
				return raw, nil, fmt.Errorf("the note of %s has %d bytes, and at most %d are read", commit,
					len(notes[commit]), maxHeard)
			}
			for _, s := range ParseNote(commit, notes[commit]) {
				said = append(said, s)
				if by := s.Details.By; plumbing.IsHash(by) && !asked[by] {
					asked[by], commits = true, append(commits, by)
				}
			}
		}
		if len(asked) > maxAsked {
			break
		}
	}
	return raw, said, nil
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
