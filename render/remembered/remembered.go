// Package remembered keeps what groups of objects rendered to, so that a commit that changes one file has only the
// group of that file rendered. What is kept is found by the digest of all that kustomize got to see (package grouped),
// so that it does not matter whose it was: who has the same files gets what their own render would come to.
package remembered

import (
	"container/list"
	"sync"

	"github.com/daemongate/daemongate/render/grouped"
)

// Most is how many bytes are kept if nobody says otherwise.
const Most = 32 << 20

// Store keeps what was asked for last, within a bound. It is safe for concurrent use.
type Store struct {
	most int64

	mu    sync.Mutex
	size  int64
	byKey map[string]*list.Element // of an entry
	order list.List                // what was asked for last, first
}

type entry struct {
	digest  string
	objects []grouped.Kept
	size    int64
}

func entryOf(e *list.Element) *entry {
	if found, ok := e.Value.(*entry); ok {
		return found
	}
	return &entry{}
}

// New returns a Store that keeps so many bytes.
func New(most int64) *Store { return &Store{most: most, byKey: map[string]*list.Element{}} }

var _ grouped.Memory = (*Store)(nil)

// Recall returns what is kept of groups, by their digests.
func (s *Store) Recall(digests []string) map[string][]grouped.Kept {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := map[string][]grouped.Kept{}
	for _, digest := range digests {
		if e, ok := s.byKey[digest]; ok {
			s.order.MoveToFront(e)
			known[digest] = entryOf(e).objects
		}
	}
	return known
}

// Len is how many groups are kept.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byKey)
}

// beside is what an object takes beside its text, about.
const beside = 200

// Keep keeps what a group rendered to, and lets go of what nobody has asked for for longest.
func (s *Store) Keep(digest string, objects []grouped.Kept) {
	e := &entry{digest: digest, objects: objects, size: beside}
	for _, o := range objects {
		e.size += int64(len(o.JSON)+len(o.Name)) + beside
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.byKey[digest]; known || e.size > s.most {
		return
	}
	s.byKey[digest] = s.order.PushFront(e)
	for s.size += e.size; s.size > s.most; {
		oldest := entryOf(s.order.Back())
		s.order.Remove(s.order.Back())
		delete(s.byKey, oldest.digest)
		s.size -= oldest.size
	}
}
