package gitsource

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"

	"github.com/daemongate/daemongate/gitsource/pack"
)

// errAbsent is the error of an object that is not in the mirror.
var errAbsent = errors.New("not in the mirror")

var (
	errUnreadable = errors.New("unreadable")
	errMisnamed   = pack.ErrMisnamed
)

// isLoss is true of the errors of an object that the mirror does not have, or has no more as it was.
func isLoss(err error) bool {
	return errors.Is(err, errAbsent) || errors.Is(err, errUnreadable) || errors.Is(err, errMisnamed)
}

// objects reads a mirror's object database. A reader must not be used by two goroutines at once and does not see packs
// that come later, so a few readers are passed around, and all are dropped when the mirror has changed.
type objects struct {
	slots chan struct{} // bounds the readers, and with them memory and open files

	mu         sync.Mutex
	dir        string
	heavy      map[plumbing.Hash]int64 // the objects that are too large to be read, with their sizes in bytes
	generation int
	idle       []*reader
	resting    *time.Timer // closes the idle readers, nil before there was one
}

// idleFor is how long readers stay open that nobody uses: they keep what is around the objects that they read, 100 KB
// for each repository at least. The Syncs that a push concerns read soon after each other.
const idleFor = 5 * time.Second

// reader reads objects for one goroutine at a time.
type reader struct {
	dir        string
	packs      *pack.Reader // nil before the first read
	heavy      map[plumbing.Hash]int64
	generation int
}

func newObjects() *objects {
	return &objects{slots: make(chan struct{}, min(runtime.GOMAXPROCS(0), 4))}
}

// renew has later reads see what has come into the folder, or another folder. Reads under way end as they began.
func (o *objects) renew(dir string) {
	heavy, err := pack.Heavy(filepath.Join(dir, "objects", "pack"))
	if err != nil {
		dir = "" // who reads is told that it is damaged, and it is made anew
	}
	o.mu.Lock()
	o.dir, o.heavy = dir, heavy
	o.generation++
	o.mu.Unlock()
	o.rest()
}

func (o *objects) close() { o.renew("") }

func (o *objects) borrow() (*reader, error) {
	o.slots <- struct{}{}
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := len(o.idle); n > 0 {
		r := o.idle[n-1]
		o.idle = o.idle[:n-1]
		return r, nil
	}
	if o.dir == "" {
		<-o.slots
		return nil, errAbsent
	}
	return &reader{dir: o.dir, heavy: o.heavy, generation: o.generation}, nil
}

func (r *reader) close() {
	if r.packs != nil {
		r.packs.Close()
		r.packs = nil
	}
}

func (o *objects) giveBack(r *reader) {
	o.mu.Lock()
	if r.generation == o.generation {
		o.idle, r = append(o.idle, r), nil
		if o.resting == nil {
			o.resting = time.AfterFunc(idleFor, o.rest)
		} else {
			o.resting.Reset(idleFor)
		}
	}
	o.mu.Unlock()
	<-o.slots
	if r != nil {
		r.close()
	}
}

// rest closes the readers that nobody uses. Who reads then opens another one.
func (o *objects) rest() {
	o.mu.Lock()
	idle := o.idle
	o.idle = nil
	o.mu.Unlock()
	for _, r := range idle {
		r.close()
	}
}

func (o *objects) present() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.generation
}

// use lends a reader. If it fails and the mirror has been put in another's place meanwhile, it is done again on that
// one.
func (o *objects) use(do func(*reader) error) error {
	for {
		r, err := o.borrow()
		if err != nil {
			return err
		}
		err = guarded(r, do)
		began := r.generation
		o.giveBack(r)
		if err == nil || o.present() == began {
			return err
		}
	}
}

// alone lends a reader that is nobody else's turn: for what takes long.
func (o *objects) alone(do func(*reader) error) error {
	o.mu.Lock()
	r := &reader{dir: o.dir, heavy: o.heavy, generation: o.generation}
	o.mu.Unlock()
	if r.dir == "" {
		return errAbsent
	}
	defer r.close()
	return guarded(r, do)
}

// guarded turns a panic of go-git on a damaged file into an error.
func guarded(r *reader, do func(*reader) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("unreadable: %v", p)
		}
	}()
	return do(r)
}

// opened are the packs, which are opened at the first read.
func (r *reader) opened() (*pack.Reader, error) {
	if r.packs == nil {
		packs, err := pack.NewReader(filepath.Join(r.dir, "objects", "pack"))
		if err != nil {
			return nil, unreadable(err)
		}
		r.packs = packs
	}
	return r.packs, nil
}

// unreadable is an error that is never that of a missing file of the tree: a pack may be missing.
func unreadable(err error) error {
	return fmt.Errorf("%w: %v", errUnreadable, err) //nolint:errorlint // see above
}

