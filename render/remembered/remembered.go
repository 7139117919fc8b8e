// Package remembered keeps what groups of objects rendered to, so that a commit that changes one file has only the
// group of that file rendered. What is kept is found by the digest of all that kustomize got to see (package grouped),
// by the tenant that rendered it and by nobody else: a process that a tenant's files have taken over may say anything
// of any digest.
package remembered

import (
	"container/list"
	"sync"

	"github.com/daemongate/daemongate/render/grouped"
)

// Most is how many bytes are kept if nobody says otherwise.
const Most = 32 << 20

// Store keeps what each tenant asked for last, within a bound of all. It is safe for concurrent use.
type Store struct {
	most int64

	mu      sync.Mutex
	size    int64
	tenants map[string]*share
}

// share is what is kept for a tenant.
type share struct {
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
func New(most int64) *Store { return &Store{most: most, tenants: map[string]*share{}} }

// TenantMemory is what a Store keeps for one tenant, who neither sees nor changes what it keeps for others.
type TenantMemory struct {
	store  *Store
	tenant string
}

var _ grouped.Memory = TenantMemory{}

// Of is what is kept for a tenant.
func (s *Store) Of(tenant string) TenantMemory { return TenantMemory{s, tenant} }

// Recall returns what is kept of the tenant's groups, by their digests.
func (t TenantMemory) Recall(digests []string) map[string][]grouped.Kept {
	t.store.mu.Lock()
	defer t.store.mu.Unlock()
	known := map[string][]grouped.Kept{}
	own := t.store.tenants[t.tenant]
	if own == nil {
		return known
	}
	for _, digest := range digests {
		if e, ok := own.byKey[digest]; ok {
			own.order.MoveToFront(e)
			known[digest] = entryOf(e).objects
		}
	}
	return known
}

// Len is how many groups are kept for all tenants.
func (s *Store) Len() (groups int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, own := range s.tenants {
		groups += len(own.byKey)
	}
	return groups
}

// beside is what an object takes beside its text, about.
const beside = 200

// Keep keeps what a group of the tenant's rendered to. Where there is no room for it, those for whom most is kept lose
// what they have not asked for for longest: what others keep stays, as long as it is less.
func (t TenantMemory) Keep(digest string, objects []grouped.Kept) {
	e := &entry{digest: digest, objects: objects, size: beside}
	for _, o := range objects {
		e.size += int64(len(o.JSON)+len(o.Name)) + beside
	}
	s := t.store
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.tenants[t.tenant]
	if own == nil {
		own = &share{byKey: map[string]*list.Element{}}
	}
	if _, known := own.byKey[digest]; known || e.size > s.most {
		return
	}
	s.tenants[t.tenant] = own
	own.byKey[digest] = own.order.PushFront(e)
	own.size += e.size
	for s.size += e.size; s.size > s.most; {
		s.forget(s.largest(t.tenant))
	}
}

// largest is for whom most is kept: the tenant that keeps more, of those for whom it is the same.
func (s *Store) largest(keeps string) string {
	largest := keeps
	for tenant, own := range s.tenants {
		if own.size > s.tenants[largest].size {
			largest = tenant
		}
	}
	return largest
}

// forget lets go of what a tenant has not asked for for longest.
func (s *Store) forget(tenant string) {
	own := s.tenants[tenant]
	oldest := entryOf(own.order.Back())
	own.order.Remove(own.order.Back())
	delete(own.byKey, oldest.digest)
	own.size -= oldest.size
	s.size -= oldest.size
	if len(own.byKey) == 0 {
		delete(s.tenants, tenant)
	}
}
