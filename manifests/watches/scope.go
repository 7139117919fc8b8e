package watches

import (
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// From how many followers on they share a watch that sees more than theirs: in one namespace, and in all of them.
const (
	manyHere       = 4
	manyEverywhere = 16
)

// refusedFor is how long a wider watch is not asked for again that the API server has refused, or that saw too much.
const refusedFor = 10 * time.Minute

// A shared watch may see this many objects that nobody wants, and this many more for each one that is wanted. That is
// looked at every so often.
const (
	mostOfOthers  = 1000
	othersForEach = 10
	weighPause    = time.Minute
)

// Wanted is what a follower wants to see: the objects of a kind in a namespace that carry its value of the pool's
// label.
type Wanted struct {
	Resource  schema.GroupVersionResource
	Namespace string // empty for kinds without namespaces
	Value     string
}

// scope is what a watch sees of a kind: a namespace, or all if it is empty; one value of the label, or all if it is
// empty.
type scope struct{ namespace, value string }

func (w Wanted) alone() scope      { return scope{w.Namespace, w.Value} }
func (w Wanted) here() scope       { return scope{namespace: w.Namespace} }
func (w Wanted) everywhere() scope { return scope{} }

// scopeFor is what the watch sees that a follower should have: with few others one of its own. A wider one that there
// is already stays.
func (k *kind[V]) scopeFor(m *member[V]) scope {
	w := m.wanted
	switch {
	case m.alone:
		return w.alone()
	case k.shares(w.everywhere(), len(k.alike), manyEverywhere):
		return w.everywhere()
	case k.shares(w.here(), k.here[w.Namespace], manyHere):
		return w.here()
	}
	return w.alone()
}

func (k *kind[V]) shares(s scope, followers, many int) bool {
	if k.streams[s] != nil {
		return true
	}
	refused, was := k.refused[s]
	return followers >= many && (!was || time.Since(refused) > refusedFor)
}