// has tells whether an object is there, without reading it.
func (r *reader) has(h plumbing.Hash) error {
	packs, err := r.opened()
	if err != nil {
		return err
	}
	switch found, err := packs.Has(h); {
	case err != nil:
		return unreadable(err)
	case !found && !r.hasLoose(h):
		return errAbsent
	}
	return nil
}

// hasLoose tells whether an object is in a file of its own: those are that were carried along from another mirror.
func (r *reader) hasLoose(h plumbing.Hash) bool {
	name := h.String()
	_, err := os.Stat(filepath.Join(r.dir, "objects", name[:2], name[2:]))
	return err == nil
}

// storage is go-git's, which reads the indexes of all packs as a whole: for what is rarely wanted.
func (r *reader) storage() *filesystem.ObjectStorage {
	return filesystem.NewObjectStorage(dotgit.New(osfs.New(r.dir)), cache.NewObjectLRUDefault())
}

// beginningWith are the objects whose names begin so.
func (r *reader) beginningWith(prefix []byte) ([]plumbing.Hash, error) {
	files := r.storage()
	defer files.Close()
	return files.HashesWithPrefix(prefix)
}

// loose reads an object that is in a file of its own.
func (r *reader) loose(h plumbing.Hash) (plumbing.EncodedObject, error) {
	if !r.hasLoose(h) {
		return nil, errAbsent
	}
	files := r.storage()
	defer files.Close()
	obj, err := files.EncodedObject(plumbing.AnyObject, h)
	if err != nil {
		return nil, unreadable(err)
	}
	return obj, nil
}

// tooLargeError is the error of an object that nobody should hold in memory.
type tooLargeError struct{ size, limit int64 }

// Unwrap says that it is the commit's fault.
func (e *tooLargeError) Unwrap() error { return fs.ErrInvalid }

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("is too large: %d bytes, and %d are allowed", e.size, e.limit)
}

// heavyError is the error of an object that would take too much memory to be made.
type heavyError struct{ size int64 }

// Unwrap says that it is the commit's fault.
func (e *heavyError) Unwrap() error { return fs.ErrInvalid }

func (e *heavyError) Error() string {
	return fmt.Sprintf("is stored as a change of a file of more than 64 MiB, and is not read so (it has %d bytes): "+
		"have the server store large files whole (git config core.bigFileThreshold 64m, git repack -adf)", e.size)
}

// weight is the error of an object that is not to be read into memory, of which more than limit bytes are not.
func (r *reader) weight(h plumbing.Hash, limit int64) error {
	switch size, heavy := r.heavy[h]; {
	case !heavy:
		return nil
	case size > limit:
		return &tooLargeError{size, limit}
	default:
		return &heavyError{size}
	}
}

// size is the size of an object in bytes. It is not made for that.
func (r *reader) size(h plumbing.Hash) (int64, error) {
	if size, ok := r.heavy[h]; ok {
		return size, nil
	}
	packs, err := r.opened()
	if err != nil {
		return 0, err
	}
	packs.Forget()
	size, err := packs.Size(h)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		obj, err := r.loose(h)
		if err != nil {
			return 0, err
		}
		return obj.Size(), nil
	}
	if err != nil {
		return 0, unreadable(err)
	}
	return size, nil
}

// content reads an object of up to limit bytes and checks it against its name: what is damaged is an error, never a
// content. No error of it is an fs.ErrNotExist.
func (r *reader) content(want plumbing.ObjectType, h plumbing.Hash, limit int64) (plumbing.ObjectType, []byte, error) {
	if err := r.weight(h, limit); err != nil {
		return 0, nil, err
	}
	packs, err := r.opened()
	if err != nil {
		return 0, nil, err
	}
	if want != plumbing.BlobObject && want != plumbing.TreeObject { // what is read of one commit are neighbours
		packs.Forget()
	}
	kind, content, size, err := packs.Read(h, limit)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		kind, content, size, err = r.looseContent(h, limit)
	} else if err != nil {
		err = unreadable(err)
	}
	switch {
	case err != nil:
		return 0, nil, err
	case size > limit:
		return 0, nil, &tooLargeError{size, limit}
	case want != plumbing.AnyObject && kind != want:
		return 0, nil, errAbsent
	}
	return kind, content, nil
}

// looseContent reads an object of up to limit bytes that is in a file of its own.
func (r *reader) looseContent(h plumbing.Hash, limit int64) (t plumbing.ObjectType, content []byte, size int64,
	err error) {
	obj, err := r.loose(h)
	if err != nil {
		return 0, nil, 0, err
	}
	if obj.Size() > limit {
		return 0, nil, obj.Size(), nil
	}
	stream, err := obj.Reader()
	if err != nil {
		return 0, nil, 0, unreadable(err)
	}
	defer stream.Close()
	content, err = io.ReadAll(io.LimitReader(stream, limit+1))
	if err != nil {
		return 0, nil, 0, unreadable(err)
	}
	if pack.Name(obj.Type(), content) != h {
		return 0, nil, 0, errMisnamed
	}
	return obj.Type(), content, obj.Size(), nil
}
