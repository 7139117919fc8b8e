// Package proven remembers how applies have left the objects of a Sync. Of an object that is asked for as it was then,
// and that nobody has written since, it is proven that another apply would change nothing: so it is neither read nor
// dry-run nor applied again. That nobody has written it is never believed of a watch, which may be behind: one list of
// metadata for each kind in each namespace says so, as it is when an apply begins.
package proven

import (
	"context"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/daemongate/daemongate/manifests"
)

// trustedFor is how long a proof counts. What it does not cover (another admission, a schema or default of another
// version of the API server) is noticed by the first commit after that, of which everything is asked and applied.
const trustedFor = 24 * time.Hour

// Writer asks about sets, writes them, and reads metadata: a *manifests.Client is one.
type Writer interface {
	Preview(ctx context.Context, set manifests.Set, o manifests.Options) ([]*unstructured.Unstructured, error)
	Apply(ctx context.Context, set manifests.Set, o manifests.Options) ([]manifests.Applied, error)
	Glance(ctx context.Context, inv manifests.Inventory, owner manifests.Owner) map[manifests.ID]metav1.Object
}

// Memory is what is known of the objects of one Sync. It is safe for concurrent use; nothing is lost with it but time.
type Memory struct {
	mu      sync.Mutex
	account string
	since   time.Time // of the oldest proof
	states  map[manifests.ID]state
}

// For is the memory for writes in the name of an account, at a time. What another account was allowed, and what is too
// old, proves nothing.
func (m *Memory) For(account string, now time.Time) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.account != account || now.Sub(m.since) >= trustedFor || now.Before(m.since) {
		m.states = nil
	}
	if m.account = account; len(m.states) == 0 {
		m.since = now
	}
	return m
}

// Forget has everything asked about and applied the next time.
func (m *Memory) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.states = nil
}

// Preview is the writer's, of what is not proven to be as asked. What is proven is left out of the answers.
func (m *Memory) Preview(ctx context.Context, w Writer, set manifests.Set, o manifests.Options,
) ([]*unstructured.Unstructured, error) {
	o, _ = m.knowing(ctx, w, set, o)
	return w.Preview(ctx, set, o)
}

// Apply is the writer's, of what is not proven to be as asked. It returns what was applied, and what was left alone.
func (m *Memory) Apply(ctx context.Context, w Writer, set manifests.Set, o manifests.Options,
) (applied []manifests.Applied, left manifests.Inventory, err error) {
	o, left = m.knowing(ctx, w, set, o)
	applied, err = w.Apply(ctx, set, o)
	m.note(set, applied, err == nil)
	return applied, left, err
}

// knowing are the options with which a writer makes use of what is known, and the objects that it will leave alone.
func (m *Memory) knowing(ctx context.Context, w Writer, set manifests.Set, o manifests.Options) (manifests.Options,
	manifests.Inventory) {
	states := m.snapshot()
	if len(states) == 0 {
		return o, nil
	}
	attended := attended(set)
	unchanged := unchanged(set, states, attended)
	var seen map[manifests.ID]metav1.Object
	if len(unchanged) > 0 {
		seen = w.Glance(ctx, unchanged, o.Owner)
	}
	proof := prove(set, unchanged, states, seen)
	o.Proven = func(id manifests.ID) bool { return proof[id] && !attended[id] }
	o.Last = func(id manifests.ID) *unstructured.Unstructured {
		if last, known := states[id]; known && !attended[id] {
			return last.live(id)
		}
		return nil
	}
	var left manifests.Inventory
	for _, e := range unchanged {
		if o.Proven(e.ID) {
			left = append(left, e)
		}
	}
	return o, left
}

func (m *Memory) snapshot() map[manifests.ID]state {
	m.mu.Lock()
	defer m.mu.Unlock()
	states := make(map[manifests.ID]state, len(m.states))
	for id, s := range m.states {
		states[id] = s
	}
	return states
}

// Compared takes in which objects of a set were found to be as asked, by a dry run: an apply would leave them so.
func (m *Memory) Compared(set manifests.Set, found []manifests.Applied) {
	settled := slices.DeleteFunc(slices.Clone(found), func(a manifests.Applied) bool { return !a.Settled })
	m.note(set, settled, false)
}

// Empty reports whether nothing is proven.
func (m *Memory) Empty() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.states) == 0
}

// Recall takes in what another process has applied since a time: those objects of a set that are seen now in the states
// that they are known to have been left in.
func (m *Memory) Recall(set manifests.Set, left manifests.Known, seen map[manifests.ID]metav1.Object, since time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.states) > 0 {
		return
	}
	m.states, m.since = map[manifests.ID]state{}, since
	sums := set.Sums()
	for _, o := range set.Objects() {
		id := manifests.IDOf(o)
		known, is := left[id]
		if now := seen[id]; is && now != nil && known.Still(manifests.VersionOf(now)) {
			if s, proves := stateSeen(now, o.GetAPIVersion(), sums[id]); proves {
				m.states[id] = s
			}
		}
	}
}

// note takes in what was applied. When all of a set was, nothing else needs to be known.
func (m *Memory) note(set manifests.Set, applied []manifests.Applied, all bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.states == nil {
		m.states = map[manifests.ID]state{}
	}
	sums := set.Sums()
	for _, a := range applied {
		if s, known := stateOf(a, sums[a.ID]); known {
			m.states[a.ID] = s
		} else {
			delete(m.states, a.ID)
		}
	}
	if !all {
		return
	}
	for id := range m.states {
		if _, asked := sums[id]; !asked {
			delete(m.states, id)
		}
	}
}
