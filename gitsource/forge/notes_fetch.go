package forge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/daemongate/daemongate/gitsource/pack"
	"github.com/daemongate/daemongate/gitsource/remote"
)

// Bounds of what is fetched of one cluster's notes alone. A state takes about half a kilobyte there.
const (
	maxOnePack    = 32 << 20 // bytes
	maxOneObjects = 200_000
)

// unreadable is the error of refs that came, and cannot be read.
type unreadable struct{ error }

func (e unreadable) Unwrap() error { return e.error }

// fetch brings refs into the folder. The tips of those that have moved meanwhile are where they are now, and refs that
// are gone are no tips any more. Refs that were bad before are fetched apart from the others, each by itself.
func (r *NotesReader) fetch(ctx context.Context, tips map[string]plumbing.Hash, refs []string) error {
	auth, err := r.auth(ctx)
	if err != nil {
		return err
	}
	to, err := remote.New(r.url, auth, remote.Options{Reach: r.reach})
	if err != nil {
		return err
	}
	defer to.Close()
	var good []string
	for _, ref := range refs {
		if _, bad := r.bad[ref]; !bad {
			good = append(good, ref)
			continue
		}
		if err := r.fetchSome(ctx, to, tips, []string{ref}); err != nil {
			return err
		}
	}
	if len(good) == 0 {
		return nil
	}
	return r.fetchSome(ctx, to, tips, good)
}

// fetchSome fetches refs at once. If what comes cannot be read, it does so by halves: what is wrong with one ref is not
// to keep the others from being read.
func (r *NotesReader) fetchSome(ctx context.Context, to *remote.Remote, tips map[string]plumbing.Hash,
	refs []string) error {
	err := r.fetchAtOnce(ctx, to, tips, refs)
	var wrong unreadable
	switch {
	case err == nil:
		for _, ref := range refs {
			delete(r.bad, ref)
		}
		return nil
	case !errors.As(err, &wrong) || ctx.Err() != nil:
		return err
	case len(refs) == 1:
		b := r.bad[refs[0]]
		b.at, b.why, b.tries = tips[refs[0]], wrong.error, min(b.tries+1, 6)
		b.again = time.Now().Add(time.Minute << b.tries)
		r.bad[refs[0]] = b
		return nil
	}
	half := len(refs) / 2
	if err := r.fetchSome(ctx, to, tips, refs[:half]); err != nil {
		return err
	}
	return r.fetchSome(ctx, to, tips, refs[half:])
}

// fetchAtOnce fetches what of the refs is not known yet: where they were seen, which is one request, and if that goes
// wrong where they are by now, after asking for that.
func (r *NotesReader) fetchAtOnce(ctx context.Context, to *remote.Remote, tips map[string]plumbing.Hash,
	refs []string) error {
	known, err := openNotes(r.dir)
	if err != nil {
		return err
	}
	server, ok, err := to.ReadAtOnce(ctx)
	if err == nil && ok {
		err = r.bring(ctx, server, known, tips, refs)
		_ = server.Close() // everything that was wanted has been read
		if wrong := (unreadable{}); err == nil || errors.As(err, &wrong) {
			return err
		}
	}
	if server, err = to.Read(ctx); err != nil {
		return err
	}
	defer server.Close()
	var there []string
	for _, ref := range refs {
		if tips[ref], ok = server.Refs[ref]; ok {
			there = append(there, ref)
		} else {
			delete(tips, ref)
		}
	}
	return r.bring(ctx, server, known, tips, there)
}

// bring fetches what of the refs is not known yet.
func (r *NotesReader) bring(ctx context.Context, server *remote.Conversation, known *filesystem.Storage,
	tips map[string]plumbing.Hash, refs []string) error {
	var wants []plumbing.Hash
	for _, ref := range refs {
		if at := tips[ref]; known.HasEncodedObject(at) != nil && !slices.Contains(wants, at) {
			wants = append(wants, at)
		}
	}
	if len(wants) == 0 {
		return nil
	}
	server.Depth = 1
	if err := r.keep(ctx, server, wants, tipsKnown(known, refs)); err != nil {
		return err
	}
	known, err := openNotes(r.dir)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		if err := known.SetReference(plumbing.NewHashReference(plumbing.ReferenceName(ref), tips[ref])); err != nil {
			return err
		}
	}
	return nil
}

// keep puts a pack into the folder, if it can be read.
func (r *NotesReader) keep(ctx context.Context, server *remote.Conversation, wants, haves []plumbing.Hash) error {
	if err := r.sweepDrafts(); err != nil {
		return err
	}
	draft, err := os.MkdirTemp(r.dir, arriving)
	if err != nil {
		return err
	}
	defer os.RemoveAll(draft)
	server.MaxPack = r.maxPack
	limits := pack.Limits{Objects: maxNotesObjects}
	if len(wants) == 1 {
		server.MaxPack, limits.Objects = r.maxOne, maxOneObjects
	}
	var arrived error
	err = server.Fetch(func(content io.Reader) error {
		arrived = pack.Keep(ctx, draft, content, limits)
		return arrived
	}, wants, haves)
	switch {
	case arrived != nil && ctx.Err() == nil:
		return unreadable{err}
	case err != nil:
		return err
	}
	heavy, err := pack.Heavy(draft)
	if err != nil {
		return unreadable{err}
	}
	if len(heavy) > 0 {
		return unreadable{errors.New("has objects that are stored as changes of files of more than 64 MiB, which are " +
			"no notes of states")}
	}
	files, err := os.ReadDir(draft)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.packs(), 0o700); err != nil {
		return err
	}
	for _, f := range files {
		if err := os.Rename(filepath.Join(draft, f.Name()), filepath.Join(r.packs(), f.Name())); err != nil {
			return fmt.Errorf("notes that arrived: %w", err)
		}
	}
	return nil
}

// arriving begins the names of folders in which packs arrive.
const arriving = "arriving-"

// sweepDrafts removes what is left of packs that were arriving when the process was killed.
func (r *NotesReader) sweepDrafts() error {
	left, err := filepath.Glob(filepath.Join(r.dir, arriving+"*"))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// contentOf reads an object.
func contentOf(o plumbing.EncodedObject) ([]byte, error) {
	stream, err := o.Reader()
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	return io.ReadAll(stream)
}
