// Package proven remembers how applies have left the objects of a Sync. Of an object that is asked for as it was then,
// and that nobody has written since, it is proven that another apply would change nothing: so it is neither read nor
// dry-run nor applied again. That nobody has written it is never believed of a watch, which may be behind: one list of
// metadata for each kind in each namespace says so, as it is when an apply begins; of what a commit waits for, and of
// what runs pods, it is a list of whole objects.
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
	Glance(ctx context.Context, inv manifests.Inventory, owner manifests.Owner, whole map[manifests.ID]bool,
	) map[manifests.ID]metav1.Object
}

// Memory is what is known of the objects of one Sync. It is safe for concurrent use; nothing is lost with it but time.
type Memory struct {
	mu      sync.Mutex
	account string
	since   time.Time // of the oldest proof
	states  map[manifests.ID]state
	// absences are what the last preview found not to be there, for the apply that comes next.
	absences *manifests.Absences
	// applies counts how often one has begun, and how often one has ended.
	applies int
}

// For is the memory for writes in the name of an account, at a time. What another account was allowed, and what is too
// old, proves nothing.
func (m *Memory) For(account string, now time.Time) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.account != account || now.Sub(m.since) >= trustedFor || now.Before(m.since) {
		m.states, m.absences = nil, nil
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
	m.states, m.absences = nil, nil
}

// Preview is the writer's, of what is not proven to be as asked. Of what is proven, those that a commit waits for and
// those that run pods are among the answers, as they are; the others are left out. What the Sync has not written is
// likely not there: it is asked about without a look, and the next apply creates it without one.
func (m *Memory) Preview(ctx context.Context, w Writer, set manifests.Set, o manifests.Options,
) ([]*unstructured.Unstructured, error) {
	k, applies := m.knowing(ctx, w, set, o), m.applied()
	k.options.Absences = set.Unwritten(o.Inventory)
	answers, err := w.Preview(ctx, set, k.options)
	if err != nil {
		k.options.Absences = nil // nothing of it will be applied
	}
	m.keep(k.options.Absences, applies)
	for _, a := range k.seen {
		answers = append(answers, a.Object)
	}
	return answers, err
}

// Apply is the writer's, of what is not proven to be as asked. It returns what was applied, and what was left alone. Of
// what is proven, those that a commit waits for and those that run pods are returned as if they had been applied.
func (m *Memory) Apply(ctx context.Context, w Writer, set manifests.Set, o manifests.Options,
) (applied []manifests.Applied, left manifests.Inventory, err error) {
	k := m.knowing(ctx, w, set, o)
	k.options.Absences = m.take()
	k.options.Seen = make(map[manifests.ID]manifests.Applied, len(k.seen))
	for _, a := range k.seen {
		k.options.Seen[a.ID] = a
	}
	applied, err = w.Apply(ctx, set, k.options)
	m.take()
	inOrder(set, applied)
	m.note(set, applied, err == nil)
	return applied, k.left, err
}

// known is what is known of a set before it is asked about or written.
type known struct {
	options manifests.Options   // with which a writer makes use of it
	left    manifests.Inventory // the objects that it will leave alone, and of which no more than that is needed
	seen    []manifests.Applied // the others that it will leave alone, as they are
}

func (m *Memory) knowing(ctx context.Context, w Writer, set manifests.Set, o manifests.Options) (k known) {
	states := m.snapshot()
	if k.options = o; len(states) == 0 {
		return k
	}
	attended := attended(set)
	unchanged := unchanged(set, states, attended)
	var seen map[manifests.ID]metav1.Object
	if len(unchanged) > 0 {
		seen = w.Glance(ctx, unchanged, o.Owner, attended)
	}
	proof := prove(set, unchanged, states, seen)
	k.options.Proven = func(id manifests.ID) bool { return proof[id] }
	k.options.Last = func(id manifests.ID) *unstructured.Unstructured {
		if last, known := states[id]; known && !attended[id] {
			return last.live(id)
		}
		return nil
	}
	for _, e := range unchanged {
		switch live, whole := seen[e.ID].(*unstructured.Unstructured); {
		case !proof[e.ID]:
		case attended[e.ID] && whole:
			k.seen = append(k.seen, manifests.Unchanged(e.ID, live))
		default:
			k.left = append(k.left, e)
		}
	}
	return k
}

// inOrder brings answers into the order in which the objects of a set are written.
func inOrder(set manifests.Set, answers []manifests.Applied) {
	place := make(map[manifests.ID]int, set.Len())
	for i, id := range set.IDs() {
		place[id] = i
	}
	slices.SortStableFunc(answers, func(a, b manifests.Applied) int { return place[a.ID] - place[b.ID] })
}

// applied is how many applies have begun, and have ended.
func (m *Memory) applied() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.applies
}

// keep keeps what is known not to be there, in the place of what was kept: nothing, if an apply has begun or ended
// since it began to be looked for. What was not there may have been made by that.
func (m *Memory) keep(absences *manifests.Absences, applies int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.absences = nil; m.applies == applies {
		m.absences = absences
	}
}

// take returns what is kept, which an apply that begins or ends leaves to nobody else.
func (m *Memory) take() (absences *manifests.Absences) {
	m.mu.Lock()
	defer m.mu.Unlock()
	absences, m.absences = m.absences, nil
	m.applies++
	return absences
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

// Recall takes in what another process has applied since a time: those objects of a set that a writer sees now in the
// states that they are known to have been left in. A DaemonSet whose pods are held back is not as the set has it.
func (m *Memory) Recall(ctx context.Context, w Writer, set manifests.Set, left manifests.Known, o manifests.Options,
	since time.Time) {
	if !m.Empty() {
		return
	}
	attended := attended(set)
	seen := w.Glance(ctx, set.Inventory(), o.Owner, attended)
	states, sums := map[manifests.ID]state{}, set.Sums()
	for _, o := range set.Objects() {
		id := manifests.IDOf(o)
		known, is := left[id]
		if now := seen[id]; is && now != nil && known.Still(manifests.VersionOf(now)) && !isHeld(id, now) {
			if s, proves := stateSeen(now, o.GetAPIVersion(), sums[id], attended[id]); proves {
				states[id] = s
			}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.states) == 0 {
		m.states, m.since = densely(states), since
	}
}

// note takes in what was applied. When all of a set was, nothing else needs to be known.
func (m *Memory) note(set manifests.Set, applied []manifests.Applied, all bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.states == nil {
		m.states = map[manifests.ID]state{}
	}
	sums, attended := set.Sums(), attended(set)
	for _, a := range applied {
		if s, known := stateOf(a, sums[a.ID], attended[a.ID]); known {
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
	m.states = densely(m.states)
}
