package watches

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// index finds who selects an object, without asking everybody: by the object's name, and by one label that a selector
// requires.
type index[T metav1.Object] struct {
	byName  map[string][]*member[T]
	byLabel map[label][]*member[T]
	rest    []*member[T] // whose selectors require no label
}

func newIndex[T metav1.Object]() index[T] {
	return index[T]{byName: map[string][]*member[T]{}, byLabel: map[label][]*member[T]{}}
}

// add adds a member, by the label that the fewest others are found by: all may have one in common.
func (x *index[T]) add(m *member[T]) {
	if m.selector.labels == nil {
		x.byName[m.selector.name] = append(x.byName[m.selector.name], m)
		return
	}
	required := m.selector.required()
	if len(required) == 0 {
		x.rest = append(x.rest, m)
		return
	}
	m.foundBy = slices.MinFunc(required, func(a, b label) int { return len(x.byLabel[a]) - len(x.byLabel[b]) })
	x.byLabel[m.foundBy] = append(x.byLabel[m.foundBy], m)
}

func (x *index[T]) remove(m *member[T]) {
	switch {
	case m.selector.labels == nil:
		without(x.byName, m.selector.name, m)
	case m.foundBy == label{}:
		x.rest = slices.DeleteFunc(x.rest, func(other *member[T]) bool { return other == m })
	default:
		without(x.byLabel, m.foundBy, m)
	}
}

func without[K comparable, M comparable](members map[K][]M, key K, m M) {
	members[key] = slices.DeleteFunc(members[key], func(other M) bool { return other == m })
	if len(members[key]) == 0 {
		delete(members, key)
	}
}

// of returns whose selectors match an object.
func (x *index[T]) of(o metav1.Object) []*member[T] {
	found := slices.Clone(x.byName[o.GetName()])
	for key, value := range o.GetLabels() {
		found = appendMatching(found, x.byLabel[label{key, value}], o)
	}
	return appendMatching(found, x.rest, o)
}

func appendMatching[T metav1.Object](found, candidates []*member[T], o metav1.Object) []*member[T] {
	for _, m := range candidates {
		if m.selector.matches(o) {
			found = append(found, m)
		}
	}
	return found
}
