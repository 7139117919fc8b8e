package gitsource

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"
	"weak"

	"github.com/daemongate/daemongate/gitsource/remote"
)

// Auth is how to identify to a Git server.
type Auth = remote.Auth

// Options bound what a mirror may cost. A zero field means its default.
type Options struct {
	// Idle is how long a connection may be silent before it is given up (45 s).
	Idle time.Duration
	// PollTimeout bounds a ref advertisement, connecting included (1 min).
	PollTimeout time.Duration
	// FetchTimeout bounds the transfer of objects (30 min).
	FetchTimeout time.Duration
	// MaxPacks is the number of fetches after which a mirror is made anew, in one pack (200).
	MaxPacks int
	// MaxGrowth is how many times its size when it was made anew a mirror may have on disk, 64 MiB aside, before it is
	// made anew again (2): what force-pushes left behind goes with the old one.
	MaxGrowth int
	// MaxPack is the size in bytes above which what a server sends in one fetch is refused, such as a repository that
	// is too large for the disk; without it nothing is.
	MaxPack int64
	// MaxObjects is how many objects a server may send in one fetch; without it any number.
	MaxObjects int64
	// MaxDisk is how many bytes all mirrors together may have on disk; without it any number. Repositories that are not
	// mirrored yet may fill four fifths of it.
	MaxDisk int64
	// ManyRefs is the number of refs above which a poll asks only for those that are wanted, in two requests instead of
	// one, if the server can be asked so (100).
	ManyRefs int
	// KeepUnused is how long a mirror stays that nobody has polled or read (30 days).
	KeepUnused time.Duration
	// MaxFile is the size in bytes above which a file of a tree is refused (32 MiB).
	MaxFile int64

	// Reach says where connections may lead.
	Reach remote.Reach

	smallGrowth int64 // bytes of growth that are not worth a new mirror, however small that would be
	disk        *disk // of the store
}

func (o Options) withDefaults() Options {
	set(&o.Idle, remote.DefaultIdle)
	set(&o.PollTimeout, time.Minute)
	set(&o.FetchTimeout, 30*time.Minute)
	set(&o.MaxPacks, 200)
	set(&o.MaxGrowth, 2)
	set(&o.ManyRefs, 100)
	set(&o.KeepUnused, 30*24*time.Hour)
	set(&o.MaxFile, 32<<20)
	set(&o.smallGrowth, 64<<20)
	return o
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Store is a folder of mirrors. It is safe for concurrent use, also by several processes.
type Store struct {
	dir     string
	options Options
	ctx     context.Context // ends the polls that are under way at Close
	cancel  context.CancelFunc

	mu           sync.Mutex
	key          []byte
	repositories map[string]weak.Pointer[Repository] // as long as somebody uses them
}

// Open returns the store in the folder, which is made when the first repository is mirrored.
func Open(dir string, o Options) *Store {
	ctx, cancel := context.WithCancel(context.Background())
	o.disk = &disk{most: o.MaxDisk}
	return &Store{dir: dir, options: o.withDefaults(), ctx: ctx, cancel: cancel,
		repositories: map[string]weak.Pointer[Repository]{}}
}

// Close ends what is under way. Mirrors stay on disk.
func (s *Store) Close() {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, known := range s.repositories {
		if r := known.Value(); r != nil {
			r.close()
		}
	}
}

// Repository returns the mirror of a repository for these credentials, always the same one; nothing is connected to
// yet. Credentials of an Identity that is already known replace the earlier ones.
func (s *Store) Repository(url string, auth Auth) (*Repository, error) {
	address, auth, err := remote.ParseAddress(url, auth)
	if err != nil {
		return nil, err
	}
	if err := s.options.Reach.Permits(address); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id, err := s.identify(address, auth)
	if err != nil {
		return nil, err
	}
	r := s.repositories[id].Value()
	if r != nil && r.auth.equal(auth) {
		return r, nil
	}
	to, err := remote.New(url, auth, s.remote())
	if err != nil {
		return nil, err
	}
	r = s.repository(id, address)
	r.auth.set(to)
	return r, nil
}

// Lend returns the mirror of a repository for the credentials of an identity, which names where the source reads them,
// such as a Secret; always the same one. Nothing is connected to, and the source is not asked, before the first poll.
func (s *Store) Lend(url, identity string, source Source) (*Repository, error) {
	address, auth, err := remote.ParseAddress(url, Auth{Identity: identity})
	if err != nil {
		return nil, Mistake(err)
	}
	if err := s.options.Reach.Permits(address); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id, err := s.identify(address, auth)
	if err != nil {
		return nil, err
	}
	r := s.repository(id, address)
	r.auth.follow(source, func(auth Auth) (*remote.Remote, error) {
		auth.Identity = identity
		to, err := remote.New(url, auth, s.remote())
		if err != nil && identity != "" {
			return nil, fmt.Errorf("%w; the credentials are from %s", err, identity)
		}
		return to, err
	})
	return r, nil
}

// remote is how servers are spoken to.
func (s *Store) remote() remote.Options {
	return remote.Options{Idle: s.options.Idle, Reach: s.options.Reach}
}

// repository returns the mirror in the folder of that name.
func (s *Store) repository(id string, at remote.Address) *Repository {
	r := s.repositories[id].Value()
	if r == nil {
		maps.DeleteFunc(s.repositories, func(_ string, r weak.Pointer[Repository]) bool { return r.Value() == nil })
		r = newRepository(s.ctx, at, filepath.Join(s.dir, id), s.options)
		r.sweep = s.sweep
		s.repositories[id] = weak.Make(r)
	}
	return r
}

// Known is how many mirrors are in use, or were a moment ago.
func (s *Store) Known() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.repositories)
}

// NameOf is the name of a folder for what is kept of a repository beside its mirror, by its URL as it is written and
// the identity of the credentials. Like that of a mirror it cannot be guessed.
func (s *Store) NameOf(url, identity string) (string, error) {
	address, _, err := remote.ParseAddress(url, Auth{})
	if err != nil {
		return "", err
	}
	if err := s.options.Reach.Permits(address); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keyed("beside %q %q", url, identity)
}

// identify names a mirror's folder. Whoever reads the name, and tries passwords on it, must have the key.
func (s *Store) identify(address remote.Address, auth Auth) (string, error) {
	if auth.Identity != "" {
		return s.keyed("%s\nby name %s", address, auth.Identity)
	}
	return s.keyed("%s\nby value %s", address, auth.Fingerprint())
}

// keyed is what only who has the store's key can make of a text.
func (s *Store) keyed(format string, args ...any) (string, error) {
	if s.key == nil {
		key, err := readKey(s.dir)
		if err != nil {
			return "", fmt.Errorf("mirrors in %s: %w", s.dir, err)
		}
		s.key = key
	}
	mac := hmac.New(sha256.New, s.key)
	fmt.Fprintf(mac, format, args...)
	return hex.EncodeToString(mac.Sum(nil)[:16]), nil
}

// readKey returns the store's own key, which is made with the store.
func readKey(dir string) ([]byte, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "names.key")
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return nil, err
	}
	// Written whole or not at all, and by one process only.
	draft, err := os.CreateTemp(dir, "names.key.*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(draft.Name())
	_, err = draft.Write(fresh)
	if err := errors.Join(err, draft.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}
