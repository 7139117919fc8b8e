package gitsource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-git/go-billy/v5/osfs"
	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/daemongate/daemongate/gitsource/treefs"
)

// mirror is a repository's folder on disk. Of the bare repositories N.git in it the one with the highest number counts:
// a new one is made under another name and gets its number when it is known to be complete.
type mirror struct {
	home    string
	limits  limits
	objects *objects
	proven  *provenTips
	folders *treefs.Folders
	// suspect is set when something is read that should be there, and is not, or is damaged.
	suspect atomic.Bool

	mu      sync.Mutex
	dir     string                 // the repository that counts; "" before the first
	shallow map[plumbing.Hash]bool // commits whose parents the mirror does not have, and need not
}

func newMirror(home string, o Options) *mirror {
	all := newObjects()
	m := &mirror{home: home, limits: limits{o.MaxPacks, o.MaxGrowth, o.smallGrowth, o.MaxPack, o.MaxObjects, o.disk},
		objects: all, proven: newProvenTips(all), folders: treefs.NewFolders()}
	if dir, _ := m.newest(); dir != "" {
		m.adopt(dir)
	}
	runtime.AddCleanup(m, (*objects).close, all) // of the files that are open, when nobody uses it any more
	return m
}

const suffix = ".git"

// newest finds the repository that counts, and its number.
func (m *mirror) newest() (dir string, number int) {
	entries, err := os.ReadDir(m.home)
	if err != nil {
		return "", 0
	}
	for _, e := range entries {
		text, ok := strings.CutSuffix(e.Name(), suffix)
		if n, err := strconv.Atoi(text); ok && err == nil && n > number {
			dir, number = filepath.Join(m.home, e.Name()), n
		}
	}
	return dir, number
}

// adopt makes a repository the one that is read. Nothing is known of it yet.
func (m *mirror) adopt(dir string) {
	shallow := map[plumbing.Hash]bool{}
	if list, err := m.storage(dir).Shallow(); err == nil {
		for _, h := range list {
			shallow[h] = true
		}
	}
	m.proven.forget()
	m.mu.Lock()
	m.dir, m.shallow = dir, shallow
	m.mu.Unlock()
	m.objects.renew(dir)
	m.suspect.Store(false)
}

// holds is true if the commit is in the mirror, complete.
func (m *mirror) holds(commit plumbing.Hash) bool {
	if m.suspect.Load() {
		return false
	}
	missing, err := m.proven.missing(context.Background(), []tip{{hash: commit}})
	return err == nil && len(missing) == 0
}

// current is the repository that counts, as far as this process knows.
func (m *mirror) current() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dir
}

// isShallow is true of a commit whose parents the mirror does not have.
func (m *mirror) isShallow(h plumbing.Hash) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.shallow[h]
}

// use lends a reader. If it fails because another process put a new repository in place, it is done again on that one.
func (m *mirror) use(do func(*reader) error) error {
	err := m.objects.use(do)
	if err == nil {
		return nil
	}
	dir, _ := m.newest()
	if dir == "" || dir == m.current() {
		return err
	}
	m.adopt(dir)
	return m.objects.use(do)
}

// storage opens a repository for writing and for its refs.
func (m *mirror) storage(dir string) *filesystem.Storage {
	return filesystem.NewStorageWithOptions(osfs.New(dir), cache.NewObjectLRU(8<<20),
		filesystem.Options{MaxOpenDescriptors: 8})
}

// begin makes an empty repository that does not count yet.
func (m *mirror) begin() (dir string, err error) {
	if dir, err = os.MkdirTemp(m.home, "new-"); err != nil {
		return "", err
	}
	if _, err := git.Init(m.storage(dir), nil); err != nil {
		return "", err
	}
	return dir, nil
}

// install lets a repository count from now on, and removes the one that did.
func (m *mirror) install(fresh string) error {
	old, number := m.newest()
	if err := weigh(fresh); err != nil {
		return err
	}
	dir := filepath.Join(m.home, strconv.Itoa(number+1)+suffix)
	if err := os.Rename(fresh, dir); err != nil {
		return err
	}
	m.adopt(dir)
	if old == "" {
		return nil
	}
	return os.RemoveAll(old)
}

// tidy removes what a killed process left behind. The folder must be locked.
func (m *mirror) tidy() error {
	dir, _ := m.newest()
	entries, err := os.ReadDir(m.home)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		path := filepath.Join(m.home, e.Name())
		if e.IsDir() && path != dir {
			errs = append(errs, os.RemoveAll(path))
		}
	}
	drafts, err := filepath.Glob(filepath.Join(m.home, "*"+suffix, "objects", "pack", "tmp_*"))
	errs = append(errs, err)
	for _, draft := range drafts {
		errs = append(errs, os.Remove(draft))
	}
	return errors.Join(errs...)
}

// damaged says of an object that should be there that it cannot be read, and has the mirror made anew at the next poll.
func (m *mirror) damaged(err error) error {
	m.suspect.Store(true)
	return fmt.Errorf("%w; the mirror is made anew at the next poll", err)
}

func short(h plumbing.Hash) string { return h.String()[:10] }

// Content reads an object of a tree. It must be there: the mirror's tips are complete.
func (m *mirror) Content(kind plumbing.ObjectType, h plumbing.Hash, limit int64) (content []byte, err error) {
	err = m.use(func(r *reader) error {
		_, content, err = r.content(kind, h, limit)
		return err
	})
	if errors.Is(err, fs.ErrInvalid) { // too large, or heavy
		return nil, err
	}
	if err != nil {
		return nil, m.damaged(fmt.Errorf("its %s %s: %w", kind, short(h), err))
	}
	return content, nil
}

// Size is the size of a file of a tree.
func (m *mirror) Size(h plumbing.Hash) (size int64, err error) {
	err = m.use(func(r *reader) error {
		size, err = r.size(h)
		return err
	})
	if err != nil {
		return 0, m.damaged(errors.New("its size: " + err.Error()))
	}
	return size, nil
}
